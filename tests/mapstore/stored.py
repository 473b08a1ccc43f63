"""Stored maps to scan, and what scanning them must give, worked out slowly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gazeshift import measures
from gazeshift.mapstore.measure import MEASURES
from gazeshift.mapstore.store import read_maps, write_maps

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
        parts = measures.centre_bias_parts(p)
        alone = {
            "first": before == row,
            "undefined": bool(measures.undefined(raw)),
            "centre_bias": measures.centre_bias(p),
            "centre_offset": parts.offset,
            "centre_spread": parts.spread,
            "coverage": measures.coverage(p),
            "concentration": measures.concentration(p),
            "gini": _gini(p),
            "share_holding": _share_holding(p),
            "likelihood_ratio_centre": _centre_likelihood(p),
            "amplitude": measures.amplitude(raw),
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
    return frame.join(pd.DataFrame(found).astype(dict.fromkeys(MEASURES, float)))


def _gini(p: np.ndarray) -> float:
    """Half the mean absolute difference of two cells, over the mean cell."""
    cells = p.ravel()
    return float(np.abs(cells[:, None] - cells).mean() / (2 * cells.mean()))


def _share_holding(p: np.ndarray) -> float:
    """Cells are taken from the highest on until they hold four fifths."""
    if np.isnan(p).any():
        return float("nan")
    held, taken = 0.0, 0
    for cell in sorted(p.ravel().tolist(), reverse=True):
        if held >= 0.8 - 1e-9:
            break
        held, taken = held + cell, taken + 1
    return taken / p.size


def _centre_likelihood(p: np.ndarray) -> float:
    """The mean, over where the map's mass lies, of how many bits a Gaussian at the centre is above a uniform guess."""
    height, width = p.shape
    heights = [
        [
            np.exp(-(((2 * x + 1) / width - 1) ** 2 + ((2 * y + 1) / height - 1) ** 2) / (2 * 0.5**2))
            for x in range(width)
        ]
        for y in range(height)
    ]
    prior = np.array(heights) / np.sum(heights)
    return float((p * np.log2(prior * p.size)).sum())


def _iou(raw: np.ndarray, start: np.ndarray) -> float:
    """Of the sets of the highest fifth of the cells; random maps have no ties."""
    count = max(1, round(0.2 * raw.size))
    first, second = (set(np.argsort(values.ravel())[-count:].tolist()) for values in (raw, start))
    return len(first & second) / len(first | second)
