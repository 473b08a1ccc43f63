"""Whether pairs suffice for a study: the same answer for ``data check``, for a study and for training."""

from collections import Counter
from collections.abc import Collection, Sequence

from gazeshift.data.findings import Finding, clipped, count_kinds
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
    """Why these pairs cannot be studied; empty if they can.

    Args:
        pairs: with their splits, including the validation split (``splits.with_validation``).
        findings: what was left out; listed if a split is empty.
        needed: the splits that must not be empty. Training, and so a study, needs all three; then there must be two classes to tell
            apart and, for a model that reads, a text to learn from.
        reads_text: whether a model reads the texts.

    Example:
        >>> pairs = [Pair(f"{i}.png", b"x", "a pie", "pie", split) for i, split in enumerate(SPLITS)]
        >>> [finding.detail for finding in obstacles(pairs)]
        ["one class only, 'pie': nothing to distinguish"]
    """
    sizes = Counter(pair.split for pair in pairs)
    found = [Finding("no study", split, _why_empty(split, findings)) for split in needed if not sizes[split]]
    training = [pair for pair in pairs if pair.split == "train"]
    if training and {"train", "validation"} <= set(needed):
        classes = {pair.label for pair in training}
        if len(classes) == 1:
            found.append(
                Finding("no study", "train", f"one class only, {clipped(classes.pop())!r}: nothing to distinguish")
            )
        if reads_text and not any(pair.text for pair in training):
            found.append(Finding("no study", "train", "no training pair has a text: there are no words to learn from"))
    return found


def _why_empty(split: str, findings: Sequence[Finding]) -> str:
    nothing = f"no pair is left in the {split} split"
    unlabelled = sum(
        finding.kind == "missing class" and finding.detail == f"in the {split} split" for finding in findings
    )
    if unlabelled:
        return f"{nothing}: {unlabelled:,} rows of it have no class"
    unread = [finding.key for finding in findings if finding.kind == "unused table"]
    if unread:
        return f"{nothing}; not read: {', '.join(map(clipped, unread[:3]))}; give the folder to read all splits"
    counts = {kind: count for kind, count in count_kinds(findings).items() if kind in _LEFT_OUT}
    if counts:
        return f"{nothing}; left out: {', '.join(f'{count:,} x {kind}' for kind, count in counts.items())}"
    return f"{nothing}; {_WAY_OUT[split]}"


_WAY_OUT = {
    "train": "mark pairs as train in a column 'split', or leave out the splits to have the test pairs drawn",
    "validation": "it is drawn from the training pairs, which takes two or more per class: give more pairs",
    "test": "mark pairs as test in a column 'split', or leave out the splits to have test pairs drawn",
}
