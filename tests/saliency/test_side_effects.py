"""An explanation leaves the model and the world as it found them, and works in whatever state that is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from gazeshift.models import BoundClassifier, Classifier
from gazeshift.saliency import Rows, compute_maps, explain

Build = Callable[..., Classifier]
TEXTS = ("apple pie with cream", "red tomato ketchup")


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def state(model: nn.Module) -> dict[str, Any]:
    """Everything an explanation could leave behind. (Python's own random state moves with beartype's checks.)"""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "modes": {name: module.training for name, module in model.named_modules()},
        "hooks": {name: [len(getattr(module, kind)) for kind in hooks] for name, module in model.named_modules()},
        "requires_grad": {name: value.requires_grad for name, value in model.named_parameters()},
        "grad": {name: None if value.grad is None else value.grad.tolist() for name, value in model.named_parameters()},
        "weights": {name: value.tolist() for name, value in model.state_dict().items() if value.numel() < 5000},
        "torch": torch.get_rng_state().tolist(),
        "numpy": str(np.random.get_state()),
        "grad mode": torch.is_grad_enabled(),
    }


def odd_model(build: Build) -> Classifier:
    """Mixed modes, some parameters frozen, a gradient that waits, a hook of the user's own."""
    model = build("early-fusion").train()
    model.trunk.eval()
    model.head.joint[1].eval()
    model.head.joint[0].weight.requires_grad_(False)
    model.head.joint[0].bias.grad = torch.ones_like(model.head.joint[0].bias)
    model.head.register_forward_hook(lambda *_: None)
    return model


def test_nothing_is_left_behind(build: Build, picture: Image.Image) -> None:
    model = odd_model(build)
    before = state(model)
    explain(model, picture, TEXTS)
    assert state(model) == before


def test_nothing_is_left_behind_after_an_exception(
    build: Build, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = odd_model(build)
    with torch.no_grad():
        tokens = model.tokenize(TEXTS)
        image, text = model.encode_image(torch.zeros(1, 3, 64, 64)), model.encode_text(tokens.ids, tokens.mask)
    before = state(model)

    def fail(*_: Tensor) -> Tensor:
        raise RuntimeError("no")

    monkeypatch.setattr(model.head.joint[2], "forward", fail)
    with pytest.raises(RuntimeError, match="no"):
        explain(model, picture, TEXTS)
    with pytest.raises(RuntimeError, match="no"):
        compute_maps(BoundClassifier(model, image, text), Rows(torch.tensor([0]), torch.tensor([0]), torch.tensor([0])))
    assert state(model) == before


@pytest.mark.parametrize("tap", ["small_cnn", "vit_tiny_patch16_224"])
def test_frozen_parameters_and_modes_without_gradient(build: Build, picture: Image.Image, tap: str) -> None:
    model = build("early-fusion", image=tap)
    expected = explain(model, picture, TEXTS).raw
    model.requires_grad_(False)
    assert np.array_equal(explain(model, picture, TEXTS).raw, expected)
    with torch.no_grad():
        assert np.array_equal(explain(model, picture, TEXTS).raw, expected)
    with torch.inference_mode():
        assert np.array_equal(explain(model, picture, TEXTS).raw, expected)
    assert np.array_equal(explain(model.train(), picture, TEXTS).raw, expected)


def test_features_encoded_in_inference_mode_can_be_explained_outside(build: Build) -> None:
    model = build("early-fusion", image="vit_tiny_patch16_224")
    tokens = model.tokenize(TEXTS)
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    rows = Rows(torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([2, 3]))
    with torch.no_grad():
        image, text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
        expected = compute_maps(BoundClassifier(model, image, text), rows)
    with torch.inference_mode():
        image, text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
    assert torch.equal(compute_maps(BoundClassifier(model, image, text), rows).maps, expected.maps)


def test_maps_carry_no_graph(build: Build) -> None:
    model = build("early-fusion")
    tokens = model.tokenize(TEXTS)
    image, text = model.encode_image(torch.randn(1, 3, 64, 64)), model.encode_text(tokens.ids, tokens.mask)
    assert image.grid.requires_grad, "as in training"
    computed = compute_maps(
        BoundClassifier(model, image, text), Rows(torch.tensor([0]), torch.tensor([0]), torch.tensor([0]))
    )
    assert not computed.maps.requires_grad
    assert not computed.scores.requires_grad
    assert image.grid.grad_fn is not None
