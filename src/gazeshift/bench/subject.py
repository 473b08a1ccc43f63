"""What is measured: one classifier as gazeshift runs it, and the same weights as a plain module for the forward pass and other tools."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models import (
    Classifier,
    HeadSpec,
    ImageFeatures,
    ImageSpec,
    ModelSpec,
    TextFeatures,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
)
from gazeshift.preprocessing import Preprocessing
from gazeshift.saliency.speed import Speed, trunk_on

CLASSES = 101
WORDS = ("apple", "pie", "red", "tomato", "ketchup", "white", "plate", "soup", "rice", "egg", "cream", "tart")


class Plain(nn.Module):
    """The same classifier as a user would have it: contiguous memory, one forward pass, the trunk's own output passed through an Identity.

    Other tools hook ``tap``; they take one input, so the text of each image is set beforehand.
    """

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).to(memory_format=torch.contiguous_format)
        self.tap = nn.Identity()
        self.text: TextFeatures | None = None

    @property
    def emits_tokens(self) -> bool:
        """Whether the tap emits tokens (a vision transformer), which grid-based tools cannot read without a ``reshape_transform``."""
        return self.model.trunk.emits_tokens

    def as_grid(self, hooked: Tensor) -> Float[Tensor, "b c h w"]:
        """The tap's output as a grid: the ``reshape_transform`` that a tool may ask for."""
        return self.model.trunk.tapped(hooked).grid

    def forward(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b classes"]:
        """Logits with the text that was set, through the tap: of a last block only what is read."""
        trunk = self.model.trunk
        return self.model.classify(trunk.tapped(self.tap(trunk.emit(images))), self._texts(images))

    def whole(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b classes"]:
        """The same logits by the net as published."""
        nothing = ImageFeatures(images[:, :0])  # the whole net pools by itself
        return self.model.head(nothing, lambda _: self.model.trunk.whole(images), self._texts(images))

    def _texts(self, images: Tensor) -> TextFeatures:
        text, count = self.text, len(images)
        assert text is not None  # noqa: S101  # set by whoever measures
        return text if len(text) == count else text.rows(torch.arange(count, device=images.device) % len(text))


@dataclass(frozen=True)
class Subject:
    """One classifier in two forms, and inputs of one batch.

    Attributes:
        model: as gazeshift runs it.
        plain: the same weights for the forward pass and other tools.
        images: one batch.
        texts: at least one per image.
        speed: precision and compilation of the trunk as gazeshift runs it; ``plain`` stays eager and in single precision.
    """

    model: Classifier
    plain: Plain
    images: Float[Tensor, "b 3 H W"]
    texts: tuple[str, ...]
    speed: Speed = Speed()  # noqa: RUF009  # frozen

    @property
    def encode(self) -> Callable[[Float[Tensor, "b 3 H W"]], ImageFeatures]:
        """The trunk as gazeshift runs it: without gradient, its batch norms folded, in channels_last."""
        return trunk_on(self.model, self.speed)

    def first(self, count: int) -> "Subject":
        """The same with only the first images."""
        return replace(self, images=self.images[:count])


def make_subject(
    name: str,
    size: int,
    batch: int,
    texts: int,
    device: str,
    speed: Speed = Speed(),  # noqa: B008  # frozen
) -> Subject:
    """An untrained early-fusion classifier with 101 classes (the time does not depend on the weights), random images and titles."""
    titles = tuple(f"{WORDS[i % 12]} {WORDS[i // 12 % 12]} {WORDS[i // 144 % 12]}" for i in range(max(texts, batch)))
    image, text = ImageSpec(name=name), TextSpec(encoder="transformer", width=128, layers=1)
    preprocessing = Preprocessing(size=size, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = build_text(text, titles)
        spec = ModelSpec(
            name="early-fusion",
            image=image,
            text=parts.spec,
            head=HeadSpec(head="early-fusion"),
            classes=tuple(f"class {index}" for index in range(CLASSES)),
            preprocessing=preprocessing,
        )
        model = build_classifier(spec, build_trunk(image, size), parts, 0).eval().to(device)
        images = torch.randn(batch, 3, size, size).to(device)
    plain = Plain(model).eval()
    tokens = model.tokenize(titles[:batch])
    with torch.no_grad():
        plain.text = model.encode_text(tokens.ids, tokens.mask)
    return Subject(model, plain, images, titles, speed)
