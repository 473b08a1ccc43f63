"""Which samples the report shows: those whose maps differ most and least between the two models compared, and random ones."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from PIL import Image

from gazeshift.mapstore.store import Row
from gazeshift.measures import distribution, jensen_shannon, on_common_grid

RANDOM_SEED = 0


def difference_of_models(keys: Sequence[str], first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> pd.Series:
    """JS divergence between two models' maps of each key; NaN if a map is missing or undefined. Grids may differ."""
    values = [
        float(jensen_shannon(*on_common_grid(distribution(first[key]), distribution(second[key]))))
        if key in first and key in second
        else np.nan
        for key in keys
    ]
    return pd.Series(values, index=list(keys), dtype=float)


def choose(differences: pd.Series, count: int) -> list[tuple[str, str]]:
    """Keys with the reason they are shown: the ``count`` largest differences, as many smallest, then as many random ones from the rest.

    A difference needs both maps to be defined; a pair with an undefined map can still be drawn at random.

    Example:
        >>> choose(pd.Series({"a": 0.1, "b": 0.9, "c": float("nan")}), 1)
        [('b', 'largest difference'), ('a', 'smallest difference'), ('c', 'random')]
    """
    ranked = [str(key) for key in differences.dropna().sort_values(ascending=False, kind="stable").index]
    largest, smallest = ranked[:count], ranked[count:][-count:][::-1]
    shown = {*largest, *smallest}
    rest = [str(key) for key in differences.index if key not in shown]
    drawn = np.random.default_rng(RANDOM_SEED).permutation(len(rest))[:count]
    return [
        *((key, "largest difference") for key in largest),
        *((key, "smallest difference") for key in smallest),
        *((rest[index], "random") for index in sorted(drawn)),
    ]


def sample_rows(
    chosen: Sequence[tuple[str, str]],
    differences: pd.Series,
    described: dict[str, tuple[str, str]],
    crop: Callable[[str], UInt8[np.ndarray, "3 H W"]],
    lossless: bool,
) -> list[Row]:
    """Records of the samples of Tables 2 and 3, with the crop exactly as the models see it.

    Args:
        chosen: keys and reasons from ``choose``.
        differences: of the models' maps, by key.
        described: class and text of each key.
        crop: the crop of a key.
        lossless: PNG instead of JPEG.
    """
    rows: list[Row] = []
    for table in ("2", "3"):
        for position, (key, reason) in enumerate(chosen):
            label, text = described[key]
            picture = _encode(crop(key), lossless)
            rows.append(
                {
                    "table": table,
                    "position": position,
                    "reason": reason,
                    "key": key,
                    "label": label,
                    "text": text,
                    "js_bits": float(differences[key]),
                    "image": picture,
                }
            )
    return rows


def _encode(crop: UInt8[np.ndarray, "3 H W"], lossless: bool) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(crop.transpose(1, 2, 0)))
    image.save(buffer, "PNG" if lossless else "JPEG", **({} if lossless else {"quality": 90}))
    return buffer.getvalue()
