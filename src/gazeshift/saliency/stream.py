"""Maps of a whole data set, from image files on: decoding runs ahead on threads, the trunk once per image, memory stays bounded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from gazeshift.data.loader import read_crop
from gazeshift.data.pool import map_ahead
from gazeshift.errors import ImageError, UsageError
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, TextFeatures, encode_texts
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.registry import known_name
from gazeshift.saliency.cams import DEFAULT, METHODS, PIXEL_METHODS, method_for, tap_methods
from gazeshift.saliency.combination import class_index
from gazeshift.saliency.compute import compute_maps, probabilities, row_logits
from gazeshift.saliency.explain import check_sees
from gazeshift.saliency.maps import MapBatch, Skipped
from gazeshift.saliency.probe import Rows
from gazeshift.saliency.speed import Speed, trunk_runner
from gazeshift.saliency.stream_given import MapStream, TextsOf, check_given, given_stream

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
    return map_stream(model, texts, method, speed, target)(pairs, None)


def map_stream(
    model: Classifier | Given,
    texts: Sequence[str] | None = None,
    method: str = DEFAULT,
    speed: Speed = Speed(),  # noqa: B008  # frozen
    target: str | Sequence[str] = "predicted",
) -> MapStream:
    """``stream_maps`` for several lots of pairs: the trunk is made ready, and texts that all images share are encoded, once.

    A batch is made of consecutive pairs, whether or not their images can be decoded, so that equal lots give equal bytes.

    Args:
        model: as ``stream_maps``.
        texts: as ``stream_maps``; with each lot a function may come that gives a pair's texts instead, equally many of each.
        method: as ``stream_maps``.
        speed: as ``stream_maps``.
        target: as ``stream_maps``.

    Raises:
        UsageError: as ``stream_maps``.
    """
    check_stream(model, texts, method, speed, target)
    if isinstance(model, Given):
        return given_stream(model, texts, method, speed, target)
    return _stream(model, texts, method_for(model, method), speed, _asked(model, target))


def check_stream(
    model: Classifier | Given, texts: Sequence[str] | None, method: str, speed: Speed, target: str | Sequence[str]
) -> None:
    """Refuse what ``map_stream`` would, without preparing anything.

    Raises:
        UsageError: as ``stream_maps``.
    """
    check_sees(model)
    if isinstance(texts, str) or (texts is not None and not texts):
        raise UsageError("texts: give a list of at least one text, or None for each pair's own.")
    if speed.batch < 1:
        raise UsageError(f"batch: give 1 or more, not {speed.batch}.")
    if isinstance(model, Given):
        known_name({*METHODS, DEFAULT}, method, "method")
        check_given(model, speed, target)
    else:
        chosen = method_for(model, method)
        if chosen in PIXEL_METHODS:
            raise UsageError(
                f"method: {chosen!r} sends many changed images through the trunk for one map, too many for a whole data set; use it with "
                "gs.explain, or choose a method at the tap, for example hires-cam."
            )
        known_name(tap_methods(), chosen, "method")
        _asked(model, target)


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
    of: Callable[[_Block, Float[Tensor, "p classes"]], Int[Tensor, "p c"]]


def _asked(model: Classifier, target: str | Sequence[str]) -> _Asked:
    def predicted(_: _Block, logits: Float[Tensor, "p classes"]) -> Int[Tensor, "p 1"]:
        return logits.argmax(1, keepdim=True)

    def label(block: _Block, _: Float[Tensor, "p classes"]) -> Int[Tensor, "p 1"]:
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
        lambda block, _: torch.tensor(fixed, device=block.image_index.device).expand(len(block.image_index), -1),
    )


def _stream(model: Classifier, texts: Sequence[str] | None, method: str, speed: Speed, asked: _Asked) -> MapStream:
    encode = trunk_runner(model, speed)
    usual = _text_reader(model, texts)
    blank = np.zeros((3, model.spec.preprocessing.size, model.spec.preprocessing.size), np.uint8)

    def read(pair: Pair) -> tuple[Pair, UInt8[np.ndarray, "3 H W"] | Skipped]:
        try:
            return pair, read_crop(pair, model.spec.preprocessing)
        except ImageError as error:
            return pair, Skipped(pair, "undecodable", str(error))

    def stream(pairs: Iterable[Pair], texts_of: TextsOf | None) -> Iterator[MapBatch]:
        reader = usual if texts_of is None else _texts_of_each(model, texts_of)
        with closing(map_ahead(read, pairs, speed.workers, BATCHES_AHEAD * speed.batch)) as decoded:
            while group := list(islice(decoded, speed.batch)):
                skipped = tuple(crop for _, crop in group if isinstance(crop, Skipped))
                kept = [row for row, (_, crop) in enumerate(group) if not isinstance(crop, Skipped)]
                if not kept:
                    yield MapBatch.nothing(skipped)
                    continue
                # What cannot be decoded keeps its place, so that every other image is computed as it would be without it.
                features = encode(np.stack([blank if isinstance(crop, Skipped) else crop for _, crop in group]))
                seen = features.rows(torch.tensor(kept, device=features.grid.device))
                for block in _blocks([group[row][0] for row in kept], seen, reader, model, asked.count):
                    yield _draw(model, block, method, asked, skipped)
                    skipped = ()  # reported once

    return stream


@dataclass(frozen=True)
class _TextReader:
    """How many texts an image has, and their features: of the images of a block one after the other, or shared by all."""

    count: Callable[[Pair], int]
    of: Callable[[Sequence[Pair]], TextFeatures]
    shared: bool


def _text_reader(model: Classifier, texts: Sequence[str] | None) -> _TextReader:
    if texts is None:
        return _texts_of_each(model, lambda pair: (pair.text,))
    features = encode_texts(model, texts)
    return _TextReader(lambda pair: len(features), lambda pairs: features, shared=True)


def _texts_of_each(model: Classifier, texts_of: TextsOf) -> _TextReader:
    def encoded(pairs: Sequence[Pair]) -> TextFeatures:
        return encode_texts(model, [text for pair in pairs for text in texts_of(pair)])

    return _TextReader(lambda pair: len(texts_of(pair)), encoded, shared=False)


def _blocks(
    pairs: Sequence[Pair], image: ImageFeatures, reader: _TextReader, model: Classifier, classes: int
) -> Iterator[_Block]:
    """As many images at once as their maps fit ``BLOCK_BYTES``; at least one."""
    texts = reader.count(pairs[0])
    size = max(1, BLOCK_BYTES // (4 * texts * classes * image.grid[0, 0].numel()))
    for start in range(0, len(pairs), size):
        here = pairs[start : start + size]
        index = torch.arange(len(here), device=image.grid.device)
        bound = BoundClassifier(model, image.rows(index + start), reader.of(here))
        rows = index.repeat_interleave(texts)
        every = torch.arange(texts, device=index.device).repeat(len(here))
        yield _Block(here, bound, rows, every if reader.shared else rows * texts + every)


def _draw(model: Classifier, block: _Block, method: str, asked: _Asked, skipped: tuple[Skipped, ...]) -> MapBatch:
    # The head and the map stay in their own precision, whatever the caller's trunk runs in.
    with torch.autocast(model.device.type, enabled=False):
        logits = row_logits(block.bound, block.image_index, block.text_index)
        classes = asked.of(block, logits)
        rows = Rows(
            block.image_index.repeat_interleave(asked.count),
            block.text_index.repeat_interleave(asked.count),
            classes.flatten(),
        )
        found = compute_maps(block.bound, rows, method)
        shares = probabilities(logits).gather(1, classes)

    def shaped(values: Tensor) -> np.ndarray:
        return values.view(len(block.pairs), -1, asked.count, *values.shape[1:]).cpu().numpy()

    return MapBatch(
        tuple(block.pairs),
        shaped(found.maps.float()),
        shaped(rows.target),
        shaped(found.scores.float()),
        skipped,
        shaped(found.gaps.float()),
        shaped(shares.flatten().float()),
    )
