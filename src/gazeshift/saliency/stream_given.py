"""Maps of a whole data set by a model that was not trained here: one picture at a time, checked on the first."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from gazeshift.data.decode import decode
from gazeshift.data.pool import map_ahead
from gazeshift.errors import ImageError, ModelError, UsageError
from gazeshift.models.adapters.given import Given
from gazeshift.models.face import Model
from gazeshift.pairs import Pair
from gazeshift.saliency.asked import Asked
from gazeshift.saliency.cams import method_for
from gazeshift.saliency.combination import class_index
from gazeshift.saliency.compute import probabilities
from gazeshift.saliency.maps import MapBatch, Skipped
from gazeshift.saliency.speed import Speed

_AHEAD = 16


TextsOf = Callable[[Pair], Sequence[str]]
"""The texts of a pair."""

MapStream = Callable[[Iterable[Pair], TextsOf | None], Iterator[MapBatch]]
"""The maps of some pairs; their texts are those it was made with, unless a function gives others."""


def given_stream(
    model: Given,
    texts: Sequence[str] | None,
    method: str,
    speed: Speed,
    target: str | Sequence[str],
) -> MapStream:
    """As ``map_stream``, for any model of pictures and sentences; methods that change the picture work, too.

    Raises:
        UsageError: an unknown class.
        ModelError: while it runs: the model cannot be explained, or its grids differ in size between pictures.
    """
    fixed = _fixed(model, target)

    def read(pair: Pair) -> tuple[Pair, Image.Image | Skipped]:
        try:
            return pair, decode(pair.image, pair.key)
        except ImageError as error:
            return pair, Skipped(pair, "undecodable", str(error))

    def usual(pair: Pair) -> Sequence[str]:
        return (pair.text,) if texts is None else texts

    def stream(pairs: Iterable[Pair], texts_of: TextsOf | None) -> Iterator[MapBatch]:
        asked = texts_of or usual
        size: tuple[int, ...] | None = None
        checked = model
        with closing(map_ahead(read, pairs, speed.workers, _AHEAD)) as decoded:
            for pair, picture in decoded:
                if isinstance(picture, Skipped):
                    yield MapBatch.nothing((picture,))
                    continue
                said = list(asked(pair))
                if size is None:
                    checked = model.trusted(picture, said)
                try:
                    batch = _draw(checked, pair, picture, said, method, target, fixed)
                except ModelError as error:
                    raise ModelError(f"{pair.key}: {error}") from error
                size = _same_size(size, batch.maps.shape[3:])
                yield batch

    return stream


def check_given(model: Given, speed: Speed, target: str | Sequence[str]) -> None:
    """Refuse what ``given_stream`` cannot do.

    Raises:
        UsageError: an unknown class, or precision or compilation, which are the model's own affair.
    """
    if speed.compiled or speed.precision != "float32":
        raise UsageError("precision and compilation are for models trained here; set them in the given model itself.")
    _fixed(model, target)


def _fixed(model: Given, target: str | Sequence[str]) -> list[int] | None:
    """The classes that are named; None where they depend on the pair."""
    return None if isinstance(target, str) and target in {"predicted", "label"} else _classes(model, target)


def _draw(
    model: Model,
    pair: Pair,
    picture: Image.Image,
    texts: Sequence[str],
    method: str,
    target: str | Sequence[str],
    fixed: Sequence[int] | None,
) -> MapBatch:
    bound = model.bind([picture], texts)
    asked = Asked.of(bound, torch.zeros(len(texts), dtype=torch.long), torch.arange(len(texts)))
    classes = _asked_classes(model, asked, pair, target, fixed)
    each = classes.shape[1]
    rows = torch.arange(len(texts), device=classes.device).repeat_interleave(each)
    found = asked.at(rows).compute(classes.flatten(), method_for(bound, method))
    shares = probabilities(asked.logits).gather(1, classes.to(asked.logits.device))

    def shaped(values: Tensor) -> np.ndarray:
        return values.float().view(1, len(texts), each, *values.shape[1:]).cpu().numpy()

    return MapBatch(
        (pair,),
        shaped(found.maps),
        classes[None].cpu().numpy(),
        shaped(found.scores),
        (),
        shaped(found.gaps),
        shaped(shares.flatten()),
    )


def _asked_classes(
    model: Model, asked: Asked, pair: Pair, target: str | Sequence[str], fixed: Sequence[int] | None
) -> Int[Tensor, "t c"]:
    if fixed is not None:
        return torch.tensor(fixed, device=asked.text.device).expand(len(asked.text), -1)
    if target == "label":
        return torch.full_like(asked.text, class_index(model.classes, pair.label))[:, None]
    return asked.predicted[:, None]


def _classes(model: Model, target: str | Sequence[str]) -> list[int]:
    names = (target,) if isinstance(target, str) else tuple(target)
    return [class_index(model.classes, name) for name in (model.classes if target == "all" else names)]


def _same_size(size: tuple[int, ...] | None, found: tuple[int, ...]) -> tuple[int, ...]:
    if size is not None and size != found:
        raise ModelError(
            f"this model's grid depends on the picture ({' x '.join(map(str, size))} and {' x '.join(map(str, found))} cells), and maps of "
            "one file need one size: give pictures of one shape, or explain them one by one."
        )
    return found
