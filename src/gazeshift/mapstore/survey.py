"""The contents of a file of maps, from its text columns only: images, texts, classes. Read before any map, so that errors come early."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int

from gazeshift.errors import DataError
from gazeshift.mapstore.columns import BATCH, batches, columns_of

OWN = "own"
"""The name of the first text where every image has a different one."""

_TEXTS = 10_000  # more texts than any deliberately written set; fewer than the titles of a data set


@dataclass(frozen=True, eq=False)
class Survey:
    """What a file of maps holds.

    Attributes:
        path: the file.
        columns: its text columns.
        grouped: the column that names a text: ``edit`` where there is one, else ``text``.
        own: whether each image begins with its own text; such a first text has no name in the file.
        texts: names of the texts, the first being the one that each image's other maps are compared with (``OWN`` if it is the own).
        labels: classes of the images, in alphabetical order; the empty one alone if the file has no labels.
        counts: number of maps of each image.
        height: height of the maps.
        width: width of the maps.
    """

    path: Path
    columns: tuple[str, ...]
    grouped: str
    own: bool
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    counts: Int[np.ndarray, " images"]
    height: int
    width: int

    @property
    def maps(self) -> int:
        """How many maps there are."""
        return int(self.counts.sum())

    @property
    def pairs(self) -> int:
        """The number of maps besides the first of each image."""
        return self.maps - len(self.counts)


def survey(path: Path, batch: int = BATCH) -> Survey:
    """Read the text columns of a file of maps.

    Memory grows with the number of images (their names are kept), not with the number of maps.

    Args:
        path: the file.
        batch: number of rows read at a time.

    Raises:
        DataError: no maps, several grids, maps of one image that do not follow each other, images that begin with different edits, or
            texts that no two images share.
    """
    columns, _ = columns_of(path)
    grouped = "edit" if "edit" in columns else "text"
    words = tuple(name for name in ("key", "label", "edit", "text", "class") if name in columns)
    found = _Found(path, grouped)
    for rows in batches(path, (*(name for name in words if name != "class"), "height", "width"), batch):
        found.add(rows)
    texts = found.names()
    return Survey(path, words, grouped, found.own, texts, *found.rest())


class _Found:
    """What was seen so far."""

    def __init__(self, path: Path, grouped: str) -> None:
        self._path, self._grouped = path, grouped
        self._last = ""
        self._keys: list[pa.StringArray] = []
        self._counts: list[np.ndarray] = []
        self._firsts: dict[str, str] = {}  # at most two first texts, and an image of each
        self._others: dict[str, None] = {}  # an ordered set
        self._labels: set[str] = set()
        self._grids: set[tuple[int, int]] = set()

    @property
    def own(self) -> bool:
        """Whether images begin with different texts."""
        return len(self._firsts) > 1

    def add(self, rows: pa.RecordBatch) -> None:
        starts = image_starts(rows, self._last if self._keys else None)
        places = np.flatnonzero(starts)
        keys = rows["key"].take(pa.array(places)).dictionary_decode()
        # Rows before the first start belong to the image of the last batch.
        counts = np.diff(np.append(places, len(rows)))
        before = int(places[0]) if len(places) else len(rows)
        if before:
            self._counts[-1][-1] += before
        if len(places):
            self._keys.append(keys)
            self._counts.append(counts)
        self._last = rows["key"][-1].as_py()
        self._add_texts(rows, starts, keys)
        if "label" in rows.schema.names:
            self._labels |= set(_used(rows["label"]))
        grids = np.unique(np.stack([rows["height"].to_numpy(), rows["width"].to_numpy()]), axis=1)
        self._grids |= {(int(height), int(width)) for height, width in grids.T}
        if len(self._grids) > 1:
            sizes = " and ".join(f"{height} x {width}" for height, width in sorted(self._grids))
            raise DataError(f"{self._path}: maps of several grids ({sizes}); give each its own file.")

    def _add_texts(self, rows: pa.RecordBatch, starts: Bool[np.ndarray, " n"], keys: pa.StringArray) -> None:
        column = rows[self._grouped]
        first = column.filter(pa.array(starts)).dictionary_decode()
        for text in _used(column.filter(pa.array(starts))):
            if len(self._firsts) < 2 and text not in self._firsts:
                self._firsts[text] = keys[first.index(text).as_py()].as_py()
        self._others |= dict.fromkeys(_used(column.filter(pa.array(~starts))))
        if len(self._others) > _TEXTS:
            raise DataError(
                f"{self._path}: more than {_TEXTS:,} different texts besides the first of each image; texts are compared across images, so "
                "all images need the same texts, or a column 'edit' that names how each text was changed."
            )

    def names(self) -> tuple[str, ...]:
        """The texts by name, the reference first."""
        if not self._keys:
            raise DataError(f"{self._path}: holds no maps.")
        if self._grouped == "edit" and self.own:
            (one, here), (another, there) = self._firsts.items()
            raise DataError(
                f"{self._path}: the maps of {here!r} begin with the edit {one!r}, those of {there!r} with {another!r}; the first map "
                "of every image must have the same edit, the one to compare with."
            )
        if self.own:
            return (OWN, *self._others)
        reference = next(iter(self._firsts))
        return (reference, *(name for name in self._others if name != reference))

    def rest(self) -> tuple[tuple[str, ...], Int[np.ndarray, " images"], int, int]:
        """Labels, maps of each image, height, width."""
        counted = pa.chunked_array(self._keys).value_counts()
        repeated = counted.filter(pc.greater(counted.field("counts"), 1))
        if len(repeated):
            key = repeated[0]["values"].as_py()
            raise DataError(f"{self._path}: the maps of {key!r} do not follow each other; sort the file by image.")
        return tuple(sorted(self._labels)) or ("",), np.concatenate(self._counts), *next(iter(self._grids))


def image_starts(rows: pa.RecordBatch, before: str | None) -> Bool[np.ndarray, " n"]:
    """Whether a row is the first of its image.

    Args:
        rows: with their keys.
        before: the key of the preceding row; None if there is none.
    """
    codes = rows["key"].indices.to_numpy()
    # A dictionary may name a key twice; the codes of its unique entries may not.
    codes = pc.index_in(rows["key"].dictionary, pc.unique(rows["key"].dictionary)).to_numpy()[codes]
    starts = np.ones(len(codes), dtype=bool)
    starts[1:] = codes[1:] != codes[:-1]
    starts[0] = rows["key"][0].as_py() != before
    return starts


def _used(column: pa.DictionaryArray) -> list[str]:
    """Words that occur, in the order of their first appearance."""
    return list(pc.unique(column).to_pylist())
