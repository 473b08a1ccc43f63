"""Who is measured: the forward pass, ours, and other explainers, each as its users would call it. One dict of the others."""

from collections.abc import Callable
from importlib.util import find_spec

import torch

from gazeshift.bench.subject import Subject
from gazeshift.saliency import Rows, class_logits, compute_maps, row_logits

Work = Callable[[], object]


def forward(subject: Subject) -> Work:
    """The model's own eager float32 forward pass, without gradient."""

    def work() -> object:
        with torch.no_grad():
            return subject.plain(subject.images)

    return work


def ours(subject: Subject) -> Work:
    """One map per image with its own text, for the predicted class: encode, classify, explain."""
    model, count = subject.model, len(subject.images)
    each = torch.arange(count, device=subject.images.device)

    def work() -> object:
        with torch.no_grad():
            tokens = model.tokenize(subject.texts[:count])
            features, text = model.encode_image(subject.images), model.encode_text(tokens.ids, tokens.mask)
        predicted = row_logits(model, features, text, each, each).argmax(1)
        return compute_maps(model, features, text, Rows(each, each, predicted)).maps.cpu()

    return work


def ours_many_texts(subject: Subject) -> Work:
    """All texts on one image, a map of the predicted class for each."""
    model = subject.model

    def work() -> object:
        with torch.no_grad():
            tokens = model.tokenize(subject.texts)
            features, text = model.encode_image(subject.images[:1]), model.encode_text(tokens.ids, tokens.mask)
        predicted = class_logits(model, features, text)[0].argmax(1)
        place = torch.arange(len(predicted), device=predicted.device)
        return compute_maps(model, features, text, Rows(torch.zeros_like(place), place, predicted)).maps.cpu()

    return work


def _pytorch_grad_cam(subject: Subject) -> Work:
    from pytorch_grad_cam import GradCAM

    def work() -> object:
        with GradCAM(model=subject.plain, target_layers=[subject.plain.tap]) as cam:
            return cam(input_tensor=subject.images, targets=None)

    return work


def _captum(subject: Subject) -> Work:
    from captum.attr import LayerGradCam

    explainer = LayerGradCam(subject.plain, subject.plain.tap)

    def work() -> object:
        with torch.no_grad():
            predicted = subject.plain(subject.images).argmax(1)
        return explainer.attribute(subject.images, target=predicted)

    return work


def _torchcam(subject: Subject) -> Work:
    from torchcam.methods import GradCAM

    def work() -> object:
        with GradCAM(subject.plain, subject.plain.tap) as cam:
            scores = subject.plain(subject.images)
            return cam(scores.argmax(1).tolist(), scores)

    return work


PEERS: dict[str, Callable[[Subject], Work]] = {
    "pytorch-grad-cam": _pytorch_grad_cam,
    "captum": _captum,
    "torchcam": _torchcam,
}
_MODULES = {"pytorch-grad-cam": "pytorch_grad_cam", "captum": "captum", "torchcam": "torchcam"}


def installed_peers() -> list[str]:
    """Other explainers that can be imported here (the extra ``peers``)."""
    return [name for name, module in _MODULES.items() if find_spec(module) is not None]
