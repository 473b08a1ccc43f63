"""How a model's tokenizer splits a text, as far as edits need to know; any tokenizer can implement it."""

import re
from typing import Protocol

_WORD = re.compile(r"\w+|[^\w\s]")


class Pieces(Protocol):
    """A tokenizer at run time.

    Attributes:
        mask: what to write for a hidden word, so that the tokenizer reads its mask token, else its unknown token.
    """

    @property
    def mask(self) -> str:
        """What to write in place of a hidden word."""
        ...

    def split(self, text: str) -> tuple[str, ...]:
        """The pieces that the model reads, normalised as for the model, without special tokens at the ends and without a limit."""
        ...

    def count(self, text: str) -> int:
        """The number of pieces."""
        ...

    def knows(self, word: str) -> bool:
        """Whether a word has at least one piece and no unknown token."""
        ...


class WholeWords:
    """Lower-cased words and single punctuation marks: ``Pieces`` for models without a tokenizer. It knows every word.

    Example:
        >>> WholeWords().split("Mac & Cheese")
        ('mac', '&', 'cheese')
    """

    mask = "[MASK]"

    def split(self, text: str) -> tuple[str, ...]:
        """Words and punctuation marks; ``[MASK]`` is one piece."""
        parts = text.split(self.mask)
        words = [_WORD.findall(part.lower()) for part in parts]
        return tuple(word for part in words[:-1] for word in (*part, self.mask)) + tuple(words[-1])

    def count(self, text: str) -> int:
        """How many there are."""
        return len(self.split(text))

    def knows(self, word: str) -> bool:
        """Whether there is anything in it."""
        return bool(self.split(word))
