"""How a model's tokenizer cuts a text, as far as edits need to know; any tokenizer can answer."""

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
        """What to write for a hidden word."""
        ...

    def split(self, text: str) -> tuple[str, ...]:
        """The pieces that the model reads, cleaned as for the model, without special tokens at the ends and without a limit."""
        ...

    def count(self, text: str) -> int:
        """How many pieces that is."""
        ...

    def knows(self, word: str) -> bool:
        """Whether a word leaves something to read, and no unknown token in it."""
        ...


class WholeWords:
    """Lower-cased words and single punctuation marks: ``Pieces`` where there is no tokenizer. It knows every word.

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
