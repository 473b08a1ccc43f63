"""What needs whole maps and not only their measures, summed block by block: mean maps and the information split, by class and text."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float

from gazeshift.mapstore.blocks import Block
from gazeshift.mapstore.survey import Survey
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


class MapSums:
    """Sums over the defined maps as distributions.

    Args:
        found: the survey of the maps.

    Attributes:
        maps: number of defined maps of each class (first axis) with each text (second axis).
        summed: their sum.
    """

    def __init__(self, found: Survey) -> None:
        self._found, labels = found, max(1, len(found.labels))
        self.maps = np.zeros((labels, len(found.texts)), dtype=np.int64)
        self.summed = np.zeros((*self.maps.shape, found.height, found.width))
        self._first = [InformationSums() for _ in range(labels)]
        self._all = [InformationSums() for _ in range(labels)]
        self._incomplete = np.zeros(labels, dtype=np.int64)

    def add(self, block: Block, p: Float[np.ndarray, "n h w"], undefined: Bool[np.ndarray, " n"]) -> None:
        """Add the maps of a block, as distributions."""
        cells = (block.label * self.maps.shape[1] + block.text)[~undefined]
        used, place = np.unique(cells, return_inverse=True)
        cell = np.unravel_index(used, self.maps.shape)
        # Adding up by cell is a product with a matrix of zeros and ones: a one where a row belongs to a cell.
        member = scipy.sparse.csr_matrix((np.ones(len(place)), (place, np.arange(len(place)))), (len(used), len(place)))
        self.maps[cell] += np.bincount(place, minlength=len(used))
        self.summed[cell] += (member @ p[~undefined].reshape(-1, p[0].size)).reshape(-1, *p.shape[1:])
        self._add_information(block, p)

    def _add_information(self, block: Block, p: Float[np.ndarray, "n h w"]) -> None:
        texts = self.maps.shape[1]
        starts = np.cumsum(block.counts) - block.counts
        complete = block.counts == texts
        label, whole = block.label[starts], starts[complete]
        for place in np.unique(label):
            self._first[place].add(p[block.head & (block.label == place)][:, None])
            mine = whole[label[complete] == place]
            if texts > 1 and len(mine):
                self._all[place].add(p[mine[:, None] + np.arange(texts)])
        np.add.at(self._incomplete, label[~complete], 1)

    def splits(self) -> list[SplitOf]:
        """The information splits: over all classes, then for each; those over all texts only if there are several."""
        rows = []
        kinds = (("first", self._first), ("all", self._all))[: 2 if len(self._found.texts) > 1 else 1]
        for texts, sums in kinds:
            lacking = self._incomplete if texts == "all" else np.zeros_like(self._incomplete)
            rows.append(SplitOf(None, texts, sum(sums, InformationSums()).split(), int(lacking.sum())))
            for label, part, lack in zip(self._found.labels, sums, lacking, strict=False):
                rows.append(SplitOf(label, texts, part.split(), int(lack)))
        return rows
