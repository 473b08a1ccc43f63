"""A missing modality, in training (modality dropout, unimodal losses) as at test time.

No text is the empty text. No image is a grid of zeros at the tap, and zeros in place of a transformer's other tokens; with centred or
standardised features that is the mean image. Such a pair has logits, but no map: nothing is seen that could speak for a class.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models.classifier import Classifier
from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.modes import evaluating
from gazeshift.registry import lookup

LeaveOut = Callable[[ImageFeatures, TextFeatures], tuple[ImageFeatures, TextFeatures]]
"""From encoded pairs to the same pairs without a modality."""


def empty_text(model: Classifier) -> TextFeatures:
    """The empty text, encoded without dropout; gradients flow where the text encoder is trained."""
    tokens = model.tokenize([""])
    with evaluating(model.encoder):
        return model.encode_text(tokens.ids, tokens.mask)


def without_image(image: ImageFeatures, absent: Bool[Tensor, " b"]) -> ImageFeatures:
    """The same images, zeros where absent.

    Example:
        >>> without_image(ImageFeatures(torch.ones(2, 1, 1, 2)), torch.tensor([True, False])).grid.flatten().tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    kept, prefix = (~absent).to(image.grid.dtype), image.prefix
    return ImageFeatures(
        image.grid * kept[:, None, None, None], None if prefix is None else prefix * kept[:, None, None]
    )


def without_text(text: TextFeatures, empty: TextFeatures, absent: Bool[Tensor, " b"]) -> TextFeatures:
    """The same texts, the empty one where absent."""
    row = torch.arange(len(text), device=absent.device).where(~absent, len(text))
    return TextFeatures.joined([text, empty]).rows(row)


def leaving_out(model: Classifier, modality: str | None) -> LeaveOut:
    """How a modality is left out of encoded pairs.

    Args:
        model: in evaluation mode, on the device of the pairs.
        modality: ``image`` or ``text``; None: nothing is left out.

    Raises:
        UsageError: another modality, or one that the model does not know anyway.
    """
    return (lambda image, text: (image, text)) if modality is None else lookup(_LEAVING, modality, "modality")(model)


def _leaving_image(model: Classifier) -> LeaveOut:
    if not model.sees_image:
        raise UsageError(f"model {model.name!r} sees no image: there is none to leave out.")
    return lambda image, text: (without_image(image, _all(len(image), model)), text)


def _leaving_text(model: Classifier) -> LeaveOut:
    if not model.reads_text:
        raise UsageError(f"model {model.name!r} reads no text: there is none to leave out.")
    empty = empty_text(model)
    return lambda image, text: (image, without_text(text, empty, _all(len(text), model)))


def _all(count: int, model: Classifier) -> Bool[Tensor, " b"]:
    return torch.ones(count, dtype=torch.bool, device=model.device)


_LEAVING: dict[str, Callable[[Classifier], LeaveOut]] = {"image": _leaving_image, "text": _leaving_text}
