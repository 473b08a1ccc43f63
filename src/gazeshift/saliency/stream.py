"""Maps of a whole data set, from image files on: decoding runs ahead on threads, the trunk once per image, memory stays bounded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from gazeshift.data.loader import read_crop
from gazeshift.data.pool import map_ahead
from gazeshift.errors import ImageError, UsageError
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, TextFeatures, encode_texts
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.registry import known_name
from gazeshift.saliency.cams import DEFAULT, METHODS, method_for, tap_methods
from gazeshift.saliency.combination import class_index
from gazeshift.saliency.compute import compute_maps, row_logits
from gazeshift.saliency.explain import check_sees
from gazeshift.saliency.maps import MapBatch
from gazeshift.saliency.probe import Rows
from gazeshift.saliency.speed import Speed, trunk_runner
from gazeshift.saliency.stream_given import stream_given

BATCHES_AHEAD = 3
"""How many batches of crops are decoded ahead of the trunk."""
BLOCK_BYTES = 32 * 2**20
"""Memory limit for maps handed over at once, unless those of one image alone exceed it."""


def stream_maps(
    model: Classifier | Given,
    pairs: Iterable[Pair],
    texts: Sequence[str] | None = None,
    method: str = DEFAULT,
    speed: Speed = Speed(),  # noqa: B008  # frozen
    target: str | Sequence[str] = "predicted",
) -> Iterator[MapBatch]:
    """Compute the maps of many images, each with its own text or all with the same texts, for one class or several.

    Memory holds a few batches of crops, one batch at the tap, and maps of at most 32 MB (or those of one image, if these are more): with
    many texts and classes the maps of one batch come in several parts.

    Args:
        model: any model; a classifier trained here runs in batches on the device of its weights, others one picture at a time.
        pairs: any number; consumed as needed.
        texts: texts used for every image; None: each pair's own text.
        method: a method that needs no pixels (``tap_methods()``), or ``default``: the one that suits the model (``default_method``).
        speed: batch, threads, precision, compilation.
        target: the classes whose logits are explained. ``predicted``: the one predicted with the same text. ``label``: each pair's own.
            ``all``: every class. Or a class name, or several.

    Yields:
        Maps in the order of the pairs.

    Raises:
        UsageError: no text or class, an unknown class, a model that sees no image, a batch below 1, an unknown method or one that needs
            the pixels; at once, before an image is read.

    Example:
        >>> for batch in stream_maps(model, pairs, ["a donut", "a popsicle"], target="all"):  # doctest: +SKIP
        ...     print(batch.maps.shape)
        (8, 2, 101, 8, 8)
    """
    check_sees(model)
    if isinstance(texts, str) or (texts is not None and not texts):
        raise UsageError("texts: give a list of at least one text, or None for each pair's own.")
    if speed.batch < 1:
        raise UsageError(f"batch: give 1 or more, not {speed.batch}.")
    if isinstance(model, Given):
        return stream_given(model, pairs, texts, known_name({*METHODS, DEFAULT}, method, "method"), speed, target)
    method = known_name(tap_methods(), method_for(model, method), "method for a whole data set")
    return _stream(model, pairs, texts, method, speed, _asked(model, target))


@dataclass(frozen=True)
class _Block:
    """Some images at the tap, and the pairing of images and texts: each with all of them, or each with its own."""

    pairs: Sequence[Pair]
    bound: BoundClassifier
    image_index: Int[Tensor, " p"]
    text_index: Int[Tensor, " p"]


@dataclass(frozen=True)
class _Asked:
    """The requested classes: how many for each image with each text, and which."""

    count: int
    of: Callable[[_Block], Int[Tensor, "p c"]]


def _asked(model: Classifier, target: str | Sequence[str]) -> _Asked:
    def predicted(block: _Block) -> Int[Tensor, "p 1"]:
        logits = row_logits(block.bound, block.image_index, block.text_index)
        return logits.argmax(1, keepdim=True)

    def label(block: _Block) -> Int[Tensor, "p 1"]:
        labels = [class_index(model.classes, pair.label) for pair in block.pairs]
        return torch.tensor(labels, device=block.image_index.device)[block.image_index, None]

    special = {"predicted": predicted, "label": label}
    if isinstance(target, str) and target in special:
        return _Asked(1, special[target])
    names = (target,) if isinstance(target, str) else tuple(target)
    fixed = [class_index(model.classes, name) for name in (model.classes if target == "all" else names)]
    if not fixed:
        raise UsageError("target: give at least one class.")
    return _Asked(
        len(fixed),
        lambda block: torch.tensor(fixed, device=block.image_index.device).expand(len(block.image_index), -1),
    )


def _stream(
    model: Classifier,
    pairs: Iterable[Pair],
    texts: Sequence[str] | None,
    method: str,
    speed: Speed,
    asked: _Asked,
) -> Iterator[MapBatch]:
    def read(pair: Pair) -> tuple[Pair, UInt8[np.ndarray, "3 H W"] | str]:
        try:
            return pair, read_crop(pair, model.spec.preprocessing)
        except ImageError as error:
            return pair, str(error)

    encode = trunk_runner(model, speed)
    shared = None if texts is None else encode_texts(model, texts)
    with closing(map_ahead(read, pairs, speed.workers, BATCHES_AHEAD * speed.batch)) as decoded:
        while group := list(islice(decoded, speed.batch)):
            skipped = tuple(crop for _, crop in group if isinstance(crop, str))
            kept = [(pair, crop) for pair, crop in group if not isinstance(crop, str)]
            if not kept:
                yield MapBatch.nothing(skipped)
                continue
            features = encode(np.stack([crop for _, crop in kept]))
            for block in _blocks([pair for pair, _ in kept], features, shared, model, asked.count):
                yield _draw(model, block, method, asked, skipped)
                skipped = ()  # reported once


def _blocks(
    pairs: Sequence[Pair], image: ImageFeatures, shared: TextFeatures | None, model: Classifier, classes: int
) -> Iterator[_Block]:
    """As many images at once as their maps fit ``BLOCK_BYTES``; at least one."""
    texts = 1 if shared is None else len(shared)
    size = max(1, BLOCK_BYTES // (4 * texts * classes * image.grid[0, 0].numel()))
    for start in range(0, len(pairs), size):
        here = pairs[start : start + size]
        index = torch.arange(len(here), device=image.grid.device)
        some = image.rows(index + start)
        if shared is None:
            own = encode_texts(model, [pair.text for pair in here])
            yield _Block(here, BoundClassifier(model, some, own), index, index)
        else:
            every = torch.arange(texts, device=index.device).repeat(len(here))
            yield _Block(here, BoundClassifier(model, some, shared), index.repeat_interleave(texts), every)


def _draw(model: Classifier, block: _Block, method: str, asked: _Asked, skipped: tuple[str, ...]) -> MapBatch:
    # The head and the map stay in their own precision, whatever the caller's trunk runs in.
    with torch.autocast(model.device.type, enabled=False):
        classes = asked.of(block)
        rows = Rows(
            block.image_index.repeat_interleave(asked.count),
            block.text_index.repeat_interleave(asked.count),
            classes.flatten(),
        )
        found = compute_maps(block.bound, rows, method)

    def shaped(values: Tensor) -> np.ndarray:
        return values.view(len(block.pairs), -1, asked.count, *values.shape[1:]).cpu().numpy()

    return MapBatch(
        tuple(block.pairs),
        shaped(found.maps.float()),
        shaped(rows.target),
        shaped(found.scores.float()),
        skipped,
        shaped(found.gaps.float()),
    )
