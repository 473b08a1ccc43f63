"""What a data check has to say about single files and rows: nothing is repaired or left out without a finding."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

KINDS = {
    # left out
    "missing image": "a row whose image is not there; left out",
    "missing class": "a row or an image without a class; left out",
    "unreadable row": "a row that cannot be parsed; left out",
    "duplicate key": "a second row for the same image; left out",
    "escaped path": "a path that leaves the data root; left out",
    "unknown split": "a split that is none of train, validation, test; left out",
    "corrupt image": "an image that cannot be decoded",
    "corrupt mask": "a label map that is missing, cannot be read or has another size than its image",
    # kept
    "missing text": "an image or a row without text; kept with the empty text",
    "repaired quote": "a title whose opening quote never closes; kept without the quote",
    "repaired suffix": "a row that names the text file instead of the image; kept with the image",
    "repaired encoding": "a text that is not UTF-8; kept, read as Windows-1252",
    "stray file": "a file in an image folder that is no image, or whose name is not UTF-8; not used",
    # about the whole set
    "duplicate image": "an image with the same bytes as another of its split; kept",
    "duplicate image across splits": "an image with the same bytes as one of another split; kept",
    "empty class": "a class without a training pair",
    # options
    "repeated title": "a pair left out because its title occurs elsewhere",
}
"""Every kind of finding and what becomes of the pair."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: one of ``KINDS``.
        key: the image's key, or the place in a file (``texts/train_titles.csv:9``).
        detail: a few words for a person.
    """

    kind: str
    key: str
    detail: str = ""


def count_kinds(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each kind, in the order of ``KINDS``; kinds without one are left out.

    Example:
        >>> count_kinds([Finding("missing text", "a.png"), Finding("missing image", "b.png")])
        {'missing image': 1, 'missing text': 1}
    """
    counts = Counter(finding.kind for finding in findings)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}
