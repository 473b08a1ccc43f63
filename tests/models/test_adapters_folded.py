"""Images held in several rows, or all in one sequence: what runs before the layer runs once for all texts, and maps stay exact."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gazeshift.models.adapters import Heads, Packed, Tiles, TokenGrid, wrap
from gazeshift.saliency.outside import explain_inputs
from tests.models.outside_model import close, seeded


@dataclass(frozen=True)
class Fold:
    """How rows are folded: 3 images of 2 x 4 cells."""

    layout: Any
    shape: tuple[int, ...]


FOLDS = {
    "tiles": Fold(Tiles(1, 2, TokenGrid(2, 2)), (-1, 4, 3)),
    "packed": Fold(Packed(8, TokenGrid(2, 4)), (-1, 3)),
    "heads": Fold(Heads(2, TokenGrid(2, 4)), (-1, 8, 3)),
}


class Folded(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.stem, self.layer = nn.Linear(3, 5), nn.Linear(5, 6)
        self.words, self.head = nn.Embedding(40, 6), nn.Linear(6, 2)

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        # An image has 16 cells of three numbers with two heads, else 8.
        seen = self.layer(torch.relu(self.stem(pixels.reshape(self.shape))))
        return self.head(torch.tanh(seen.reshape(len(pixels), -1, 6) * self.words(ids)[:, None]).mean(1))


@pytest.mark.parametrize("rows", [2, 20, 33])
@pytest.mark.parametrize("name", FOLDS)
def test_what_runs_before_the_layer_runs_once_for_all_texts(name: str, rows: int) -> None:
    """For a few texts, for more than one batch, and for a last batch of one row."""
    fold = FOLDS[name]
    model = seeded(lambda: Folded(fold.shape))
    pixels = torch.randn(1, 48 if name == "heads" else 24, generator=torch.Generator().manual_seed(1))
    wrapped = wrap(model, "layer", image="pixels", text="ids", grid=fold.layout)
    bound = wrapped.bind(pixels, torch.arange(rows), torch.zeros(rows, dtype=torch.long), torch.arange(rows))
    ran: list[int] = []
    hook = model.stem.weight  # the stem's own operation, whatever stands in for the module
    original = nn.functional.linear

    def counted(given: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        ran.append(int(weight is hook))
        return original(given, weight, bias)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(nn.functional, "linear", counted)
        found = bound.logits(
            bound.grid.expand(rows, -1, -1, -1), torch.zeros(rows, dtype=torch.long), torch.arange(rows)
        )
    assert ran
    assert sum(ran) == 0
    assert bound.notes == ()
    with torch.no_grad():
        np.testing.assert_allclose(found, model(pixels.expand(rows, -1), torch.arange(rows)), atol=1e-5)


@pytest.mark.parametrize("name", FOLDS)
def test_maps_of_folded_images_are_those_of_autograd(name: str) -> None:
    fold = FOLDS[name]
    model = seeded(lambda: Folded(fold.shape))
    pixels = torch.randn(3, 48 if name == "heads" else 24, generator=torch.Generator().manual_seed(1))
    wrapped = wrap(model, "layer", image="pixels", text="ids", grid=fold.layout)
    maps = explain_inputs(wrapped, pixels, torch.arange(20), target=1, method="hires-cam")
    for image, text in ((0, 0), (1, 19), (2, 16)):
        kept: list[Tensor] = []
        hook = model.layer.register_forward_hook(lambda module, given, output, kept=kept: kept.append(output))
        score = model(pixels[image : image + 1], torch.tensor([text]))[0, 1]
        hook.remove()
        (slope,) = torch.autograd.grad(score, kept[0])
        product = fold.layout.read(kept[0]) * fold.layout.read(slope)
        close(maps.of(image, text), product.sum(1)[0].detach().numpy(), 1e-4)
