"""What users hand over by mistake: factories, each with one thing wrong."""

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.models.adapters.given import Given
from tests.saliency.own_model import CLASSES, Net, net, picture_to_tensor, texts_to_tensors


def mine(**changed: Any) -> Given:
    options: dict[str, Any] = {
        "net": net(),
        "layer": "trunk",
        "preprocess": picture_to_tensor,
        "tokenizer": texts_to_tensors,
        "classes": CLASSES,
    }
    return gs.model(**(options | changed))


def changed_by(change: Callable[[Any], Any]) -> Given:
    module = net()
    with torch.no_grad():
        change(module)
    return mine(net=module)


class TextInTrunk(Net):
    """The text scales the picture itself."""

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return super().forward(image * (1 + self.words(text).mean(1)[:, None, None, None]), text)


class InFourBits(nn.Module):
    """A linear layer whose weights are two to a byte, with a scale for each row."""

    def __init__(self, linear: nn.Linear, gradient: bool = True) -> None:
        super().__init__()
        scale = linear.weight.detach().abs().amax(1, keepdim=True) / 7
        whole = ((linear.weight.detach() / scale).round() + 8).to(torch.uint8)
        self.register_buffer("packed", whole[:, ::2] << 4 | whole[:, 1::2])
        self.register_buffer("scale", scale)
        self.register_buffer("bias", linear.bias.detach())
        self.gradient = gradient

    def forward(self, values: Tensor) -> Tensor:
        with torch.set_grad_enabled(self.gradient and torch.is_grad_enabled()):
            weight = torch.stack([self.packed >> 4, self.packed & 15], 2).flatten(1).to(values.dtype) - 8
            return nn.functional.linear(values, weight * self.scale, self.bias)


class InBytes(nn.Module):
    """A layer that gives bytes."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        return (self.layer(values) * 8 + 128).round().to(torch.uint8)


class ReadsBytes(Net):
    """Its trunk is quantised, and what follows reads it as numbers again."""

    def __init__(self) -> None:
        super().__init__()
        self.quantised = InBytes(self.trunk)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.head((self.quantised(image).float() / 8).mean((2, 3)) * self.words(text))


def wrong_layer() -> Given:
    return mine(layer="trunc")


def no_grid() -> Given:
    return mine(layer="head.0")


def text_in_trunk() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TextInTrunk().eval()


def text_said_not_to_reach() -> Given:
    return mine(net=text_in_trunk(), text_free=True)


def too_few_classes() -> Given:
    return mine(classes=CLASSES[:2])


def too_many_classes() -> Given:
    return mine(classes=(*CLASSES, "w"))


def fails() -> Given:
    raise FileNotFoundError("no such file: weights.pt")


def fails_in_lines() -> Given:
    raise RuntimeError("Error(s) in loading state_dict:\n\tsize mismatch for head.weight.")


def leaves() -> Given:
    raise SystemExit(3)


def nothing() -> None:
    return None


def on_no_device() -> Given:
    return changed_by(lambda module: module.to("meta"))


def partly_on_no_device() -> Given:
    return changed_by(lambda module: module.head.to("meta"))


def picture_elsewhere() -> Given:
    return mine(preprocess=lambda picture: picture_to_tensor(picture).to("meta"))


def text_elsewhere() -> Given:
    return mine(tokenizer=lambda texts: texts_to_tensors(texts).to("meta"))


def other_tokenizer() -> Given:
    return mine(tokenizer=lambda texts: texts_to_tensors(texts) + 50)


def four_bits() -> Given:
    module = net()
    module.head[0], module.head[2] = (InFourBits(module.head[place]) for place in (0, 2))
    return mine(net=module)


def four_bits_without_gradient() -> Given:
    """As kernels without a backward pass are."""
    module = net()
    module.head[0] = InFourBits(module.head[0], gradient=False)
    return mine(net=GatedOnly(module))


class GatedOnly(nn.Module):
    """Only the head leads from the grid to the output."""

    def __init__(self, whole: Net) -> None:
        super().__init__()
        self.trunk, self.words, self.head = whole.trunk, whole.words, whole.head

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.head(torch.tanh(self.trunk(image)).mean((2, 3)) * self.words(text))


def bytes_at_the_layer() -> Given:
    return mine(net=ReadsBytes().eval(), layer="quantised")


def nan_in_the_picture() -> Given:
    def preprocess(picture: Image.Image) -> Tensor:
        pixels = picture_to_tensor(picture)
        pixels[0, 3, 3] = torch.nan
        return pixels

    return mine(preprocess=preprocess)


def nan_in_the_trunk() -> Given:
    return changed_by(lambda module: module.trunk[0].bias.fill_(torch.nan))


def nan_logits() -> Given:
    return changed_by(lambda module: module.head[2].bias.fill_(torch.nan))
