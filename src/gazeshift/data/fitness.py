"""Whether pairs are enough for a study: one answer for ``data check``, for a study and for a training."""

from collections import Counter
from collections.abc import Collection, Sequence

from gazeshift.data.findings import Finding, count_kinds
from gazeshift.data.rows import SPLITS
from gazeshift.pairs import Pair

_LEFT_OUT = (
    "missing image", "missing class", "unreadable row", "unusable value", "duplicate row", "escaped path", "unknown split",
    "corrupt image", "repeated title",
)  # fmt: skip


def obstacles(
    pairs: Sequence[Pair],
    findings: Sequence[Finding] = (),
    *,
    needed: Collection[str] = SPLITS,
    reads_text: bool = True,
) -> list[Finding]:
    """Why a study of these pairs is refused; nothing where it is not.

    Args:
        pairs: in their splits, the validation split among them (``splits.with_validation``).
        findings: what was left out; named where a split is empty.
        needed: the splits that must hold a pair. A training, and so a study, needs all three; then there must be two classes to tell
            apart and, for a model that reads, a text to learn from.
        reads_text: whether a model reads the texts.

    Example:
        >>> pairs = [Pair(f"{i}.png", b"x", "a pie", "pie", split) for i, split in enumerate(SPLITS)]
        >>> [finding.detail for finding in obstacles(pairs)]
        ["one class only, 'pie': nothing to tell apart"]
    """
    sizes = Counter(pair.split for pair in pairs)
    found = [Finding("no study", split, _why_empty(split, findings)) for split in needed if not sizes[split]]
    training = [pair for pair in pairs if pair.split == "train"]
    if "train" in needed and training:
        classes = {pair.label for pair in training}
        if len(classes) == 1:
            found.append(Finding("no study", "train", f"one class only, {classes.pop()[:60]!r}: nothing to tell apart"))
        if reads_text and not any(pair.text for pair in training):
            found.append(Finding("no study", "train", "no training pair has a text: nothing to learn words from"))
    return found


def _why_empty(split: str, findings: Sequence[Finding]) -> str:
    counts = {kind: count for kind, count in count_kinds(findings).items() if kind in _LEFT_OUT}
    gone = "; left out: " + ", ".join(f"{count:,} x {kind}" for kind, count in counts.items()) if counts else ""
    unread = [finding.key for finding in findings if finding.kind == "unused table"]
    beside = f"; not read: {', '.join(unread[:3])}, give the folder to read all splits" if unread else ""
    return f"no pair is left in the {split} split{gone}{beside}{_WAY_OUT.get(split, '')}"


_WAY_OUT = {
    "validation": "; it comes out of the training pairs, two or more of a class: give more pairs",
    "test": "; mark pairs as test in a column 'split', or name no split at all to have some drawn",
}
