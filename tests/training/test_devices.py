"""Where a model is trained and read: it comes back as it went, and learns there as here."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn

from gazeshift.models import Classifier
from gazeshift.training import RECIPES, Split, fit, predict
from gazeshift.training.device import on_device
from gazeshift.training.features import image_features, text_features


def test_a_model_that_was_moved_for_reading_can_still_be_trained() -> None:
    """A device of no memory stands for an accelerator here; nothing comes back from it."""
    net = nn.Linear(2, 2)
    with suppress(NotImplementedError), torch.inference_mode(), on_device(net, "meta"):
        assert not any(weight.is_inference() for weight in net.parameters())
    assert next(net.parameters()).is_meta
    net.requires_grad_(True)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_training_after_reading_on_an_accelerator(
    build: Callable[..., Classifier], train: Split, validation: Split, tmp_path: Path, device: str
) -> None:
    if not getattr(torch.backends if device == "mps" else torch, device).is_available():
        pytest.skip(f"no {device} device on this machine")
    model = build()
    image_features(model.trunk, train.images, model.spec.preprocessing, pools_first=model.pools_first, progress=False)
    text_features(model, train.texts, progress=False)
    before = predict(model, validation)
    fitted = fit(
        model, train, validation, RECIPES["plates"].model_copy(update={"epochs": 2}), 0, tmp_path, progress=False
    )
    assert len(fitted.history) == 2
    assert model.device.type == "cpu"
    assert not torch.allclose(predict(model, validation), before)
