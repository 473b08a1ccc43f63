"""Texts to token ids: a vocabulary built from the training texts, or any Hugging Face tokenizer."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
from torch.nn.utils.rnn import pad_sequence

from gazeshift.atomic import write_json
from gazeshift.errors import ModelError
from gazeshift.models.features import Tokens
from gazeshift.models.reason import reason
from gazeshift.registry import lookup

_ROLES = ("pad", "unk", "cls", "sep", "mask")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_TAGS = re.compile(r"<[^>]+>")
_NON_LETTERS = re.compile(r"[^a-zA-Z]")
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


@runtime_checkable
class Tokenizer(Protocol):
    """The tokenizer interface, with the names of transformers, whose tokenizers all have it.

    Methods and properties alone: what transformers makes up when it is asked for (``mask_token``), Python 3.12 does not see in a check.
    """

    @property
    def special_tokens_map(self) -> Mapping[str, Any]:
        """The special tokens it has, by role: ``mask_token``, ``unk_token``, ``pad_token``."""

    def __call__(  # noqa: D102
        self,
        text: list[str],
        *,
        add_special_tokens: bool = True,
        truncation: bool = False,
        max_length: int | None = None,
        verbose: bool = True,
    ) -> Mapping[str, Any]: ...
    def __len__(self) -> int: ...
    def get_vocab(self) -> dict[str, int]: ...  # noqa: D102
    def convert_tokens_to_ids(self, tokens: str) -> int: ...  # noqa: D102
    def num_special_tokens_to_add(self) -> int: ...  # noqa: D102
    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]: ...  # noqa: D102
    def save_pretrained(self, save_directory: Path) -> Any: ...  # noqa: D102


class TextTokenizer:
    """A tokenizer with a length limit and a cleaning step; it reports which texts it truncated.

    Attributes:
        mask_token: the piece for a hidden word; None if there is none.
        unk_token: the piece for unknown text; None if there is none.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, cleaning: str = "none") -> None:
        self.tokenizer = tokenizer
        special = {role: str(token) for role, token in tokenizer.special_tokens_map.items()}
        self.mask_token, self.unk_token = special.get("mask_token"), special.get("unk_token")
        self._padding = tokenizer.convert_tokens_to_ids(special["pad_token"])
        self._unknown = None if self.unk_token is None else tokenizer.convert_tokens_to_ids(self.unk_token)
        self.max_tokens = max_tokens
        self.clean = lookup(CLEANERS, cleaning, "text cleaning")

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Token ids of texts, padded to the longest."""
        cleaned = [self.clean(text) for text in texts]
        whole = ids = self.tokenizer(cleaned, verbose=False)["input_ids"]
        truncated = tuple(len(each) > self.max_tokens for each in whole)
        if any(truncated):
            ids = self.tokenizer(cleaned, truncation=True, max_length=self.max_tokens)["input_ids"]
        lengths = torch.tensor([len(each) for each in ids])
        padded = pad_sequence(
            [torch.tensor(each, dtype=torch.long) for each in ids],
            batch_first=True,
            padding_value=self._padding,
        )
        unread = tuple(
            bool(text.strip()) and self._reads_nothing(*read) for text, *read in zip(texts, cleaned, whole, strict=True)
        )
        return Tokens(padded, torch.arange(padded.shape[1]) < lengths[:, None], truncated, unread)

    def _reads_nothing(self, cleaned: str, whole: list[int]) -> bool:
        unknown = self._unknown
        if unknown not in whole and len(whole) > self.tokenizer.num_special_tokens_to_add():
            return False
        bare = self.tokenizer([cleaned], add_special_tokens=False, verbose=False)["input_ids"][0]
        return all(piece == unknown for piece in bare)

    def save(self, folder: Path) -> None:
        """Write the tokenizer's own files."""
        self.tokenizer.save_pretrained(folder)


class WordPieceTokenizer:
    """gazeshift's own word pieces, with ``[CLS] text [SEP]``: uses only tokenizers, because transformers takes a second to import.

    Args:
        fast: a WordPiece model whose vocabulary holds the five special tokens; each of them is one piece anywhere in a text.
    """

    def __init__(self, fast: FastTokenizer) -> None:
        fast.add_special_tokens(list(_SPECIAL))
        fast.no_truncation()  # a saved one may come with the limit and the padding of its last texts
        fast.no_padding()
        self._fast = fast
        self._start, self._end = (self.convert_tokens_to_ids(token) for token in _SPECIAL[2:4])

    @classmethod
    def from_pretrained(cls, folder: Path) -> "WordPieceTokenizer":
        """Load what ``save_pretrained`` wrote, here or by transformers.

        Raises:
            ModelError: its file is missing or damaged.
        """
        path = folder / "tokenizer.json"
        try:
            return cls(FastTokenizer.from_file(str(path)))
        except Exception as error:  # the library raises plain exceptions
            raise ModelError(f"{path}: not a readable tokenizer ({reason(error)}).") from error

    def __call__(
        self,
        text: list[str],
        *,
        add_special_tokens: bool = True,
        truncation: bool = False,
        max_length: int | None = None,
        verbose: bool = True,
    ) -> dict[str, list[list[int]]]:
        """``input_ids``: the pieces of each text, truncated to ``max_length``."""
        pieces = [each.ids for each in self._fast.encode_batch(text, add_special_tokens=False)]
        if truncation and max_length is not None:
            pieces = [ids[: max_length - add_special_tokens * self.num_special_tokens_to_add()] for ids in pieces]
        return {"input_ids": [[self._start, *ids, self._end] for ids in pieces] if add_special_tokens else pieces}

    def __len__(self) -> int:
        return int(self._fast.get_vocab_size())

    def get_vocab(self) -> dict[str, int]:
        """Every piece with its number."""
        return dict(self._fast.get_vocab())

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """The five special tokens by role."""
        return {f"{role}_token": token for role, token in zip(_ROLES, _SPECIAL, strict=True)}

    def convert_tokens_to_ids(self, tokens: str) -> int:
        """The number of a piece, that of the unknown one if there is no such piece."""
        number = self._fast.token_to_id(tokens)
        return self.convert_tokens_to_ids(_SPECIAL[1]) if number is None else int(number)

    def num_special_tokens_to_add(self) -> int:
        """The number of special pieces around a text."""
        return 2

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """The pieces with these numbers."""
        return [str(self._fast.id_to_token(number)) for number in ids]

    def save_pretrained(self, save_directory: Path) -> None:
        """Write the two files from which transformers loads the same tokenizer."""
        save_directory.mkdir(parents=True, exist_ok=True)
        self._fast.save(str(save_directory / "tokenizer.json"))
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **self.special_tokens_map}
        write_json(save_directory / "tokenizer_config.json", config, indent=2)


def vocabulary(texts: Sequence[str], size: int) -> dict[str, int]:
    """A WordPiece vocabulary built from texts: special pieces, every character (alone and as a continuation), then common words.

    Ties are broken by the word itself, so every process builds the same vocabulary from the same texts. (The tokenizers library's own
    trainer does not: it gave four vocabularies in four runs on the same titles.) Unseen words are split into characters; unseen
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


def train_tokenizer(texts: Sequence[str], size: int) -> WordPieceTokenizer:
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
    return WordPieceTokenizer(fast)
