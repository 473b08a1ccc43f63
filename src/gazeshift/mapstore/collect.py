"""The maps of a whole data set in one file: from image files to stored maps, in bounded memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gazeshift.mapstore.store import MapFile
from gazeshift.measures import undefined
from gazeshift.models import Classifier
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.saliency import MapBatch, Speed, stream_maps
from gazeshift.saliency.cams import DEFAULT
from gazeshift.saliency.reasons import why_incomplete


@dataclass(frozen=True)
class Collected:
    """The outcome for a data set.

    Attributes:
        images: number of images with maps in the file.
        maps: number of maps.
        undefined: maps without any positive evidence.
        incomplete: maps with a sum that violates their method's completeness axiom.
        skipped: images that could not be decoded, one line each that begins with the key.
    """

    images: int
    maps: int
    undefined: int
    incomplete: int
    skipped: tuple[str, ...]


def collect_maps(
    model: Classifier | Given,
    pairs: Iterable[Pair],
    path: Path,
    texts: Sequence[str] | None = None,
    method: str = DEFAULT,
    speed: Speed = Speed(),  # noqa: B008  # frozen
    target: str | Sequence[str] = "predicted",
    progress: Callable[[int], None] = lambda images: None,
) -> Collected:
    """Compute and store the maps of many images; the file appears when complete, and not at all if there is no map.

    Args:
        model: any model.
        pairs: any number; consumed as needed.
        path: a Parquet file, read back by ``gazeshift.mapstore.store.read_maps``: key, label, text, class, logit, map.
        texts: texts used for every image; None: each pair's own text.
        method: a method that needs no pixels, or ``default``.
        speed: batch, threads, precision, compilation.
        target: ``predicted``, ``label``, ``all``, a class name or several, as in ``stream_maps``.
        progress: called with the number of images done.

    Raises:
        UsageError: as ``stream_maps``.
    """
    images = maps = empty = incomplete = 0
    skipped: list[str] = []
    stream = stream_maps(model, pairs, texts, method, speed, target)
    with MapFile(path) as file:
        for batch in stream:
            if batch.pairs:
                drawn = batch.maps.reshape(-1, *batch.maps.shape[3:])
                file.add(_columns(batch, model.classes, texts), drawn)
                images, maps, empty = images + len(batch.pairs), maps + len(drawn), empty + int(undefined(drawn).sum())
            gaps = [] if batch.gaps is None else batch.gaps.ravel().tolist()
            incomplete += sum(why_incomplete(gap) is not None for gap in gaps)
            skipped += batch.skipped
            progress(images + len(skipped))
    return Collected(images, maps, empty, incomplete, tuple(skipped))


def _columns(batch: MapBatch, classes: Sequence[str], texts: Sequence[str] | None) -> dict[str, Sequence[Any]]:
    """The image, text and class of each map, in that order."""
    _, among, each = batch.classes.shape
    per_image = [pair.text for pair in batch.pairs] if texts is None else list(texts) * len(batch.pairs)
    return {
        "key": np.repeat(np.array([pair.key for pair in batch.pairs], object), among * each),
        "label": np.repeat(np.array([pair.label for pair in batch.pairs], object), among * each),
        "text": np.repeat(np.array(per_image, object), each),
        "class": np.array(classes, object)[batch.classes.ravel()],
        "logit": batch.logits.ravel().astype(np.float64),
    }
