"""What needs whole maps and not only their measures, summed block by block: mean maps and the information split, by class and text."""

from dataclasses import asdict
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float

from gazeshift.mapstore.blocks import Block
from gazeshift.mapstore.survey import Survey
from gazeshift.measures import InformationSums


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

    def splits(self) -> list[dict[str, Any]]:
        """The information splits as rows of ``information.parquet``: all classes together, then each."""
        rows = []
        nothing = np.zeros_like(self._incomplete)
        kinds = (("first", self._first, nothing), ("all", self._all, self._incomplete))
        for texts, sums, lacking in kinds[: 2 if len(self._found.texts) > 1 else 1]:
            scopes = [(None, sum(sums, InformationSums()), lacking.sum()), *zip(self._found.labels, sums, lacking)]  # noqa: B905
            for label, part, lack in scopes:
                terms = asdict(part.split())
                terms.pop("texts")
                rows.append({"label": label, "texts": texts, **terms, "incomplete": int(lack)})
        return rows
