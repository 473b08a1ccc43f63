"""Models from outside: the fast path, the slow path and plain autograd with a hook must agree."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters import split, wrap
from tests.models.outside_model import Fusion, by_hook, close, grad_cams, seeded


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("early", [False, True])
def test_both_paths_equal_a_plain_hook(early: bool, inplace: bool, images: Tensor, ids: Tensor) -> None:
    model = seeded(lambda: Fusion(early, inplace))
    maps = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids)
    assert maps.raw.shape == (6, 4, 5)
    for row, raw in zip(maps.rows, maps.raw, strict=True):
        pixels, words = images[row.image : row.image + 1], ids[row.text : row.text + 1]
        logits = model(pixels, words)[0]
        assert row.target == int(logits.argmax())
        assert row.logit == pytest.approx(float(logits[row.target].detach()), abs=1e-5)
        close(raw, by_hook(model.layer, lambda p=pixels, w=words, t=row.target: model(p, w)[0, t]))


def test_the_slow_path_forced_on_a_text_free_trunk_gives_the_same(images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    fast = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids)
    slow = grad_cams(wrap(model, "layer", image="pixels", text="ids", text_free=False), images, ids)
    close(fast.raw, slow.raw)
    np.testing.assert_allclose(fast.logits, slow.logits, atol=1e-5)


@pytest.mark.parametrize(("early", "grids"), [(False, 2), (True, 4)])
def test_a_text_in_the_trunk_is_found_out(early: bool, grids: int, images: Tensor, ids: Tensor) -> None:
    """One grid per image if it is text-free, else one more for every text that changes it: the second here is the first again."""
    ids[1] = ids[0]
    combinations = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 1, 2, 0, 1, 2])
    bound = wrap(seeded(lambda: Fusion(early)), "layer", image="pixels", text="ids").bind(images, ids, *combinations)
    assert len(bound.grid) == grids


def test_the_users_own_hooks_keep_their_effect(images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    model.stem.register_forward_hook(lambda module, arguments, output: output * 2)
    maps = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1)
    close(maps.of(1, 2), by_hook(model.layer, lambda: model(images[1:], ids[2:])[0, 1]))
    assert len(model.stem._forward_hooks) == 1


def test_an_object_of_three_parts_needs_no_hook(images: Tensor, ids: Tensor) -> None:
    net = seeded(Fusion)

    class Mine:
        def __init__(self) -> None:
            self.net = net

        def encode_image(self, pixels: Tensor) -> Tensor:
            return net.layer(net.stem(pixels))

        def encode_text(self, words: Tensor) -> dict[str, Tensor]:
            return {"vector": net.words(words)}

        def classify(self, grid: Tensor, text: dict[str, Tensor]) -> Tensor:
            return net.head(torch.cat([grid.mean((2, 3)), text["vector"]], 1))

    slow = grad_cams(split(Mine()), images, ids, target=1)
    fast = grad_cams(split(Mine(), pools_first=True), images, ids, target=1)
    close(fast.raw, slow.raw)
    grid = net.layer(net.stem(images)).detach().requires_grad_()
    score = Mine().classify(grid[1:], Mine().encode_text(ids[2:]))[0, 1]
    (slope,) = torch.autograd.grad(score, grid)
    close(slow.of(1, 2), (slope[1].mean((1, 2), keepdim=True) * grid[1]).sum(0).detach().numpy())


def test_a_layer_that_runs_twice_asks_which(images: Tensor) -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Sequential(
                nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 4, 3, stride=2), nn.ReLU(inplace=True)
            )
            self.head = nn.Linear(8, 2)

        def forward(self, views: list[Tensor]) -> Tensor:
            return self.head(torch.cat([self.shared(view).amax((2, 3)) for view in views], 1))

    model, other = seeded(Views), images.flip(2)
    with pytest.raises(ModelError, match=r"runs 2 times .* nth=0 to nth=1"):
        grad_cams(wrap(model, "shared.1", image="views"), [images, other])
    for nth in (0, 1):
        maps = grad_cams(wrap(model, "shared.1", image="views", nth=nth), [images, other], target=0)
        grids = [model.shared[:2](view[1:]).detach().requires_grad_() for view in (images, other)]
        score = model.head(torch.cat([grid.relu().amax((2, 3)) for grid in grids], 1))[0, 0]
        (slope,) = torch.autograd.grad(score, grids[nth])
        close(maps.of(1), (slope.mean((2, 3), keepdim=True) * grids[nth]).sum(1)[0].detach().numpy())


def test_a_module_used_inside_and_outside_of_another_is_not_mixed_up(images: Tensor, ids: Tensor) -> None:
    """The gate reads the text, so it runs anew; the convolution it shares with the trunk must not hand it the trunk's result."""

    class Gate(nn.Module):
        def __init__(self, shared: nn.Module) -> None:
            super().__init__()
            self.shared = shared

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            return self.shared(pixels * ids[:, :1, None, None]).mean((2, 3))

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared, self.layer, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)
            self.gate = Gate(self.shared)

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            gate = self.gate(pixels, ids)
            return self.head(self.layer(self.shared(pixels)).logsumexp((2, 3)) * gate)

    model = seeded(Odd)
    maps = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1)
    close(maps.of(1, 2), by_hook(model.layer, lambda: model(images[1:], ids[2:])[0, 1]))
    np.testing.assert_allclose(maps.logits[5], model(images[1:], ids[2:])[0].detach(), rtol=1e-5)


def test_the_checks_cost_a_few_rows(images: Tensor, ids: Tensor) -> None:
    """No text reaches the layer, provably: one row to see what flows into it, two to follow the text, some to compare; none for a map."""
    model, rows = seeded(Fusion), []
    original = model.stem[0]._conv_forward

    def counted(given: Tensor, *others: Any) -> Tensor:
        rows.append(len(given))
        return original(given, *others)

    model.stem[0]._conv_forward = counted
    grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids.repeat(20, 1))
    assert 4 <= sum(rows) <= 40
