"""Maps of a third-party model, for inputs in its own form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gazeshift.errors import UsageError, listed, shown
from gazeshift.measures import undefined
from gazeshift.models.adapters import Outside
from gazeshift.models.adapters.inputs import count
from gazeshift.registry import known_name
from gazeshift.saliency.asked import Asked
from gazeshift.saliency.cams import DEFAULT, METHODS
from gazeshift.saliency.shift import Shift, shift_of
from gazeshift.saliency.targets import Target, target_rows

_NO_CLASS = "not a number"


@dataclass(frozen=True)
class InputRow:
    """What one map explains: image, text and class (indices), and the logit of that class."""

    image: int
    text: int
    target: int
    logit: float


@dataclass(frozen=True, eq=False)
class InputMaps:
    """Maps of a third-party model.

    Attributes:
        raw: signed, un-normalised, on the layer's own grid, one per combination and class; comparable between inputs.
        rows: what each explains.
        logits: of every row's combination, all classes.
        reasons: why a map is undefined, in words; None for a map with a positive value.
        notes: further remarks on how the model was explained, one sentence each; usually empty.
    """

    raw: Float[np.ndarray, "r h w"]
    rows: tuple[InputRow, ...]
    logits: Float[np.ndarray, "r classes"]
    reasons: tuple[str | None, ...]
    notes: tuple[str, ...] = ()

    @property
    def undefined(self) -> Bool[np.ndarray, " r"]:
        """Whether a map points nowhere."""
        return undefined(self.raw)

    def of(self, image: int = 0, text: int = 0, target: int | None = None) -> Float[np.ndarray, "h w"]:
        """The map of one combination, for one of its classes if several were requested.

        Raises:
            UsageError: it was not requested, or several were and ``target`` does not select one.
        """
        asked = {
            row.target: raw
            for row, raw in zip(self.rows, self.raw, strict=True)
            if (row.image, row.text) == (image, text)
        }
        if not asked:
            raise UsageError(f"no map of image {shown(image)} with text {shown(text)}.")
        if target is None and len(asked) == 1:
            return next(iter(asked.values()))
        if target not in asked:
            raise UsageError(
                f"image {shown(image)} with text {shown(text)} has maps of classes {listed(asked)}, not of {shown(target)}: pass target=."
            )
        return asked[target]


def explain_inputs(
    model: Outside,
    images: Any,
    texts: Any = None,
    target: Target = "predicted",
    *,
    aligned: bool = False,
    method: str = DEFAULT,
) -> InputMaps:
    """Compute the maps of a third-party model, for every image with every text.

    Args:
        model: the result of ``split``, ``wrap`` or a ready-made adapter.
        images: one row per image, in the form the model takes (several arguments: a mapping by name, or a tuple).
        texts: one row per text, likewise; None if the model takes none.
        target: ``predicted``, a class index, one index per combination, or several per combination for images with several labels: a
            list for each, or a mask ``(combinations, classes)``. There is a map for each class.
        aligned: image i belongs to text i, instead of every image with every text.
        method: a name in ``gazeshift.saliency.METHODS``, or ``default``.

    Raises:
        UsageError: inputs with different numbers of rows, a class that does not exist, an unknown method or target.
        ModelError: the model cannot be explained at this layer; says why.

    Example:
        >>> from gazeshift.models.adapters import wrap
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
        >>> explain_inputs(wrap(net, "0", image="input"), torch.rand(5, 3, 8, 8)).raw.shape
        (5, 6, 6)
    """
    known_name({*METHODS, DEFAULT}, method, "method")
    images, texts = _read(model, images, texts)
    image_index, text_index = _combinations(count(images, "image"), count(texts, "text"), aligned)
    asked = _ask(model, images, texts, image_index, text_index)
    which, targets = target_rows(target, asked.logits)
    asked, image_index, text_index = asked.at(which), image_index[which.cpu()], text_index[which.cpu()]
    computed = asked.compute(targets, method)
    raw = computed.maps.float().cpu().numpy()
    described = zip(image_index.tolist(), text_index.tolist(), targets.tolist(), computed.scores.tolist(), strict=True)
    return InputMaps(
        raw,
        tuple(InputRow(*row) for row in described),
        asked.logits.cpu().numpy(),
        asked.reasons(raw, computed.noise.tolist(), targets),
        asked.bound.notes,
    )


def shift_inputs(
    model: Outside,
    images: Any,
    before: Any,
    after: Any,
    *,
    method: str = DEFAULT,
    classes: Sequence[str] | None = None,
) -> tuple[Shift, ...]:
    """How the map of each image moves when its text is replaced, and why: the class switched, or the text re-weighted the evidence.

    A model with a single score is treated as having two classes by its sign: 0 for a negative score, 1 for a positive one, each
    explained by the score in its own direction. (If the sign means nothing, add a constant to the score in ``output=``.)

    Args:
        model: as in ``explain_inputs``.
        images: one row per image, in the form the model takes.
        before: one row per image, or a single one for all.
        after: the replacement texts, likewise.
        method: a name in ``gazeshift.saliency.METHODS``, or ``default``.
        classes: names of the model's classes, two for a single score; their numbers if None.

    Returns:
        One shift per image, each map for the class predicted with its own text. If no logit is a number the class is called
        ``not a number``, and the values are NaN.

    Raises:
        UsageError: inputs with different numbers of rows, an unknown method, or not one name per class.
        ModelError: the model cannot be explained at this layer; says why.

    Example:
        >>> from gazeshift.models.adapters import wrap
        >>> class Net(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = torch.nn.Conv2d(3, 4, 3)
        ...     def forward(self, image, text):
        ...         return torch.relu(self.layer(image).mean((2, 3)) + text)
        >>> model = wrap(Net(), "layer", image="image", text="text")
        >>> shifts = shift_inputs(model, torch.rand(5, 3, 8, 8), torch.zeros(1, 4), torch.ones(1, 4))
        >>> len(shifts), shifts[0].js_bits == shifts[0].switch + shifts[0].within
        (5, True)
    """
    known_name({*METHODS, DEFAULT}, method, "method")
    first, second = (
        _two_classes(_each_with_its(model, images, texts, name))
        for name, texts in (("before", before), ("after", after))
    )
    names = _names_of(first.logits.shape[1], classes)
    quadruples = zip(
        first.maps(first.predicted, method),
        first.maps(second.predicted, method),
        second.maps(first.predicted, method),
        second.maps(second.predicted, method),
        strict=True,
    )
    answers = zip(_named(first, names), _named(second, names), strict=True)
    notes = tuple(dict.fromkeys((*first.bound.notes, *second.bound.notes)))
    return tuple(
        replace(shift_of(*four, before, after), notes=notes)
        for four, (before, after) in zip(quadruples, answers, strict=True)
    )


def _names_of(count: int, classes: Sequence[str] | None) -> list[str]:
    """Names of a model's classes: as given, else their numbers."""
    names = [str(name) for name in (range(count) if classes is None else classes)]
    if len(names) != count or len(set(names)) < len(names):
        raise UsageError(
            f"classes: {len(set(names))} different names for a model of {count} classes; give one name per class."
        )
    return names


def _named(asked: Asked, names: Sequence[str]) -> list[str]:
    """The predicted class of each row by its name."""
    lost = asked.logits.isnan().all(1).tolist()
    return [_NO_CLASS if nan else names[each] for each, nan in zip(asked.predicted.tolist(), lost, strict=True)]


def _two_classes(asked: Asked) -> Asked:
    """A single-score model as a model of two classes, against and for; others unchanged."""
    if asked.logits.shape[1] > 1:
        return asked
    return asked.with_outputs(_against_and_for)


def _against_and_for(score: Float[Tensor, "*r 1"]) -> Float[Tensor, "*r 2"]:
    return torch.cat([-score, score], dim=-1)


def _read(model: Outside, images: Any, texts: Any) -> tuple[Any, Any]:
    """The inputs that the model takes, as tensors."""
    if not isinstance(model, Outside):
        raise UsageError(f"a {type(model).__name__} is not wrapped yet: give wrap(model, layer, ...) or split(model).")
    return model.read(images, texts)


def _ask(model: Outside, images: Any, texts: Any, image_index: Tensor, text_index: Tensor) -> Asked:
    if not len(image_index):
        raise UsageError("give at least one image and one text to explain.")
    return Asked.of(model.bind(images, texts, image_index, text_index), image_index, text_index)


def _each_with_its(model: Outside, images: Any, texts: Any, name: str) -> Asked:
    """Image i with text i, or with the only text."""
    images, texts = _read(model, images, texts)
    number, given = count(images, "image"), count(texts, name)
    if not number:
        raise UsageError("give at least one image to explain.")
    if given not in {1, number}:
        raise UsageError(f"{name}: {given} texts for {number} images; give one text per image, or a single one.")
    index = torch.arange(number)
    return _ask(model, images, texts, index, index if given == number else torch.zeros_like(index))


def _combinations(images: int, texts: int, aligned: bool) -> tuple[Tensor, Tensor]:
    if aligned:
        if images != texts:
            raise UsageError(f"aligned=True needs as many texts as images; there are {texts} and {images}.")
        return torch.arange(images), torch.arange(images)
    return torch.arange(images).repeat_interleave(texts), torch.arange(texts).repeat(images)
