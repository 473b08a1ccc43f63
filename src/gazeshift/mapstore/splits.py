"""The information split of a file of maps, class by class, in one pass."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.mapstore.blocks import Block
from gazeshift.measures import InformationSplit, InformationSums


@dataclass(frozen=True)
class SplitOf:
    """An information split and its scope.

    Attributes:
        label: the class; None: all classes together.
        texts: ``first``: only the first map of each image, so that the text adds nothing; ``all``: all of its maps.
        split: the terms.
        incomplete: images left out because they lack some text.
    """

    label: str | None
    texts: str
    split: InformationSplit
    incomplete: int


class Splits:
    """Sums of the information split by class, of the first maps alone and of all.

    Args:
        labels: the classes.
        texts: number of texts of a complete image.
    """

    def __init__(self, labels: tuple[str, ...], texts: int) -> None:
        self._labels, self._texts = labels, texts
        self._first = [InformationSums() for _ in labels]
        self._all = [InformationSums() for _ in labels]
        self._incomplete = np.zeros(len(labels), dtype=np.int64)

    def add(self, block: Block, p: Float[np.ndarray, "n h w"]) -> None:
        """Add the maps of a block, as distributions."""
        starts = np.flatnonzero(block.first == np.arange(len(block.first)))
        label = block.label[starts]
        complete = block.counts == self._texts
        rows = starts[complete][:, None] + np.arange(self._texts)
        for place in np.unique(label):
            self._first[place].add(p[starts[label == place]][:, None])
            mine = rows[label[complete] == place]
            if self._texts > 1 and len(mine):
                self._all[place].add(p[mine])
        np.add.at(self._incomplete, label[~complete], 1)

    def found(self) -> list[SplitOf]:
        """The splits: over all classes, then for each; those over all texts only if there are several."""
        rows = []
        kinds = (("first", self._first), ("all", self._all))[: 2 if self._texts > 1 else 1]
        for texts, sums in kinds:
            lacking = self._incomplete if texts == "all" else np.zeros_like(self._incomplete)
            rows.append(SplitOf(None, texts, sum(sums, InformationSums()).split(), int(lacking.sum())))
            if self._labels != ("",):
                rows += [
                    SplitOf(label, texts, part.split(), int(lack))
                    for label, part, lack in zip(self._labels, sums, lacking, strict=True)
                ]
        return rows
