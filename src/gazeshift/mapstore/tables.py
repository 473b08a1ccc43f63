"""From scanned maps to small tables: everything that a figure needs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gazeshift.json_types import Json
from gazeshift.mapstore.measure import measure_names
from gazeshift.mapstore.scan import Scanned
from gazeshift.measures import TOP_SHARE, iou_chance


def cell_table(scanned: Sequence[Scanned]) -> pa.Table:
    """A row for each file, class, text and measure, also over all classes and over all texts (an empty ``label`` or ``text``).

    Columns: ``file``, ``label``, ``text``, ``measure``, ``n`` (values that are defined), ``mean``, ``variance`` (sample), ``maps``,
    ``undefined`` (share of the maps without positive evidence). Cells without maps, and measures against the first map in cells that
    hold only first maps, are left out.
    """
    return pa.concat_tables([one.cells.add_column(0, "file", [_file(one, len(one.cells))]) for one in scanned])


def mean_map_table(scanned: Sequence[Scanned]) -> pa.Table:
    """The mean of the defined maps, as distributions, for each file, class and text, also over all classes and all texts.

    Columns: ``file``, ``label``, ``text``, ``maps`` (defined ones), ``height``, ``width``, ``map`` (row by row, summing to 1).
    """
    return pa.concat_tables([_mean_maps_of(one) for one in scanned])


def _mean_maps_of(one: Scanned) -> pa.Table:
    defined, summed = _with_margins(one, one.sums.maps), _with_margins(one, one.sums.summed)
    row, column = np.nonzero(defined)
    means = summed[row, column] / defined[row, column][:, None, None]
    height, width = means.shape[1:]
    return pa.table(
        {
            "file": _file(one, len(row)),
            "label": pa.array([*one.survey.labels, None], pa.string()).take(pa.array(row)),
            "text": pa.array([*one.survey.texts, None], pa.string()).take(pa.array(column)),
            "maps": defined[row, column],
            "height": np.full(len(row), height, np.int32),
            "width": np.full(len(row), width, np.int32),
            "map": pa.ListArray.from_arrays(
                np.arange(len(row) + 1, dtype=np.int32) * (height * width), pa.array(means.ravel())
            ),
        }
    )


def _with_margins(one: Scanned, sums: np.ndarray) -> np.ndarray:
    """Sums by class and text, with those over all classes and all texts at the end; without labels all are of one class."""
    for axis in (0, 1) if one.survey.labels else (1,):
        sums = np.concatenate([sums, sums.sum(axis, keepdims=True)], axis)
    return sums


def _file(one: Scanned, rows: int) -> pa.Array:
    return pa.array([str(one.survey.source.path)] * rows, pa.string())


def information_table(scanned: Sequence[Scanned]) -> pa.Table:
    """The information split of each file in bits, over all classes (an empty ``label``) and of each.

    Columns: ``file``, ``label``, ``texts`` (``first``: the first map of each image alone; ``all``), ``total``, ``static``, ``image``,
    ``text``, ``images``, ``left_out`` (images with an undefined map), ``incomplete`` (images that lack some text).
    """
    rows = [{"file": str(one.survey.source.path)} | row for one in scanned for row in one.sums.splits()]
    return pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False)


def summary_of(one: Scanned) -> Json:
    """A file's contents and overall results: plain values, for JSON; None where nothing is defined."""
    survey = one.survey
    together = one.cells.filter(pc.and_(pc.is_null(one.cells["label"]), pc.is_null(one.cells["text"])))
    whole = {row["measure"]: row for row in together.to_pylist()}
    nothing = {"n": 0, "mean": None, "variance": None}
    return {
        "file": str(survey.source.path),
        "images": survey.images,
        "texts": len(survey.texts),
        "first_text": survey.texts[0],
        "labels": len(survey.labels),
        "grid": [survey.height, survey.width],
        "maps": survey.maps,
        "left_out": survey.left_out,
        "undefined": survey.maps - int(one.sums.maps.sum()),
        "pairs": survey.pairs,
        "wasserstein": {
            "pairs": len(survey.drawn),
            "rate": len(survey.drawn) / survey.pairs if survey.pairs else None,
        },
        "measures": {name: {part: whole.get(name, nothing)[part] for part in nothing} for name in measure_names()},
        "chance": {"iou": iou_chance(TOP_SHARE)},
        "information": {
            row["texts"]: {name: _plain(value) for name, value in row.items() if name not in {"label", "texts"}}
            for row in one.sums.splits()
            if row["label"] is None
        },
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value
