from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from gazeshift.models import Classifier, ImageFeatures, TextFeatures
from gazeshift.models.image import GridTrunk

TEXTS = ("apple pie with cream", "red tomato ketchup", "", "蜂蜜 honey 🍯")


class TinyNet(nn.Module):
    """Six channels on a 4 x 4 grid for 32 px, with one of three tails."""

    def __init__(self, tail: str) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 8, stride=8)
        self.flat = nn.Linear(96, 5)
        self.tail = {"mean": self._mean, "flatten": self._flatten, "in-place": self._in_place}[tail]

    def forward_features(self, images: Tensor) -> Tensor:
        return torch.tanh(self.stem(images))

    def forward_head(self, grid: Tensor, pre_logits: bool = True) -> Tensor:
        return self.tail(grid)

    def _mean(self, grid: Tensor) -> Tensor:
        return grid.mean((2, 3))

    def _flatten(self, grid: Tensor) -> Tensor:
        return torch.tanh(self.flat(grid.flatten(1)))

    def _in_place(self, grid: Tensor) -> Tensor:
        return torch.relu_(grid).mean((2, 3))


@dataclass(frozen=True)
class Encoded:
    """A classifier with encoded images and texts."""

    model: Classifier
    image: ImageFeatures
    text: TextFeatures


@pytest.fixture
def tiny(build: Callable[..., Classifier]) -> Callable[..., Encoded]:
    """``tiny(head, tail)``: a float64 classifier small enough for loops, two images and four texts."""

    def make(head: str = "early-fusion", tail: str = "mean", images: int = 2) -> Encoded:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            trunk = GridTrunk(TinyNet(tail), 6, channels_last=False)
            pixels = torch.randn(images, 3, 32, 32, dtype=torch.float64)
        model = build(head, size=32, trunk=trunk).double()
        tokens = model.tokenize(TEXTS)
        with torch.no_grad():
            return Encoded(model, model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask))

    return make
