"""Manners towards models from outside: nothing stays behind, whatever state they are in; errors and empty maps say what to do."""

import copy
from collections.abc import Callable
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters import TokenGrid, wrap
from tests.models.outside_model import Fusion, close, grad_cams, seeded


def state_of(model: nn.Module) -> list[Any]:
    """All that an explanation could leave behind in a model."""
    modules = [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks), sorted(vars(m))) for m in model.modules()]
    return [modules, [(p.requires_grad, p.grad, p._version) for p in model.parameters()]]


class BrokenError(Exception):
    """Raised inside a model."""


@pytest.mark.parametrize("fails_at", [None, 1, 2, 3, 4])
def test_nothing_stays_behind_also_after_an_exception(fails_at: int | None, images: Tensor, ids: Tensor) -> None:
    model, passes = seeded(Fusion), []
    model.train()
    model.drop.eval()
    model.words.weight.requires_grad_(False)

    def output(logits: Tensor) -> Tensor:
        passes.append(1)
        if len(passes) == fails_at:
            raise BrokenError
        return logits

    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            return output(self.inner(pixels, ids))

    wrapped = Fails()
    before, state = state_of(wrapped), torch.get_rng_state()
    if fails_at is None:
        grad_cams(wrap(wrapped, "inner.layer", image="pixels", text="ids"), images, ids)
        assert len(passes) >= 4
    else:
        with pytest.raises(BrokenError):
            grad_cams(wrap(wrapped, "inner.layer", image="pixels", text="ids"), images, ids)
    assert state_of(wrapped) == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_frozen_and_without_grad(around: Callable[[], Any], images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    expected = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids)
    model.requires_grad_(False)
    with around():
        maps = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images * 1, ids)
    close(maps.raw, expected.raw)


def test_a_lightning_module(images: Tensor, ids: Tensor) -> None:
    class Lit(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = Fusion()

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            return self.net(pixels, ids)

    model = seeded(Lit)
    maps = grad_cams(wrap(model, "net.layer", image="pixels", text="ids"), images, ids)
    close(maps.raw, grad_cams(wrap(model.net, "layer", image="pixels", text="ids"), images, ids).raw)


def test_bfloat16_and_autocast_stay_near_float32(images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    exact = grad_cams(
        wrap(copy.deepcopy(model).double(), "layer", image="pixels", text="ids"), images.double(), ids, target=1
    ).raw
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1).raw
    half = grad_cams(wrap(model.bfloat16(), "layer", image="pixels", text="ids"), images.bfloat16(), ids, target=1)
    assert mixed.dtype == half.raw.dtype == np.float32
    for maps in (mixed, half.raw):
        apart = np.abs(maps - exact).max((1, 2)) / np.abs(exact).max((1, 2))
        assert 1e-3 < np.median(apart) < 0.1, "where rounding switches a unit of the head, a single map is another one"


@pytest.mark.parametrize(
    ("options", "words", "error"),
    [
        ({"layer": "layers"}, "no layer 'layers'.*layer", UsageError),
        ({"layer": "head.2"}, "its grid cannot be located", ModelError),
        ({"layer": "layer", "part": "hidden"}, "no part 'hidden'", ModelError),
        ({"layer": "layer", "nth": 1}, "no nth=1", ModelError),
        ({"layer": "layer", "grid": "b c"}, "unknown grid", UsageError),
        ({"layer": "layer", "grid": TokenGrid(2, 2)}, "2 x 2 tokens", ModelError),
        ({"layer": "layer", "output": lambda out: out.sum()}, "output= gives", ModelError),
        ({"layer": "layer", "output": lambda out: out.detach()}, "does not depend on layer", ModelError),
    ],
)
def test_errors_say_what_to_do(
    options: dict[str, Any], words: str, error: type[Exception], images: Tensor, ids: Tensor
) -> None:
    with pytest.raises(error, match=words):
        grad_cams(wrap(seeded(Fusion), image="pixels", text="ids", **options), images, ids)


def test_wrong_inputs_are_refused(images: Tensor, ids: Tensor) -> None:
    wrapped = wrap(seeded(Fusion), "layer", image="pixels", text="ids")
    with pytest.raises(UsageError, match="as many texts as images"):
        grad_cams(wrapped, images, ids, aligned=True)
    with pytest.raises(UsageError, match="not a class"):
        grad_cams(wrapped, images, ids, target=3)
    with pytest.raises(UsageError, match="unknown target"):
        grad_cams(wrapped, images, ids, target="best")
    assert grad_cams(wrapped, images, ids[:2], aligned=True).raw.shape == (2, 4, 5)
    for target in (True, torch.tensor(1.7), torch.tensor([0, 1, 2, 0])):
        with pytest.raises(UsageError, match="one index for each of 6 combinations"):
            grad_cams(wrapped, images, ids, target=target)
    with pytest.raises(UsageError, match="at least one image"):
        grad_cams(wrapped, images[:0], ids)
    with pytest.raises(UsageError, match="takes text inputs \\(ids\\)"):
        grad_cams(wrapped, images, None)
    with pytest.raises(UsageError, match="wrapped without text="):
        grad_cams(wrap(seeded(Fusion), "layer", image="pixels"), images, ids)


def test_undefined_maps_are_told_why(ids: Tensor) -> None:
    model = seeded(Fusion)
    wrapped = wrap(model, "layer", image="pixels", text="ids")
    nothing = torch.zeros(2, 3, 21, 25)
    nothing[1] = torch.nan
    nn.init.zeros_(model.head[2].weight)
    first, second = grad_cams(wrapped, nothing, ids[:1], target=0).reasons
    assert first is not None
    assert "every value is zero" in first
    assert second is not None
    assert "output is not finite" in second
