"""On an accelerator: every method, model and measure of the CPU, within float32 rounding of another order of sums."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from tests.models.outside_model import Fusion, seeded, some_ids, some_images
from tests.precise import well_scaled
from tests.saliency import own_model

import gazeshift as gs
from gazeshift.models import Classifier
from gazeshift.models.adapters import wrap
from gazeshift.models.step import coarsest_step
from gazeshift.saliency import METHODS, explain_inputs, shift_inputs

TEXTS = ("red apple pie", "ramen", "")
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (32, 32, 3), dtype=np.uint8))
NEEDS_ATTENTION = {"attention-gradient", "rollout"}
NEAR = 1e-4
"""Of the largest value; where convolutions are computed in full, sums in another order are all that differs."""


@pytest.fixture(params=["cuda", "mps"])
def device(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if not getattr(torch.backends if name == "mps" else torch, name).is_available():
        pytest.skip(f"no {name} device on this machine")
    return name


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Convolutions in full afterwards, as in all tests."""
    yield
    torch.backends.cudnn.allow_tf32 = False


@pytest.fixture
def model(build: Callable[..., Classifier]) -> Iterator[Classifier]:
    """Scaled as trained ones are; back on the CPU afterwards: other tests share it."""
    model = well_scaled(build("early-fusion", size=32))
    yield model
    model.cpu()


def near(there: np.ndarray, here: np.ndarray, noise: float = 0.0) -> None:
    assert np.nanmax(np.abs(here)) > 0
    np.testing.assert_allclose(there, here, rtol=0, atol=NEAR * np.nanmax(np.abs(here)) + noise)


@pytest.mark.parametrize("method", sorted(set(METHODS) - NEEDS_ATTENTION))
def test_maps_of_every_method(model: Classifier, device: str, method: str) -> None:
    here = gs.explain(model, PICTURE, TEXTS, method=method)
    there = gs.explain(model.to(device), PICTURE, TEXTS, method=method)
    assert here.noise is not None
    near(there.raw, here.raw, here.noise.max())  # small differences of scores, in some methods
    assert [there.predicted_with(text) for text in range(len(TEXTS))] == [
        here.predicted_with(text) for text in range(len(TEXTS))
    ]


def test_words_effects_faithfulness_and_modality(model: Classifier, device: str) -> None:
    def measured() -> list[np.ndarray]:
        found = gs.faithfulness(model, PICTURE, TEXTS[0]).numbers
        shares = gs.modality(model, PICTURE, TEXTS[0], baseline=gs.mean_of_pairs(model, [PICTURE], TEXTS), orders=2)
        return [
            np.asarray(gs.word_effects(model, PICTURE, TEXTS[0]).logit),
            np.array(list(found.values()), dtype=float),
            np.array([shares.text, shares.image, shares.interaction, shares.logit]),
        ]

    here = measured()
    model.to(device)
    for there, wanted in zip(measured(), here, strict=True):
        near(there, wanted)
    assert gs.text_influence(model).sentence


@pytest.mark.parametrize("early", [False, True])
def test_models_from_outside(device: str, early: bool) -> None:
    net, images, ids = seeded(lambda: Fusion(early)), some_images(), some_ids()
    wrapped = wrap(net, "layer", image="pixels", text="ids")
    here = explain_inputs(wrapped, images, ids)
    shifts = shift_inputs(wrapped, images, ids[:1], ids[1:2])
    net.to(device)
    there = explain_inputs(wrapped, images.to(device), ids.to(device))
    near(there.raw, here.raw)
    moved = shift_inputs(wrapped, images.to(device), ids[:1].to(device), ids[1:2].to(device))
    for shift, wanted in zip(moved, shifts, strict=True):
        assert shift.js_bits == pytest.approx(wanted.js_bits, abs=NEAR, nan_ok=True)


@pytest.mark.parametrize("method", ["hires-cam", "occlusion"])
def test_a_model_of_ones_own_may_be_there_while_its_functions_are_here(device: str, method: str) -> None:
    """``preprocess=`` and ``tokenizer=`` give tensors on the CPU, as they usually do."""
    here = gs.explain(own_model.make(), own_model.picture(), own_model.TEXTS, "y", method=method)
    model = own_model.make()
    model.net.modules.to(device)
    there = gs.explain(model, own_model.picture(), own_model.TEXTS, "y", method=method)
    near(there.raw, here.raw, 1e-6 * max(1.0, *(abs(row.logit) for row in here.rows)))
    shares = [
        gs.modality(each, own_model.picture(), "a red dog", "y", orders=2).text for each in (model, own_model.make())
    ]
    assert shares[0] == pytest.approx(shares[1], abs=NEAR)


def test_bfloat16_autocast_keeps_the_head_in_float32(model: Classifier, device: str) -> None:
    here = gs.explain(model, PICTURE, TEXTS, "reference")
    model.to(device)
    with torch.autocast(device, dtype=torch.bfloat16):
        there = gs.explain(model, PICTURE, TEXTS, "reference")
    assert there.raw.dtype == np.float32
    assert np.corrcoef(there.raw.ravel(), here.raw.ravel())[0, 1] > 0.95


def test_convolutions_in_ten_bits_leave_a_map_of_the_same_cells(model: Classifier, device: str) -> None:
    torch.backends.cudnn.allow_tf32 = True
    here = gs.explain(model, PICTURE, TEXTS, "reference")
    there = gs.explain(model.to(device), PICTURE, TEXTS, "reference")
    np.testing.assert_allclose(there.raw, here.raw, rtol=0, atol=0.05 * np.nanmax(np.abs(here.raw)))


def test_what_convolutions_in_ten_bits_leave_over_is_noise() -> None:
    """The noise level knows how a device computes, whether or not there is one here."""
    kinds, steps = [torch.float32], {}
    for allowed in (True, False):
        torch.backends.cudnn.allow_tf32 = allowed
        steps[allowed] = coarsest_step(kinds, torch.device("cuda"), convolves=True)
    assert steps == {True: 2**-10, False: 2**-23}
    assert coarsest_step(kinds, torch.device("cuda"), convolves=False) == 2**-23
    assert coarsest_step(kinds, torch.device("cpu"), convolves=True) == 2**-23
