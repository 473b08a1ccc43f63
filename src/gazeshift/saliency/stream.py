"""Maps of a whole data set, from image files on: decoding runs ahead on threads, the trunk once per image, memory stays bounded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from gazeshift.data.decode import decode
from gazeshift.data.pool import map_ahead
from gazeshift.errors import ImageError, UsageError
from gazeshift.models import Classifier, ImageFeatures, TextFeatures, evaluating
from gazeshift.pairs import Pair
from gazeshift.registry import lookup
from gazeshift.saliency.cams import TAP_METHODS
from gazeshift.saliency.compute import compute_maps, row_logits
from gazeshift.saliency.probe import Rows

_BATCHES_AHEAD = 3


@dataclass(frozen=True)
class Speed:
    """How fast, and at what price.

    Attributes:
        batch: images at once.
        workers: threads that decode; as many as CPUs if None.
        precision: of the trunk. ``bfloat16`` is faster on a GPU and moves a map by some per cent of its largest value; text encoder,
            head and map stay in the model's own precision.
        compiled: run the trunk through ``torch.compile``: up to a minute at the start, faster from then on; maps move by about 1e-5 of
            their largest value.
    """

    batch: int = 8
    workers: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    compiled: bool = False


@dataclass(frozen=True)
class MapBatch:
    """The maps of some images.

    Attributes:
        pairs: whose images could be decoded.
        maps: raw and signed, one per image and text.
        classes: index of the explained class.
        logits: of the explained class.
        skipped: what could not be decoded, one line each that begins with the key.
    """

    pairs: tuple[Pair, ...]
    maps: Float[np.ndarray, "n t h w"]
    classes: Int[np.ndarray, "n t"]
    logits: Float[np.ndarray, "n t"]
    skipped: tuple[str, ...]


def stream_maps(
    model: Classifier,
    pairs: Iterable[Pair],
    texts: Sequence[str] | None = None,
    method: str = "grad-cam",
    speed: Speed = Speed(),  # frozen
) -> Iterator[MapBatch]:
    """Draw the maps of many images, each with its own text or all with the same texts, for the class predicted with that text.

    Args:
        model: where its weights are, it computes.
        pairs: taken as they are needed; any number.
        texts: the same for every image; None: each pair's own text.
        method: one that needs no pixels (``TAP_METHODS``).
        speed: batch, threads, precision.

    Yields:
        A batch at a time, in the order of the pairs.

    Raises:
        UsageError: no text, a model that sees no image, a batch below 1, an unknown method or one that needs the pixels.

    Example:
        >>> for batch in stream_maps(model, pairs):  # doctest: +SKIP
        ...     print(batch.maps.shape)
        (8, 1, 8, 8)
    """
    if not model.structure.sees_image:
        raise UsageError(f"model {model.spec.name!r} sees no image: it has no map.")
    if texts is not None and not texts:
        raise UsageError("give at least one text, or none for each pair's own.")
    if speed.batch < 1:
        raise UsageError(f"batch: {speed.batch} is not at least 1.")
    lookup(TAP_METHODS, method, "method for a whole data set")
    return _stream(model, pairs, texts, method, speed)


def _stream(
    model: Classifier, pairs: Iterable[Pair], texts: Sequence[str] | None, method: str, speed: Speed
) -> Iterator[MapBatch]:
    def read(pair: Pair) -> tuple[Pair, UInt8[np.ndarray, "3 H W"] | str]:
        try:
            return pair, model.spec.preprocessing.crop(decode(pair.image, pair.key))
        except ImageError as error:
            return pair, str(error)

    encode = _trunk(model, speed)
    shared = None if texts is None else _encode_texts(model, texts)
    decoded = map_ahead(read, pairs, speed.workers, _BATCHES_AHEAD * speed.batch)
    while group := list(islice(decoded, speed.batch)):
        usable = [(pair, crop) for pair, crop in group if not isinstance(crop, str)]
        skipped = tuple(crop for _, crop in group if isinstance(crop, str))
        if not usable:
            yield MapBatch((), np.zeros((0, 0, 0, 0), np.float32), *_nothing(), skipped)
            continue
        kept = tuple(pair for pair, _ in usable)
        features = encode(np.stack([crop for _, crop in usable]))
        text = shared if shared is not None else _encode_texts(model, [pair.text for pair in kept])
        yield MapBatch(kept, *_draw(model, features, text, method, paired=shared is None), skipped)


def _nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((0, 0), np.int64), np.zeros((0, 0), np.float32)


def _trunk(model: Classifier, speed: Speed) -> Callable[[UInt8[np.ndarray, "b 3 H W"]], ImageFeatures]:
    """The trunk as it is to be run: always the same batch size, so that it is compiled once."""
    run = torch.compile(model.encode_image, dynamic=False) if speed.compiled else model.encode_image
    precision = next(model.head.parameters()).dtype

    def encode(crops: UInt8[np.ndarray, "b 3 H W"]) -> ImageFeatures:
        missing = speed.batch - len(crops) if speed.compiled else 0
        images = torch.from_numpy(np.concatenate([crops, crops[:1].repeat(missing, 0)]) if missing else crops)
        with torch.no_grad(), evaluating(model), _cast(model, speed):
            features = run(model.spec.preprocessing.normalise(images.to(model.device, non_blocking=True)))
        whole = features.rows(torch.arange(len(crops), device=model.device)) if missing else features
        return whole.to(precision)

    return encode


def _cast(model: Classifier, speed: Speed) -> AbstractContextManager[object]:
    return nullcontext() if speed.precision == "float32" else torch.autocast(model.device.type, torch.bfloat16)


def _encode_texts(model: Classifier, texts: Sequence[str]) -> TextFeatures:
    with torch.no_grad(), evaluating(model):
        tokens = model.tokenize(texts)
        return model.encode_text(tokens.ids, tokens.mask)


def _draw(
    model: Classifier, features: ImageFeatures, text: TextFeatures, method: str, *, paired: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps, explained classes and logits, each ``n t ...``; ``paired``: text i belongs to image i alone."""
    count, device = len(features), features.grid.device
    image_index = torch.arange(count, device=device)
    text_index = image_index if paired else torch.arange(len(text), device=device).repeat(count)
    image_index = image_index if paired else image_index.repeat_interleave(len(text))
    predicted = row_logits(model, features, text, image_index, text_index).argmax(1)
    found = compute_maps(model, features, text, Rows(image_index, text_index, predicted), method)
    return (
        _per_image(found.maps.float(), count),
        _per_image(predicted, count),
        _per_image(found.scores.float(), count),
    )


def _per_image(values: Tensor, count: int) -> np.ndarray:
    return values.view(count, -1, *values.shape[1:]).cpu().numpy()
