"""Texts to token ids: a vocabulary made from the training texts, or any Hugging Face tokenizer."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from gazeshift.errors import ModelError
from gazeshift.models.features import Tokens
from gazeshift.registry import lookup

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_TAGS = re.compile(r"<[^>]+>")
_NON_LETTERS = re.compile(r"[^a-zA-Z]")
_NO_TOKENIZER = "no tokenizer for {!r}; give a Hugging Face name or a local folder with its files."
_SINGLE = re.compile(r"\s+[a-zA-Z]\s+")


def clean_gallo(text: str) -> str:
    """The text cleaning of Gallo et al. 2020: tags and non-letters to space, single letters dropped, lower case.

    Example:
        >>> clean_gallo("<b>Nonna's</b> 5 Best a Pies")
        'nonna best pies'
    """
    text = _NON_LETTERS.sub(" ", _TAGS.sub(" ", text))
    return " ".join(_SINGLE.sub(" ", f" {text} ").lower().split())


CLEANERS: dict[str, Callable[[str], str]] = {"none": str, "gallo": clean_gallo}


class TextTokenizer:
    """A Hugging Face tokenizer with a length limit and a cleaning step; it says which texts it cut."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_tokens: int, cleaning: str = "none") -> None:
        self.tokenizer = tokenizer
        # Longer texts lose their end, and padding stands behind the text, whatever the tokenizer was made for.
        self.tokenizer.padding_side = self.tokenizer.truncation_side = "right"
        self.max_tokens = max_tokens
        self.clean = lookup(CLEANERS, cleaning, "text cleaning")

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Token ids of texts, padded to the longest."""
        cleaned = [self.clean(text) for text in texts]
        whole = self.tokenizer(cleaned, add_special_tokens=True, truncation=False, verbose=False)["input_ids"]
        cut = self.tokenizer(cleaned, truncation=True, max_length=self.max_tokens, padding=True, return_tensors="pt")
        truncated = tuple(len(ids) > self.max_tokens for ids in whole)
        return Tokens(cut["input_ids"].long(), cut["attention_mask"].bool(), truncated)

    def save(self, folder: Path) -> None:
        """Write the tokenizer's own files."""
        self.tokenizer.save_pretrained(folder)


def vocabulary(texts: Sequence[str], size: int) -> dict[str, int]:
    """A WordPiece vocabulary made from texts: special pieces, every character (alone and as a continuation), then common words.

    Ties are broken by the word itself, so every process makes the same vocabulary from the same texts. (The tokenizers library's own
    trainer does not: it gave four vocabularies in four runs on the same titles.) Unseen words fall apart into characters; unseen
    characters are unknown.

    Example:
        >>> list(vocabulary(["pie pie tart"], 100))[-2:]
        ['pie', 'tart']
    """
    normalizer, splitter = _normalizer(), pre_tokenizers.BertPreTokenizer()
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    characters = sorted({character for word in words for character in word})
    pieces = [*_SPECIAL, *characters, *(f"##{character}" for character in characters)]
    common = sorted((word for word in words if len(word) > 1), key=lambda word: (-words[word], word))
    pieces += common[: max(0, size - len(pieces))]
    return {piece: index for index, piece in enumerate(pieces)}


def _normalizer() -> normalizers.Normalizer:
    # Accents stay: stripping them would turn Japanese ga into ka.
    return normalizers.BertNormalizer(lowercase=True, strip_accents=False)


def train_tokenizer(texts: Sequence[str], size: int) -> PreTrainedTokenizerFast:
    """A tokenizer over ``vocabulary(texts, size)`` with ``[CLS] text [SEP]``, so that even the empty text has tokens."""
    pieces = vocabulary(texts, size)
    fast = FastTokenizer(models.WordPiece(pieces, unk_token="[UNK]", max_input_chars_per_word=100))
    fast.normalizer = _normalizer()
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    fast.decoder = decoders.WordPiece()
    ends = [(piece, pieces[piece]) for piece in ("[CLS]", "[SEP]")]
    fast.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """A Hugging Face tokenizer by name or from a local folder; code that a repository brings is never run.

    Raises:
        ModelError: there is none, or one that knows no word or cannot pad.
    """
    try:
        local = Path(name).is_dir()  # then nothing is asked of a hub
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, local_files_only=local)
    except Exception as error:  # transformers raises many kinds
        raise ModelError(f"text_encoder: {_NO_TOKENIZER.format(name)}") from error
    if len(tokenizer) <= len(
        tokenizer.all_special_tokens
    ):  # what transformers makes of a folder without tokenizer files
        raise ModelError(f"text_encoder: {_NO_TOKENIZER.format(name)}")
    if tokenizer.pad_token is None:
        raise ModelError(
            f"text_encoder: the tokenizer of {name!r} has no padding token; choose an encoder such as BERT."
        )
    return tokenizer
