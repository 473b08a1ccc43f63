from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gazeshift.models import HEADS, HeadSpec
from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.fusions import Fusion, Widths

WIDTHS = Widths(vector=7, channels=7, cells=6, text=5, classes=4)
Make = Callable[[str], Fusion]


def pool(image: ImageFeatures) -> Tensor:
    """A trunk that ends in an average."""
    return image.grid.mean((2, 3))


@pytest.fixture
def make() -> Make:
    """``make(name)``: a fusion with random weights in double precision, as they are after training: no bias is 0."""

    def made(name: str) -> Fusion:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            head = HEADS[name].build(WIDTHS, HeadSpec(head=name, image_width=3, hidden=8, dropout=0.5)).double().eval()
            for parameter in head.parameters():
                parameter.data += 0.1 * torch.randn_like(parameter)
        return head

    return made


@pytest.fixture
def image() -> ImageFeatures:
    generator = torch.Generator().manual_seed(1)
    return ImageFeatures(torch.randn(3, WIDTHS.channels, 2, 3, dtype=torch.float64, generator=generator))


@pytest.fixture
def text() -> TextFeatures:
    """Texts of three, one and two tokens, padded with noise that nobody may read."""
    generator = torch.Generator().manual_seed(2)
    tokens = torch.randn(3, 3, WIDTHS.text, dtype=torch.float64, generator=generator)
    mask = torch.tensor([[True] * 3, [True, False, False], [True, True, False]])
    pooled = torch.stack([words[real].mean(0) for words, real in zip(tokens, mask, strict=True)])
    return TextFeatures(tokens, mask, pooled)
