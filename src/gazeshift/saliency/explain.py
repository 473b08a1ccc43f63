"""One image, some texts: the maps, and everything a comparison of them needs."""

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from gazeshift.data.decode import decode
from gazeshift.errors import ImageError, UsageError
from gazeshift.models import Classifier, ImageFeatures, TextFeatures, evaluating, known_digest
from gazeshift.registry import lookup
from gazeshift.saliency.cams import DEFAULT, method_for
from gazeshift.saliency.compute import class_logits, compute_maps
from gazeshift.saliency.encode import encode_texts
from gazeshift.saliency.maps import MapRow, SaliencyMaps
from gazeshift.saliency.probe import Rows

Picture = str | Path | bytes | Image.Image
_NOT_IN_PNG = {"CMYK", "F", "I", "LAB", "YCbCr"}


def explain(
    model: Classifier,
    image: Picture,
    texts: Sequence[str] = ("",),
    target: str = "predicted",
    *,
    label: str | None = None,
    method: str = DEFAULT,
    key: str | None = None,
) -> SaliencyMaps:
    """Compute the maps of one image with some texts.

    Args:
        model: a classifier, as returned by ``load``.
        image: a file, its bytes, or a Pillow image.
        texts: one map is computed for each; for no text, use the empty text.
        target: the class whose logit is explained. ``predicted``: the one predicted with the same text. ``reference``: the one
            predicted with ``texts[0]``. ``label``: the one given as ``label``. Or a class name.
        label: the true class, for ``target="label"``.
        method: a name in ``gazeshift.saliency.METHODS``, or ``default``: the one that suits the model (``default_method``).
        key: name of the image in the result; the file's name if None.

    Returns:
        Maps: the first ``len(texts)`` rows are the requested ones; rows that ``shift`` needs follow.

    Raises:
        UsageError: no text, an unknown class, target or method, a model that sees no image.
        ImageError: the image cannot be decoded.

    Example:
        >>> import gazeshift as gs
        >>> maps = gs.explain(gs.load("model"), "photo.jpg", ["tuna tartare", "red tomato ketchup"])  # doctest: +SKIP
        >>> maps.raw.shape  # doctest: +SKIP
        (4, 8, 8)
    """
    texts = _at_least_one(texts)
    if not model.structure.sees_image:
        raise UsageError(f"model {model.spec.name!r} sees no image: it has no map.")
    method = method_for(model, method)
    pixels = pixels_of(model, image, name := key or name_of(image))
    features, encoded = encode(model, pixels, texts)
    with torch.autocast(model.device.type, enabled=False):
        logits = class_logits(model, features, encoded)[0]
        predicted = logits.argmax(1)
        text_index, target_index = _rows(_targets(model, target, label, predicted), predicted)
        rows = Rows(torch.zeros_like(text_index), text_index, target_index)
        computed = compute_maps(model, features, encoded, rows, method, pixels=pixels)
    probability = logits.softmax(1)[text_index, target_index]
    columns = (text_index, target_index, computed.scores, probability)
    return SaliencyMaps(
        key=name,
        raw=computed.maps.float().cpu().numpy(),
        rows=tuple(MapRow(*row) for row in zip(*(column.tolist() for column in columns), strict=True)),
        texts=texts,
        predicted=tuple(predicted.tolist()),
        target=target,
        classes=model.classes,
        method=method,
        model=known_digest(model),
        noise=computed.noise.float().cpu().numpy(),
        gaps=computed.gaps.float().cpu().numpy(),
    )


def _at_least_one(texts: Sequence[str]) -> tuple[str, ...]:
    given = (texts,) if isinstance(texts, str) else tuple(texts)
    if not given:
        raise UsageError("explain needs at least one text; an empty text is ''.")
    return given


def name_of(image: Picture) -> str:
    """The name of an image in results and errors: its file's name, if it is a file."""
    return Path(image).name if isinstance(image, str | Path) else "image"


def encode_for(model: Classifier, image: Picture, texts: Sequence[str]) -> tuple[ImageFeatures, TextFeatures]:
    """One image at the tap and some texts, encoded in evaluation mode and without gradients."""
    return encode(model, pixels_of(model, image, name_of(image)), texts)


def encode(
    model: Classifier, pixels: Float[Tensor, "1 3 H W"], texts: Sequence[str]
) -> tuple[ImageFeatures, TextFeatures]:
    """The same from the pixels."""
    with torch.no_grad(), evaluating(model):
        image = model.encode_image(pixels)
    # Under autocast the encoders may answer in half precision; the head and the map stay in the head's own.
    return image.to(next(model.head.parameters()).dtype), encode_texts(model, texts)


def pixels_of(model: Classifier, image: Picture, name: str) -> Float[Tensor, "1 3 H W"]:
    """The image as the model sees it: decoded, cropped, normalised."""
    preprocessing = model.spec.preprocessing
    source = _file_bytes(image, name) if isinstance(image, Image.Image) else image
    picture = decode(Path(source) if isinstance(source, str) else source, name)
    crop = torch.from_numpy(preprocessing.crop(picture))[None]
    return preprocessing.normalise(crop).to(model.device)


def _file_bytes(picture: Image.Image, name: str) -> bytes:
    """A Pillow image as the bytes of a lossless file: it too may be transparent, 16-bit or rotated, and one decoder handles that."""
    file = io.BytesIO()
    try:
        picture.save(file, "TIFF" if picture.mode in _NOT_IN_PNG else "PNG", exif=picture.getexif(), compress_level=1)
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: not a usable image ({error}); convert the image to RGB.") from error
    return file.getvalue()


def class_index(classes: Sequence[str], name: str) -> int:
    """Index of a class by its name.

    Raises:
        UsageError: no such class; suggests the nearest.

    Example:
        >>> class_index(["pie", "tart"], "tart")
        1
    """
    return lookup({known: index for index, known in enumerate(classes)}, name, "class")


def choose_target(model: Classifier, target: str, label: str | None, predicted: int) -> int:
    """The class index of a target, for a pair with a predicted class.

    Raises:
        UsageError: no such class, or ``label`` without the label.
    """
    if target in {"predicted", "reference"}:
        return predicted
    if target == "label" and label is None:
        raise UsageError("target 'label' needs the true class: give label=CLASS (--label CLASS).")
    name = label if target == "label" and label is not None else target
    return class_index(model.classes, name)


def _targets(model: Classifier, target: str, label: str | None, predicted: Int[Tensor, " t"]) -> Int[Tensor, " t"]:
    """The class that each requested map explains."""
    if target == "predicted":
        return predicted
    return torch.full_like(predicted, choose_target(model, target, label, int(predicted[0])))


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
