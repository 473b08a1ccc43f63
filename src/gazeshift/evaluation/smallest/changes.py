"""The changes that may be made to a text: each word deleted, or replaced; and the texts that some of them give together."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from gazeshift.errors import UsageError
from gazeshift.saliency.spans import Span, find_spans

Edit = tuple[tuple[int, int], ...]
"""Some changes at different places, in the order of the text: the index of each place, and of the change among those possible there."""


@dataclass(frozen=True)
class Change:
    """One word deleted or replaced.

    Attributes:
        position: index of the word (or of the phrase that was named instead), from 0.
        start: where what is changed starts in the text.
        end: where it ends.
        old: what stands there.
        new: what takes its place; None if it is deleted.
    """

    position: int
    start: int
    end: int
    old: str
    new: str | None


@dataclass(frozen=True)
class Changes:
    """All changes that may be made to a text.

    Attributes:
        text: the whole text.
        at: the possible changes at each word, deletion first, then substitutes in their order.
    """

    text: str
    at: tuple[tuple[Change, ...], ...]

    @classmethod
    def of(
        cls,
        text: str,
        substitutes: Sequence[str] = (),
        *,
        delete: bool = True,
        spans: Sequence[Span] | None = None,
    ) -> "Changes":
        """Every word deleted, and replaced by every substitute.

        A word is what ``gazeshift words`` calls one (``gazeshift.scripts.word_spans``): text between spaces; in scripts without spaces, a
        character. A deletion takes its punctuation with it; a substitute leaves the punctuation at its edges in place, is written as it
        is given, and does not replace the same word, whatever its capitals. What is punctuation alone is only deleted.

        Args:
            text: a text with at least one word.
            substitutes: what may stand in a word's place.
            delete: whether words may be deleted.
            spans: phrases or offsets that may be changed, instead of every word.

        Raises:
            UsageError: no word, a span that is not there, or nothing that may be changed.

        Example:
            >>> changes = Changes.of("red pie, warm", ["blue"])
            >>> [[change.new for change in some] for some in changes.at]
            [[None, 'blue'], [None, 'blue'], [None, 'blue']]
            >>> changes.apply(((0, 0), (1, 1)))
            'blue, warm'
        """
        if not text.strip():
            raise UsageError("the text is empty: there is no word to change.")
        places = find_spans(text, spans)
        at = tuple(tuple(_at(text, index, place, substitutes, delete)) for index, place in enumerate(places))
        if not any(at):
            raise UsageError(
                "no change is possible: deletions are left out, and no substitute differs from a word of the text. Give substitutes."
            )
        return cls(text, at)

    def apply(self, edit: Edit) -> str:
        """The text with some changes, and single spaces between its words."""
        text = self.text
        for change in reversed(self.changes(edit)):
            text = text[: change.start] + (change.new or "") + text[change.end :]
        return " ".join(text.split())

    def changes(self, edit: Edit) -> tuple[Change, ...]:
        """The changes of an edit, in the order of the text."""
        return tuple(self.at[place][option] for place, option in edit)

    @property
    def places(self) -> int:
        """The number of words that can be changed: no edit has more changes."""
        return sum(map(bool, self.at))

    def count(self, size: int) -> int:
        """The number of edits of a size: the elementary symmetric polynomial of the numbers of changes at each place.

        Example:
            >>> Changes.of("a b c", ["x"]).count(2)
            12
        """
        sums = [1] + [0] * size
        for some in self.at:
            for degree in range(size, 0, -1):
                sums[degree] += sums[degree - 1] * len(some)
        return sums[size]

    def of_size(self, size: int) -> Iterator[Edit]:
        """All edits of a size."""
        for places in combinations(range(len(self.at)), size):
            for options in product(*(range(len(self.at[place])) for place in places)):
                yield tuple(zip(places, options, strict=True))

    def extended(self, edit: Edit) -> Iterator[Edit]:
        """An edit with one more change: the first change of every place first, so that a few of them are spread over the text."""
        taken = {place for place, _ in edit}
        free = [place for place in range(len(self.at)) if place not in taken]
        for option in range(max((len(self.at[place]) for place in free), default=0)):
            for place in free:
                if option < len(self.at[place]):
                    yield tuple(sorted((*edit, (place, option))))


def order(edit: Edit) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """What decides between edits of the same effect: fewer changes, then those that stand earlier in the text, then earlier substitutes."""
    return len(edit), tuple(place for place, _ in edit), tuple(option for _, option in edit)


def core(text: str, start: int, end: int) -> tuple[int, int]:
    """A word without the punctuation at its edges; empty if it is nothing else.

    Example:
        >>> core("(pie),", 0, 6), core("a | b", 2, 3)
        ((1, 4), (3, 3))
    """
    while start < end and _is_punctuation(text[start]):
        start += 1
    while start < end and _is_punctuation(text[end - 1]):
        end -= 1
    return start, end


def _is_punctuation(character: str) -> bool:
    # Sm: "|" and "+" are mathematical symbols to Unicode. Emoji are other symbols (So), and words.
    category = unicodedata.category(character)
    return category[0] == "P" or category == "Sm"


def _at(text: str, index: int, place: tuple[int, int], substitutes: Sequence[str], delete: bool) -> Iterator[Change]:
    if delete:
        yield Change(index, *place, text[slice(*place)], None)
    inner = core(text, *place)
    old = text[slice(*inner)]
    if old:
        yield from (Change(index, *inner, old, new) for new in substitutes if new.casefold() != old.casefold())


def readable(count: int) -> str:
    """A number of texts for people; beyond a million, roughly.

    Example:
        >>> readable(12345), readable(15_015_000)
        ('12,345', '15 million')
    """
    if count < 10**6:
        return f"{count:,}"
    return f"{count / 10**6:,.0f} million" if count < 10**12 else f"10^{int(math.log10(count))}"
