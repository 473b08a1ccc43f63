"""From the sums of scanned files to small tables: everything that a figure needs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from gazeshift.json_types import Json
from gazeshift.mapstore.cells import Moments
from gazeshift.mapstore.measure import AGAINST_FIRST
from gazeshift.mapstore.scan import Scanned
from gazeshift.measures import TOP_SHARE, iou_chance


def cell_table(scanned: Sequence[Scanned]) -> pa.Table:
    """A row for each file, class, text and measure, also over all classes and over all texts (an empty ``label`` or ``text``).

    Columns: ``file``, ``label``, ``text``, ``measure``, ``n`` (values that are defined), ``mean``, ``variance`` (sample), ``maps``,
    ``undefined`` (share of the maps without positive evidence). Cells without maps, and measures against the first map in cells that
    hold only first maps, are left out.
    """
    return pa.concat_tables([_cells_of(one) for one in scanned])


def _cells_of(one: Scanned) -> pa.Table:
    moments, maps, undefined = _moments(one), _sums(one, one.cells.maps), _sums(one, one.cells.undefined)
    labels, texts = _names(one)
    later = maps.copy()  # maps that are compared with the first of their image; the first text's are none
    later[:, 0], later[:, -1] = 0, maps[:, -1] - maps[:, 0]
    kept = np.stack([(later if name in AGAINST_FIRST else maps) > 0 for name in one.measures], axis=-1)
    row, column, place = np.nonzero(kept)
    n = moments.n[kept]
    return pa.table(
        {
            "file": pa.array([str(one.survey.path)] * len(n), pa.string()),
            "label": labels.take(pa.array(row)),
            "text": texts.take(pa.array(column)),
            "measure": pa.array(one.measures).take(pa.array(place)),
            "n": n.astype(np.int64),
            "mean": _numbers(np.where(n > 0, moments.mean[kept], np.nan)),
            "variance": _numbers(moments.variance[kept]),
            "maps": maps[row, column],
            "undefined": undefined[row, column] / maps[row, column],
        }
    )


def mean_map_table(scanned: Sequence[Scanned]) -> pa.Table:
    """The mean of the defined maps, as distributions, for each file, class and text, also over all classes and all texts.

    Columns: ``file``, ``label``, ``text``, ``maps`` (defined ones), ``height``, ``width``, ``map`` (row by row, summing to 1).
    """
    return pa.concat_tables([_mean_maps_of(one) for one in scanned])


def _mean_maps_of(one: Scanned) -> pa.Table:
    defined, summed = _sums(one, one.cells.maps - one.cells.undefined), _sums(one, one.cells.summed)
    labels, texts = _names(one)
    row, column = np.nonzero(defined)
    means = summed[row, column] / defined[row, column][:, None, None]
    height, width = means.shape[1:]
    return pa.table(
        {
            "file": pa.array([str(one.survey.path)] * len(row), pa.string()),
            "label": labels.take(pa.array(row)),
            "text": texts.take(pa.array(column)),
            "maps": defined[row, column],
            "height": np.full(len(row), height, np.int32),
            "width": np.full(len(row), width, np.int32),
            "map": pa.ListArray.from_arrays(
                np.arange(len(row) + 1, dtype=np.int32) * (height * width), pa.array(means.ravel())
            ),
        }
    )


def information_table(scanned: Sequence[Scanned]) -> pd.DataFrame:
    """The information split of each file in bits, over all classes (an empty ``label``) and of each.

    Columns: ``file``, ``label``, ``texts`` (``first``: the first map of each image alone; ``all``), ``total``, ``static``, ``image``,
    ``text``, ``images``, ``left_out`` (images with an undefined map), ``incomplete`` (images that lack some text).
    """
    rows = []
    for one in scanned:
        for part in one.splits:
            terms = {name: getattr(part.split, name) for name in ("total", "static", "image", "text")}
            counts = {"images": part.split.images, "left_out": part.split.left_out, "incomplete": part.incomplete}
            rows.append(
                {"file": str(one.survey.path), "label": part.label, "texts": part.texts} | terms | counts,
            )
    return pd.DataFrame(rows)


def summary_of(one: Scanned) -> Json:
    """A file's contents and overall results: plain values, for JSON; None where nothing is defined."""
    survey, cells = one.survey, one.cells
    whole = cells.moments.over(0).over(1)
    moments = zip(one.measures, whole.n[0, 0], whole.mean[0, 0], whole.variance[0, 0], strict=True)
    terms = ("total", "static", "image", "text", "images", "left_out")
    return {
        "file": str(survey.path),
        "images": len(survey.counts),
        "texts": len(survey.texts),
        "first_text": survey.texts[0],
        "labels": len(survey.labels) if _has_labels(one) else 0,
        "grid": [survey.height, survey.width],
        "maps": survey.maps,
        "undefined": int(cells.undefined.sum()),
        "pairs": survey.pairs,
        "wasserstein": {"pairs": one.transported, "rate": one.transported / survey.pairs if survey.pairs else None},
        "measures": {
            name: {"n": int(n), "mean": float(mean) if n else None, "variance": float(variance) if n > 1 else None}
            for name, n, mean, variance in moments
        },
        "chance": {"iou": iou_chance(TOP_SHARE)},
        "information": {
            part.texts: {name: _plain(getattr(part.split, name)) for name in terms} | {"incomplete": part.incomplete}
            for part in one.splits
            if part.label is None
        },
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value


def _has_labels(one: Scanned) -> bool:
    return "label" in one.survey.columns


def _names(one: Scanned) -> tuple[pa.Array, pa.Array]:
    """Names along the axes of a table with margins: the last of each is empty, for all together."""
    labels = [*one.survey.labels, None] if _has_labels(one) else [None]
    return pa.array(labels, pa.string()), pa.array([*one.survey.texts, None], pa.string())


def _axes(one: Scanned) -> tuple[int, ...]:
    """Axes that get an entry for all together."""
    return (0, 1) if _has_labels(one) else (1,)


def _sums(one: Scanned, counts: np.ndarray) -> np.ndarray:
    for axis in _axes(one):
        counts = np.concatenate([counts, counts.sum(axis, keepdims=True)], axis)
    return counts


def _moments(one: Scanned) -> Moments:
    moments = one.cells.moments
    for axis in _axes(one):
        whole = moments.over(axis)
        parts = ((moments.n, whole.n), (moments.mean, whole.mean), (moments.squares, whole.squares))
        moments = Moments(*(np.concatenate(pair, axis) for pair in parts))
    return moments


def _numbers(values: np.ndarray) -> pa.Array:
    """Numbers, with None for NaN."""
    return pa.array(values, from_pandas=True)
