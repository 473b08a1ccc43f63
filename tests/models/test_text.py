"""Texts: the same vocabulary everywhere, and vectors that depend on the text alone."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from gazeshift.errors import ModelError, UsageError
from gazeshift.models import TextSpec, build_text
from gazeshift.models.build import TextParts
from gazeshift.models.tokenizer import TextTokenizer, WordPieceTokenizer, clean_gallo, train_tokenizer, vocabulary

TITLES = [
    f"{a} {b} {c}"
    for a in ("Red", "Green", "Großer", "赤い")
    for b in ("apple", "Ketchup", "寿司")
    for c in ("🍣", "pie", "x")
]
TEXTS = [
    "apple pie",
    "",
    "寿司と蜂蜜 🍣🍯",
    "a much longer text with many words that the short ones are padded to, and more",
]
KINDS = {
    "tf-idf": TextSpec(encoder="tf-idf", max_tokens=40),
    "transformer": TextSpec(encoder="transformer", width=16, layers=2, heads=2, max_tokens=40),
    "huggingface mean": TextSpec(encoder="huggingface", pooling="mean", max_tokens=40),
    "huggingface cls": TextSpec(encoder="huggingface", pooling="cls", max_tokens=40),
    "bert-lstm": TextSpec(encoder="bert-lstm", width=12, max_tokens=40),
    "bert-lstm-padded": TextSpec(encoder="bert-lstm-padded", width=12, max_tokens=40),
}


@pytest.fixture(scope="module")
def saved_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    """Our tokenizer of the titles, saved and loaded by transformers."""
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(TITLES, 200).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(params=KINDS)
def parts(request: pytest.FixtureRequest, bert_folder: str) -> TextParts:
    torch.manual_seed(0)
    parts = build_text(KINDS[request.param], TITLES, bert_folder)
    parts.encoder.eval()
    return parts


def encode(parts: TextParts, texts: list[str]) -> torch.Tensor:
    assert parts.tokenizer is not None
    tokens = parts.tokenizer(texts)
    with torch.no_grad():
        return parts.encoder(tokens.ids, tokens.mask).pooled


def test_padding_never_changes_a_vector(parts: TextParts) -> None:
    together = encode(parts, TEXTS)
    assert together.shape == (4, parts.encoder.width)
    for text, vector in zip(TEXTS, together, strict=True):
        torch.testing.assert_close(encode(parts, [text])[0], vector, rtol=1e-5, atol=1e-5)


def test_different_texts_have_different_vectors(parts: TextParts) -> None:
    together = encode(parts, TEXTS)
    assert together.isfinite().all(), "the empty text too"
    distances = torch.cdist(together, together) + torch.eye(4)
    assert float(distances.min()) > 1e-4


def test_the_order_of_words_matters_except_in_a_bag_of_words(parts: TextParts) -> None:
    one, other = encode(parts, ["red apple ketchup", "ketchup apple red"])
    moved = float((one - other).abs().max())
    assert moved == 0 if parts.spec.encoder == "tf-idf" else moved > 1e-5


@pytest.mark.slow
def test_the_same_vocabulary_in_every_process() -> None:
    program = (
        "import json, sys; from gazeshift.models.tokenizer import vocabulary;"
        "print(json.dumps(vocabulary(json.load(sys.stdin), 60)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1"},  # this process has another, random one
        input=json.dumps(TITLES),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert list(json.loads(output).items()) == list(vocabulary(TITLES, 60).items())


def test_the_order_of_titles_does_not_matter() -> None:
    shuffled = random.Random(0).sample(TITLES, len(TITLES))
    assert list(vocabulary(shuffled, 60).items()) == list(vocabulary(TITLES, 60).items())


def test_common_words_are_pieces_and_rare_ones_fall_apart() -> None:
    tokenizer = train_tokenizer(["apple apple apple pie"], 16)
    texts = ["apple PIE", "leap", "寿司", ""]
    assert [tokenizer.convert_ids_to_tokens(ids) for ids in tokenizer(texts)["input_ids"]] == [
        ["[CLS]", "apple", "p", "##i", "##e", "[SEP]"],
        ["[CLS]", "l", "##e", "##a", "##p", "[SEP]"],
        ["[CLS]", "[UNK]", "[UNK]", "[SEP]"],
        ["[CLS]", "[SEP]"],
    ]


@given(
    st.lists(
        st.text(max_size=20) | st.sampled_from(["[MASK] pie", "a[SEP]b", "[pad]", "red apple pie " * 9]), min_size=1
    )
)
def test_transformers_reads_our_tokenizer_as_we_do(saved_tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> None:
    ours = TextTokenizer(train_tokenizer(TITLES, 200), 7)(texts)
    theirs = saved_tokenizer(texts, truncation=True, max_length=7, padding=True, return_tensors="pt")
    assert torch.equal(ours.ids, theirs["input_ids"])
    assert torch.equal(ours.mask, theirs["attention_mask"].bool())
    assert ours.truncated == tuple(len(ids) > 7 for ids in saved_tokenizer(texts)["input_ids"])


def test_what_transformers_saved_is_read_without_it(saved_tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    saved_tokenizer(TITLES, truncation=True, max_length=3, padding=True)  # leaves its limit in the file
    saved_tokenizer.save_pretrained(tmp_path)
    own, read = train_tokenizer(TITLES, 200), WordPieceTokenizer.from_pretrained(tmp_path)
    assert read.get_vocab() == own.get_vocab() == saved_tokenizer.get_vocab()
    assert read(TITLES) == own(TITLES)
    for role in ("pad", "unk", "mask"):
        assert own.special_tokens_map[f"{role}_token"] == getattr(saved_tokenizer, f"{role}_token")


@given(st.lists(st.text(max_size=20), max_size=8))
def test_any_text_can_be_read(texts: list[str]) -> None:
    tokenizer = TextTokenizer(train_tokenizer(texts, 100), 16)
    if not texts:
        return
    tokens = tokenizer(texts)
    assert tokens.ids.shape == tokens.mask.shape
    assert (tokens.mask.sum(1) >= 2).all()
    unknown = tokenizer.tokenizer.convert_tokens_to_ids("[UNK]")
    kept = tokens.ids[tokens.mask]
    assert (kept != unknown).all(), "every character of the training texts has a piece"


def test_truncation_is_reported() -> None:
    tokenizer = TextTokenizer(train_tokenizer(TITLES, 200), 5)
    tokens = tokenizer(["red apple pie", "red apple pie red", ""])
    assert tokens.truncated == (False, True, False)
    assert tokens.mask.sum(1).tolist() == [5, 5, 2]
    assert tokens.ids[1, :4].tolist() == tokens.ids[0, :4].tolist(), "the end is lost, not the beginning"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<b>Nonna's</b> 5 Best Pies!", "nonna best pies"),
        ("Tomato &amp; basil", "tomato amp basil"),
        ("a pie", "pie"),
        ("蜂蜜 🍯 123", ""),
    ],
)
def test_cleaning_of_gallo(text: str, cleaned: str) -> None:
    assert clean_gallo(text) == cleaned
    tokenizer = TextTokenizer(train_tokenizer(TITLES, 200), 20, "gallo")
    assert torch.equal(tokenizer([text]).ids, tokenizer([cleaned]).ids)


def test_an_unknown_cleaning_is_named() -> None:
    with pytest.raises(UsageError, match="Known: gallo, none"):
        TextTokenizer(train_tokenizer(TITLES, 200), 20, "strip")


def test_bert_lstm_is_an_lstm_over_berts_tokens(bert_folder: str) -> None:
    parts = build_text(KINDS["bert-lstm"], [], bert_folder)
    encoder, tokenizer = parts.encoder.eval(), parts.tokenizer
    tokens = tokenizer(["apple pie"])
    with torch.no_grad():
        hidden = encoder.net(input_ids=tokens.ids, attention_mask=tokens.mask.long()).last_hidden_state
        _, (last, _) = encoder.lstm(hidden)
        torch.testing.assert_close(encoder(tokens.ids, tokens.mask).pooled, last[0])


def test_padded_bert_lstm_is_an_lstm_over_the_padding_too(bert_folder: str) -> None:
    """One text at a time, with every place written out: ``[SEP]`` falls off where it is the last place's."""
    parts = build_text(TextSpec(encoder="bert-lstm-padded", width=12, max_tokens=9), [], bert_folder)
    encoder, tokenizer = parts.encoder.eval(), parts.tokenizer
    texts = ["apple pie", "", "apple pie with cream and red tomato ketchup"]
    tokens = tokenizer(texts)
    together = encoder(tokens.ids, tokens.mask)
    for row, text in enumerate(texts):
        pieces = tokenizer.tokenizer([text])["input_ids"][0][:8]
        ids = torch.tensor([pieces + [0] * (8 - len(pieces))])
        real = torch.tensor([[1] * len(pieces) + [0] * (8 - len(pieces))])
        with torch.no_grad():
            _, (last, _) = encoder.lstm(encoder.net(input_ids=ids, attention_mask=real).last_hidden_state)
        torch.testing.assert_close(together.pooled[row], last[0, 0], rtol=0, atol=1e-5)
        assert int(together.mask[row].sum()) == len(pieces)


def test_what_cannot_be_used_is_named(bert_folder: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded") as error:
        build_text(TextSpec(encoder="huggingface"), [], str(tmp_path / "nothing"))
    assert "\n" not in str(error.value)
    with pytest.raises(ModelError, match="reads at most 40 tokens; 41 are too many"):
        build_text(TextSpec(encoder="huggingface", max_tokens=41), [], bert_folder)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes(Path(bert_folder, name).read_bytes())
    with pytest.raises(ModelError, match="no tokenizer"):
        build_text(TextSpec(encoder="huggingface"), [], str(tmp_path))


@pytest.mark.parametrize("source", ["ours", "transformers"])
def test_a_text_of_which_no_piece_is_known_is_said(source: str, saved_tokenizer: PreTrainedTokenizerBase) -> None:
    inner = train_tokenizer(TITLES, 200) if source == "ours" else saved_tokenizer
    texts = ["red apple", "ពាក្យ", "ពាក្យ red", "", "  ", "[MASK]", "ពាក្យ [MASK]", "ក " * 30]
    assert TextTokenizer(inner, 5)(texts).unread == (False, True, False, False, False, False, False, True)
    cleaned = TextTokenizer(inner, 5, "gallo")(["red apple", "寿司 123", "", "ពាក្យ red"])
    assert cleaned.unread == (False, True, False, False), "nothing is left of it after cleaning"


def test_tf_idf_is_scikit_learns() -> None:
    parts = build_text(KINDS["tf-idf"], TITLES)
    assert parts.tokenizer is not None
    names = sorted(parts.tokenizer.tokenizer.get_vocab().items(), key=lambda item: item[1])
    special = set(parts.tokenizer.tokenizer.special_tokens_map.values())
    pieces = [name for name, _ in names]

    def cut(text: str) -> list[str]:
        ids = parts.tokenizer([text]).ids[0].tolist()
        return [pieces[number] for number in ids if pieces[number] not in special]

    theirs = TfidfVectorizer(tokenizer=cut, token_pattern=None, lowercase=False, vocabulary=pieces).fit(TITLES)
    texts = ["red red apple", "寿司 pie", "", "unheard ketchup"]
    expected = torch.from_numpy(theirs.transform(texts).toarray()).float()
    torch.testing.assert_close(encode(parts, texts), expected * len(pieces) ** 0.5)
    assert not expected[2].any()
