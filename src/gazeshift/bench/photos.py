"""Photos to decode: as large and as hard to compress as real ones, generated so that no download is needed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gazeshift.pairs import Pair

WIDTH, HEIGHT = 400, 300


def write_photos(folder: Path, titles: Sequence[str], label: str) -> list[Pair]:
    """One JPEG of 400 x 300 pixels for each title, 30 to 60 kB as photos of that size are: gradients, blobs and fine grain."""
    pairs = []
    for index, title in enumerate(titles):
        path = folder / f"{index:05}.jpg"
        _photo(np.random.default_rng(index)).save(path, "JPEG", quality=90)
        pairs.append(Pair(path.name, path, title, label, "test"))
    return pairs


def _photo(rng: np.random.Generator) -> Image.Image:
    """Detail at every scale, its strength falling with frequency as in natural images."""
    picture = np.zeros((HEIGHT, WIDTH, 3))
    for cells, strength in ((2, 60), (6, 40), (20, 26), (60, 16), (200, 9)):
        coarse = rng.normal(size=(max(2, cells * HEIGHT // WIDTH), cells, 3))
        layers = [
            Image.fromarray(coarse[..., channel].astype(np.float32)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            for channel in range(3)
        ]
        picture += strength * np.stack([np.asarray(layer) for layer in layers], -1)
    return Image.fromarray(np.clip(picture + 128, 0, 255).astype(np.uint8))
