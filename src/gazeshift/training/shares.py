"""How a step's batch is divided among processes and, within each, among the parts it is computed in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """Consecutive rows of a batch that are computed together.

    At least two rows are computed, where the batch has two: nets cannot compute none, and the layout in memory of a single row
    does not tell in which order dropout goes through a batch. Rows of other shares do not count.

    Attributes:
        start: its first row.
        count: how many rows count; 0 if it is empty.
        whole: rows of the batch.

    Example:
        >>> Share.of(7, 1, 3)
        Share(start=2, count=2, whole=7)
    """

    start: int
    count: int
    whole: int

    @classmethod
    def of(cls, whole: int, index: int = 0, parts: int = 1) -> "Share":
        """One of the shares of a batch, which differ by at most one row.

        Args:
            whole: rows of the batch, at least 1.
            index: which share, from 0.
            parts: how many shares.
        """
        start, stop = whole * index // parts, whole * (index + 1) // parts
        return cls(start, stop - start, whole)

    @property
    def rows(self) -> slice:
        """The rows of the batch to compute."""
        count = min(max(self.count, 2), self.whole)
        start = min(self.start, self.whole - count)
        return slice(start, start + count)

    @property
    def own(self) -> slice:
        """Which of the computed rows count; where none does, all, with the weight 0."""
        first = self.start - self.rows.start
        return slice(first, first + self.count) if self.count else slice(None)

    @property
    def weight(self) -> float:
        """The weight of its mean in the mean over the batch."""
        return self.count / self.whole


@dataclass(frozen=True)
class Division:
    """Which shares of every batch this process computes, and in how many parts.

    Attributes:
        rank: the number of this process.
        ranks: how many there are.
        parts: in how many parts each computes its share, one after the other.
    """

    rank: int = 0
    ranks: int = 1
    parts: int = 1

    def shares(self, whole: int) -> list[Share]:
        """The shares of this process in a batch of so many rows."""
        count = self.ranks * self.parts
        return [Share.of(whole, self.rank * self.parts + part, count) for part in range(self.parts)]
