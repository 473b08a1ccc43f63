"""What is timed: the forward pass, gazeshift, and other explainers, each called as its users would. One dict of the others."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from gazeshift.bench.subject import Subject
from gazeshift.models import BoundClassifier, encode_texts
from gazeshift.saliency import Rows, class_logits, compute_maps, row_logits

Work = Callable[[], object]


def forward(subject: Subject) -> Work:
    """The model's own eager float32 forward pass, without gradient: the net as published, with its whole last block."""

    def work() -> object:
        with torch.no_grad():
            return subject.plain.whole(subject.images)

    return work


def ours(subject: Subject) -> Work:
    """One map per image with its own text, for the predicted class: encode, classify, explain."""
    model, count = subject.model, len(subject.images)
    each = torch.arange(count, device=subject.images.device)

    def work() -> object:
        with torch.no_grad():
            tokens = model.tokenize(subject.texts[:count])
            features = subject.encode(subject.images)
            bound = BoundClassifier(model, features, model.encode_text(tokens.ids, tokens.mask))
        predicted = row_logits(bound, each, each).argmax(1)
        return compute_maps(bound, Rows(each, each, predicted), "grad-cam").maps.cpu()

    return work


def ours_many_texts(subject: Subject) -> Work:
    """All texts on one image, with a map of the predicted class for each."""
    model = subject.model

    def work() -> object:
        with torch.no_grad():
            features = subject.encode(subject.images[:1])
        bound = BoundClassifier(model, features, encode_texts(model, subject.texts))
        predicted = class_logits(bound, len(subject.texts))[0].argmax(1)
        place = torch.arange(len(predicted), device=predicted.device)
        return compute_maps(bound, Rows(torch.zeros_like(place), place, predicted)).maps.cpu()

    return work


def _pytorch_grad_cam(subject: Subject) -> Work:
    from pytorch_grad_cam import GradCAM

    plain = subject.plain
    reshape = plain.as_grid if plain.emits_tokens else None

    def work() -> object:
        with GradCAM(model=plain, target_layers=[plain.tap], reshape_transform=reshape) as cam:
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


@dataclass(frozen=True)
class Peer:
    """Another explainer.

    Attributes:
        module: the module to import.
        work: computes one map of the predicted class per image.
        reads_tokens: whether it documents how to explain a layer of tokens (pytorch-grad-cam's ``reshape_transform``).
    """

    module: str
    work: Callable[[Subject], Work]
    reads_tokens: bool


PEERS: dict[str, Peer] = {
    "pytorch-grad-cam": Peer("pytorch_grad_cam", _pytorch_grad_cam, reads_tokens=True),
    "captum": Peer("captum", _captum, reads_tokens=False),
    "torchcam": Peer("torchcam", _torchcam, reads_tokens=False),
}


def installed_peers() -> list[str]:
    """Other explainers that can be imported here (the extra ``peers``)."""
    return [name for name, peer in PEERS.items() if find_spec(peer.module) is not None]


def offered_peers(subject: Subject) -> list[str]:
    """The installed explainers that offer a map for this model."""
    tokens = subject.plain.emits_tokens
    return [name for name in installed_peers() if PEERS[name].reads_tokens or not tokens]
