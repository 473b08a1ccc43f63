"""The maps of a whole data set in one file: from image files to stored maps, in bounded memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazeshift.models import Classifier
from gazeshift.pairs import Pair
from gazeshift.saliency import MapBatch, Speed, stream_maps
from gazeshift.study.store import MapFile


@dataclass(frozen=True)
class Collected:
    """What became of a data set.

    Attributes:
        images: whose maps are in the file.
        maps: how many.
        undefined: maps without any positive evidence.
        skipped: images that could not be decoded, one line each.
    """

    images: int
    maps: int
    undefined: int
    skipped: tuple[str, ...]


def collect_maps(
    model: Classifier,
    pairs: Iterable[Pair],
    path: Path,
    texts: Sequence[str] | None = None,
    method: str = "grad-cam",
    speed: Speed = Speed(),  # noqa: B008  # frozen
    progress: Callable[[int], None] = lambda images: None,
) -> Collected:
    """Draw and store the maps of many images; the file appears when it is whole.

    Args:
        model: the classifier.
        pairs: any number; taken as they are needed.
        path: a Parquet file, read back by ``gazeshift.study.store.read_maps``: key, label, text, class, logit, map.
        texts: the same for every image; None: each pair's own text.
        method: one that needs no pixels.
        speed: batch, threads, precision.
        progress: told how many images are done.

    Raises:
        UsageError: as ``stream_maps``.
    """
    images = maps = undefined = 0
    skipped: list[str] = []
    stream = stream_maps(model, pairs, texts, method, speed)
    with MapFile(path) as file:
        for batch in stream:
            rows = _rows(batch, model.classes, texts)
            if rows:
                file.add(rows)
            images, maps = images + len(batch.pairs), maps + len(rows)
            undefined += sum(not (row["map"] > 0).any() for row in rows)
            skipped += batch.skipped
            progress(images + len(skipped))
    return Collected(images, maps, undefined, tuple(skipped))


def _rows(batch: MapBatch, classes: Sequence[str], texts: Sequence[str] | None) -> list[dict[str, Any]]:
    return [
        {
            "key": pair.key,
            "label": pair.label,
            "text": text,
            "class": classes[batch.classes[row, column]],
            "logit": float(batch.logits[row, column]),
            "map": batch.maps[row, column],
        }
        for row, pair in enumerate(batch.pairs)
        for column, text in enumerate(texts if texts is not None else (pair.text,))
    ]
