"""Where a model is trained and read: it comes back as it went, and learns there as here."""

import os
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
from gazeshift.training.repeatable import repeatable


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


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_a_text_is_encoded_as_it_was_learned(build: Callable[..., Classifier], validation: Split, device: str) -> None:
    """On CUDA, PyTorch's encoder has a fast path that is taken where no gradient is asked for, with another GELU."""
    if device != "cpu" and not getattr(torch.backends if device == "mps" else torch, device).is_available():
        pytest.skip(f"no {device} device on this machine")
    model = build().eval().to(device)
    tokens = model.tokenize(validation.texts)
    learned = model.encode_text(tokens.ids.to(device), tokens.mask.to(device)).pooled.detach()
    with torch.inference_mode():
        read = model.encode_text(tokens.ids.to(device), tokens.mask.to(device)).pooled
    assert torch.allclose(read, learned, rtol=0, atol=1e-6 * float(learned.abs().max()))


def test_the_fast_path_of_encoders_is_not_taken(
    build: Callable[..., Classifier], validation: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On every machine, whatever that path computes there."""
    taken: list[object] = []
    fast = torch._transformer_encoder_layer_fwd
    monkeypatch.setattr(torch, "_transformer_encoder_layer_fwd", lambda *a: (taken.append(a), fast(*a))[1])
    with torch.inference_mode():
        nn.TransformerEncoderLayer(8, 2, 8, batch_first=True).eval()(torch.zeros(1, 2, 8))
        assert taken
        taken.clear()
        tokens = (model := build().eval()).tokenize(validation.texts)
        model.encode_text(tokens.ids, tokens.mask)
    assert not taken


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(
    build: Callable[..., Classifier], train: Split, validation: Split, tmp_path: Path
) -> None:
    """To the last bit, on the accelerator where there is one; and PyTorch's settings are afterwards as before."""
    trained, before = [], torch.are_deterministic_algorithms_enabled()
    for time in ("first", "second"):
        model = build()
        recipe = RECIPES["plates"].model_copy(update={"epochs": 2})
        fit(model, train, validation, recipe, 0, tmp_path / time, progress=False)
        trained.append(model.state_dict())
    assert all(torch.equal(first, second) for first, second in zip(*(state.values() for state in trained), strict=True))
    assert torch.are_deterministic_algorithms_enabled() == before


def test_training_leaves_the_settings_of_torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")

    def settings() -> tuple[object, ...]:
        return (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
            torch.backends.cuda.mem_efficient_sdp_enabled(),
            dict(os.environ),
        )

    for given in (True, False):
        torch.use_deterministic_algorithms(given)
        before = settings()
        with suppress(KeyboardInterrupt), repeatable():
            assert torch.are_deterministic_algorithms_enabled()
            raise KeyboardInterrupt
        assert settings() == before
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    before = settings()
    with repeatable():
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert settings() == before
