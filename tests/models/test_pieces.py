"""Edits against real tokenizers: word pieces, bytes, and one that covers Japanese."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from gazeshift.edits import EDITS, Corpus, matched_modifiers, random_for, shipped
from gazeshift.errors import ConfigError
from gazeshift.models import TokenizerPieces
from gazeshift.models.tokenizer import TextTokenizer, train_tokenizer
from gazeshift.pairs import Pair

PAIR = Pair("a", b"", "green apple pie", "apple_pie", "test")


def word_pieces(max_tokens: int = 8, cleaning: str = "none") -> TokenizerPieces:
    words = ["red", "gold", "##en", "left", "right", "to", "##p", "wood", "##en", "apple", "pie", "a", "green"]
    vocabulary = {
        piece: n for n, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(words)])
    }
    fast = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    hugging = PreTrainedTokenizerFast(tokenizer_object=fast, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]")
    return TokenizerPieces(TextTokenizer(hugging, max_tokens, cleaning))


def own(cleaning: str) -> TokenizerPieces:
    return TokenizerPieces(TextTokenizer(train_tokenizer(["green apple pie", "unmask"], 50), 9, cleaning))


def byte_pairs() -> TokenizerPieces:
    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer, fast.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=alphabet, special_tokens=["<pad>"], show_progress=False
    )
    fast.train_from_iterator(["red apple pie", "left apple pie"] * 9, trainer)
    return TokenizerPieces(TextTokenizer(PreTrainedTokenizerFast(tokenizer_object=fast, pad_token="<pad>"), 20))


def test_a_word_piece_tokenizer_says_what_it_knows() -> None:
    pieces = word_pieces()
    assert pieces.split("golden top") == ("gold", "##en", "to", "##p")
    assert (pieces.count("golden"), pieces.count("")) == (2, 0)
    assert [pieces.knows(word) for word in ("red", "golden", "mauve", "", "赤い")] == [True, True, False, False, False]
    assert pieces.mask == "[MASK]"
    assert pieces.limit == 8  # this tokenizer adds no special tokens


def test_matching_by_word_pieces_leaves_out_and_counts_unknown_words() -> None:
    pieces, lexicon = word_pieces(), shipped("english")
    with pytest.raises(
        ConfigError, match=r"lexicon english: only 0 of \d+ material words .* use a lexicon in the language"
    ):
        matched_modifiers(lexicon, pieces)
    matched = matched_modifiers(lexicon, pieces, kinds=["colour", "position"])
    assert (matched.pieces, matched.words) == (1, {"colour": ("red", "green"), "position": ("left", "right")})
    unknown = len(lexicon.kinds["colour"]) - 3
    assert matched.excluded_counts()["colour"] == {
        "a different number of pieces": 1,
        "unknown to the tokenizer": unknown,
    }


def test_a_tokenizer_of_the_training_titles_spells_what_it_has_not_seen() -> None:
    titles = ["red apple pie", "left over pie", "abcdefghijklmnopqrstuvwxyz"]
    text_tokenizer = TextTokenizer(train_tokenizer(titles, 200), 10)
    pieces = TokenizerPieces(text_tokenizer)
    assert pieces.limit == 8
    assert (pieces.count("red"), pieces.count("blick")) == (1, 5)
    matched = matched_modifiers(shipped("english"), pieces, nouns=["apple pie"])
    for words in matched.words.values():
        assert {len(text_tokenizer([f"{word} apple pie"]).ids[0]) for word in words} == {matched.pieces + 4}


def test_bytes_know_every_word_and_are_matched_beside_the_noun() -> None:
    pieces = byte_pairs()
    assert pieces.knows("赤い")
    assert pieces.mask == ""
    nouns = ["apple pie", "tart"]
    matched = matched_modifiers(shipped("english"), pieces, nouns=nouns)
    texts = [[pieces.count(f"{word} {noun}") for words in matched.words.values() for word in words] for noun in nouns]
    assert [len(set(counts)) for counts in texts] == [1, 1]
    assert matched.per_kind >= 2


def test_a_tokenizer_that_covers_japanese_matches_japanese_words() -> None:
    lexicon = shipped("japanese")
    letters = {letter for words in lexicon.kinds.values() for word in words for letter in word}
    pieces = TokenizerPieces(TextTokenizer(train_tokenizer([" ".join(sorted(letters | set("アップルパイ")))], 50), 20))
    matched = matched_modifiers(lexicon, pieces, nouns=["パイ", "アップルパイ"])
    assert matched.per_kind >= 10
    assert {pieces.count(word) for words in matched.words.values() for word in words} == {matched.pieces}
    english = TokenizerPieces(TextTokenizer(train_tokenizer(["apple pie"], 50), 20))
    with pytest.raises(ConfigError, match="lexicon japanese: only 0 of"):
        matched_modifiers(lexicon, english)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (word_pieces(), "green [MASK] [MASK]"),
        (own("gallo"), "green"),
        (own("none"), "green [MASK] [MASK]"),
        (byte_pairs(), "green"),
    ],
)
def test_hidden_words_are_read_as_the_mask_or_not_at_all(pieces: TokenizerPieces, expected: str) -> None:
    edited = EDITS["mask"](Corpus({}, ()), pieces)(PAIR, random_for("mask", "a"))
    assert edited is not None
    assert edited.text == expected
    assert pieces.mask == "" or pieces.split(edited.text) == ("green", "[MASK]", "[MASK]")


def test_the_limit_is_where_the_model_stops_reading() -> None:
    tokenizer = TextTokenizer(train_tokenizer(["apple pie"], 50), 6)
    pieces = TokenizerPieces(tokenizer)
    for text in ("apple " * 4, "apple " * 5):
        assert (pieces.count(text) > pieces.limit,) == tokenizer([text]).truncated
