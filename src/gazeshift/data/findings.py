"""What a data check reports about single files and rows: nothing is repaired or left out without a finding."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

KINDS = {
    # left out
    "missing image": "a row whose image does not exist; left out",
    "missing class": "a row or an image without a class, or of class number -1; left out",
    "unreadable row": "a row that cannot be parsed; left out",
    "unusable value": "a cell that is not a text, class or picture, for example a mapping; the row is left out",
    "duplicate row": "a row with the image, the text and the class of an earlier one; left out",
    "escaped path": "a path that leaves the data root; left out",
    "unknown split": "a split other than train, validation or test; left out",
    "corrupt image": "an image that cannot be decoded",
    "corrupt mask": "a mask or region that is missing, unreadable or not of its image's size; the pair has no use for it",
    "unused table": "another table next to the one that was read; not read",
    # kept
    "missing text": "an image or a row without a text; kept with the empty text",
    "missing split": "a row without a split in a table that has splits; kept for training",
    "several texts": "an image with more than one text; each text makes its own pair, all in the same split if gazeshift draws the splits",
    "contradicting class": "an image and text that an earlier row assigns to another class; both are kept",
    "joined list": "a text that is a list of single words; kept, joined by spaces",
    "converted value": "a number or a date in place of a text; kept as written",
    "odd value": "a text that looks like Python's printout of bytes, a list or a mapping; kept unchanged",
    "repaired name": "an image found under a name that differs in case, Unicode form or spacing; kept",
    "repaired quote": "a title whose opening quote never closes; kept without the quote",
    "repaired suffix": "a row that names the text file instead of the image; kept with the image",
    "repaired encoding": "a text that is not UTF-8; kept, read as Windows-1252",
    "empty region": "a region that covers no pixel of its image; kept, and seen nowhere",
    "region outside": "a region that reaches over the edge of its image; kept, cut off at the edge",
    "shared mask": "a mask that another image names, too; kept, though at most one of them can be right",
    "stray region": "a region of an image that no row names; not used",
    "stray text": "a changed text of a pair that is not there; not used",
    "stray file": "a file in an image folder that is not an image, or whose name is not UTF-8; not used",
    # about the whole set
    "duplicate image": "an image with the same bytes as another in its split; kept",
    "duplicate image across splits": "an image with the same bytes as one in another split; kept",
    "empty class": "a class without a training pair",
    "similar classes": "two class names that differ only in case, spaces, dashes or Unicode form, or are the same number; kept apart",
    "odd class": "a class whose name often means a missing class; kept",
    "no study": "why these pairs cannot be used for a study or for training",
    # options
    "repeated title": "a pair left out because its title also occurs elsewhere",
}
"""Every kind of finding and what happens to the pair."""


LONGEST_DETAIL = 300
"""Characters of a finding's detail; no cell or title is ever printed whole."""


def short(value: object, longest: int = 60) -> str:
    """``repr(value)`` as messages show it: on one line, with the middle left out if it is long.

    Example:
        >>> short("a" * 100, 12)
        "'aaaa...aaa'"
        >>> short("pie")
        "'pie'"
    """
    if isinstance(value, str | bytes) and len(value) > 8 * longest:
        value = value[: 8 * longest]  # first, because the repr of a picture is four times as long as the picture
    text = repr(value)
    if len(text) <= longest:
        return text
    kept = longest - len("...")
    return f"{text[: kept - kept // 2]}...{text[len(text) - kept // 2 :]}"


def clipped(text: str, longest: int = 60) -> str:
    """A name as messages show it, with its end left out if it is long.

    Example:
        >>> clipped("pie"), clipped("a" * 100, 12)
        ('pie', 'aaaaaaaaa...')
    """
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


@dataclass(frozen=True)
class Finding:
    """One problem in the data.

    Attributes:
        kind: one of ``KINDS``.
        key: the image's key, or the place in a file (``texts/train_titles.csv:9``).
        detail: a few words for a person; what goes beyond ``LONGEST_DETAIL`` is cut.
    """

    kind: str
    key: str
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", clipped(self.detail, LONGEST_DETAIL))


def count_kinds(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each kind, in the order of ``KINDS``; kinds without one are left out.

    Example:
        >>> count_kinds([Finding("missing text", "a.png"), Finding("missing image", "b.png")])
        {'missing image': 1, 'missing text': 1}
    """
    counts = Counter(finding.kind for finding in findings)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}
