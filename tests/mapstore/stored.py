"""Stored maps to scan, and what scanning them must give, worked out slowly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gazeshift import measures
from gazeshift.mapstore.measure import measure_names
from gazeshift.mapstore.query import database
from gazeshift.mapstore.scan import Scanned, scan
from gazeshift.mapstore.source import find_source
from gazeshift.mapstore.store import read_maps, write_maps
from gazeshift.mapstore.survey import survey
from tests.slow_measures import slow_measures

LABELS = ("donuts", "sushi", "ramen")
CLASSES = ("donuts", "sushi")
Row = dict[str, Any]


def rows_of(
    images: int = 7,
    texts: Sequence[str] = ("plain", "", "red 赤い"),
    seed: int = 0,
    shape: tuple[int, int] = (3, 4),
    undefined: float = 0.15,
) -> list[Row]:
    """Random rows of several images with the same texts; some maps without positive evidence."""
    rng = np.random.default_rng(seed)
    rows = []
    for image in range(images):
        for text in texts:
            raw = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 3)
            if rng.random() < undefined:
                raw = -np.abs(raw)
            words = {"key": f"i{image}", "label": LABELS[image % 3], "text": text}
            rows.append({**words, "class": str(rng.choice(CLASSES)), "logit": 0.5, "map": raw})
    return rows


def own(row: Row) -> Row:
    """The row with a text that no other image has."""
    return {**row, "text": f"title of {row['key']}"}


def store(folder: Path, rows: Sequence[Row], name: str = "maps.parquet") -> Path:
    write_maps(rows, folder / name)
    return folder / name


def scanned(maps: Path, rows: Path, *, wasserstein: int = 10_000, seed: int = 0, **options: Any) -> Scanned:
    """Stored maps, measured without an output folder."""
    source = find_source(maps)
    with database(maps) as db:
        return scan(db, survey(db, source, wasserstein, seed), rows, **options)


def slowly(path: Path) -> pd.DataFrame:
    """Every map of a file on its own, by the public measures: all but the transport."""
    frame, maps = read_maps(path)
    if "target" in frame:
        maps = maps[(frame["target"] == "predicted").to_numpy()]
        frame = frame[frame["target"] == "predicted"].reset_index(drop=True)
    first: dict[str, int] = {}
    found = []
    for row, key in enumerate(frame["key"]):
        before = first.setdefault(key, row)
        raw, start = maps[row], maps[before]
        p, q = measures.distribution(raw), measures.distribution(start)
        alone = {
            "first": before == row,
            "undefined": bool(measures.undefined(raw)),
            **slow_measures(raw),
        }
        against = {
            "js_bits": measures.jensen_shannon(p, q),
            "js_distance": np.sqrt(measures.jensen_shannon(p, q)),
            "pearson": measures.pearson(raw, start),
            "iou": _iou(raw, start),
            "amplitude_change": measures.amplitude_change(start, raw),
            "coverage_change": measures.coverage(p) - measures.coverage(q),
            "switched": float(frame["class"][row] != frame["class"][before]),
            "wasserstein": measures.wasserstein(p, q),
        }
        found.append(alone | {name: np.nan if before == row else value for name, value in against.items()})
    return frame.join(pd.DataFrame(found).astype(dict.fromkeys(measure_names(), float)))


def _iou(raw: np.ndarray, start: np.ndarray) -> float:
    """Of the sets of the highest fifth of the cells; random maps have no ties."""
    count = max(1, round(0.2 * raw.size))
    first, second = (set(np.argsort(values.ravel())[-count:].tolist()) for values in (raw, start))
    return len(first & second) / len(first | second)
