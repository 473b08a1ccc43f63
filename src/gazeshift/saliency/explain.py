"""One image, some texts: the maps, and everything a comparison of them needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models.bound import Bound
from gazeshift.models.face import Model
from gazeshift.saliency.asked import Asked
from gazeshift.saliency.cams import DEFAULT, method_for
from gazeshift.saliency.combination import Combination, choose_target, outputs_for
from gazeshift.saliency.maps import MapRow, SaliencyMaps
from gazeshift.saliency.pictures import Picture, name_of, open_picture


def explain(
    model: Model,
    image: Picture | None,
    texts: Sequence[str] = ("",),
    target: str | Combination = "predicted",
    *,
    label: str | None = None,
    method: str = DEFAULT,
    key: str | None = None,
) -> SaliencyMaps:
    """Compute the maps of one image with some texts.

    Args:
        model: any model: ``load``, ``model`` or ``from_hub``.
        image: a file, its bytes, a Pillow image, or an array. None is refused with the reason: without a picture there is no map.
        texts: one map is computed for each; for no text, use the empty text.
        target: whose logit is explained. ``predicted``: the class predicted with the same text. ``reference``: the one predicted with
            ``texts[0]``. ``label``: the one given as ``label``. A class name. ``A rather than B``: the difference of two logits. Or any
            weighted sum of them, a ``Combination``.
        label: the true class, for ``target="label"``.
        method: a name in ``gazeshift.saliency.METHODS``, or ``default``: the one that suits the model (``default_method``).
        key: name of the image in the result; the file's name if None.

    Returns:
        Maps: the first ``len(texts)`` rows are the requested ones; rows that ``shift`` needs follow.

    Raises:
        UsageError: no picture, no text, an unknown class, target or method, a model that sees no image.
        ImageError, ModelError: the image cannot be decoded, or the model not be explained at its layer.

    Example:
        >>> import gazeshift as gs
        >>> maps = gs.explain(gs.load("model"), "photo.jpg", ["tuna tartare", "red tomato ketchup"])  # doctest: +SKIP
        >>> maps.raw.shape  # doctest: +SKIP
        (4, 8, 8)
    """
    texts, name = at_least_one(texts), key or name_of(image)
    check_sees(model)
    return explain_opened(model, open_picture(image, name, model.enough), texts, target, label, method, name).maps


@dataclass(frozen=True, eq=False)
class Explained:
    """Maps, and what the model answers.

    Attributes:
        maps: of ``explain``.
        probabilities: of every class with every text.
    """

    maps: SaliencyMaps
    probabilities: Float[np.ndarray, "t classes"]


def explain_opened(
    model: Model,
    picture: Image.Image,
    texts: tuple[str, ...],
    target: str | Combination,
    label: str | None,
    method: str,
    name: str,
) -> Explained:
    """``explain`` of a decoded picture and at least one text, with the model's answers, which the maps needed.

    Args:
        model: sees.
        picture: upright, RGB.
        texts: as for ``explain``, like what follows.
        target: whose logit is explained.
        label: the true class.
        method: a saliency method.
        name: of the picture in the result.

    Raises:
        UsageError, ModelError: as ``explain``.
    """
    model, bound = _bound(model, picture, texts)
    method, (out, outputs) = method_for(bound, method), outputs_for(target, model.classes)
    # The head and the map stay in their own precision, whatever the caller's trunk runs in.
    with torch.autocast(bound.grid.device.type, enabled=False):
        asked = Asked.of(bound, *_every(len(texts)))
        answered, asked = asked.predicted, asked.with_outputs(out)
        text_index, target_index = _rows(_targets(model.classes, target, label, answered), answered)
        computed = asked.at(text_index).compute(target_index, method)
    probability = _probabilities(asked.logits, len(model.classes))
    columns = (text_index, target_index, computed.scores, probability[text_index, target_index])
    maps = SaliencyMaps(
        key=name,
        raw=computed.maps.float().cpu().numpy(),
        rows=tuple(MapRow(*row) for row in zip(*(column.tolist() for column in columns), strict=True)),
        texts=texts,
        predicted=tuple(answered.tolist()),
        target=outputs[-1] if len(outputs) > len(model.classes) else str(target),
        classes=outputs,
        method=method,
        model=model.digest(),
        noise=computed.noise.float().cpu().numpy(),
        gaps=computed.gaps.float().cpu().numpy(),
        remarks=bound.notes,
    )
    return Explained(maps, probability[:, : len(model.classes)].float().cpu().numpy())


def at_least_one(texts: Sequence[str]) -> tuple[str, ...]:
    """Texts as a tuple; one text may come alone.

    Raises:
        UsageError: there is none.
    """
    given = (texts,) if isinstance(texts, str) else tuple(texts)
    if not given:
        raise UsageError("explain needs at least one text; an empty text is ''.")
    return given


def check_sees(model: object) -> None:
    """Refuse a model without maps.

    Raises:
        UsageError: it sees no image, or it is no model with pictures and sentences at all; says what to do.
    """
    if not isinstance(model, Model):
        raise UsageError(
            f"a {type(model).__name__} does not say how it reads pictures and texts: give gazeshift.model(net, layer=..., preprocess=..., "
            "tokenizer=..., classes=...), or explain_inputs for tensors."
        )
    if not model.sees_image:
        raise UsageError(f"model {model.name!r} sees no image: it has no map.")


def _bound(model: Model, picture: Image.Image, texts: tuple[str, ...]) -> tuple[Model, Bound]:
    """The model as it is asked about a picture, and bound to it."""
    model = model.about(picture, texts[0])
    return model, model.bind([picture], texts)


def _every(texts: int) -> tuple[Int[Tensor, " t"], Int[Tensor, " t"]]:
    """One image with every text."""
    return torch.zeros(texts, dtype=torch.long), torch.arange(texts)


def _targets(
    classes: Sequence[str], target: str | Combination, label: str | None, predicted: Int[Tensor, " t"]
) -> Int[Tensor, " t"]:
    """The output that each requested map explains."""
    if target == "predicted":
        return predicted
    return torch.full_like(predicted, choose_target(classes, target, label, int(predicted[0])))


def _probabilities(logits: Float[Tensor, "t outputs"], classes: int) -> Float[Tensor, "t outputs"]:
    """Of the classes; a combination of logits has none."""
    return torch.cat([logits[:, :classes].softmax(1), torch.full_like(logits[:, classes:], torch.nan)], dim=1)


def _rows(wanted: Int[Tensor, " t"], predicted: Int[Tensor, " t"]) -> tuple[Int[Tensor, " r"], Int[Tensor, " r"]]:
    """The requested (text, class) of every text first, then those that splits between any two texts also need, each once."""
    requested = list(enumerate(wanted.tolist()))
    seen = set(requested)
    classes = sorted(set(predicted.tolist()))
    # A shift between texts i and j needs both their classes under both texts. The classes predicted with any text, under every text,
    # hold all of these.
    extra = [(text, target) for text in range(len(wanted)) for target in classes if (text, target) not in seen]
    text_index, target_index = zip(*(requested + extra), strict=True)
    return torch.tensor(text_index, device=wanted.device), torch.tensor(target_index, device=wanted.device)
