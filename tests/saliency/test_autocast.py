from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from tests.precise import maps_in_double, well_scaled

import gazeshift as gs
from gazeshift.models import BoundClassifier
from gazeshift.models.folded import ready
from gazeshift.saliency import Rows, compute_maps
from gazeshift.saliency.speed import TOLERANCE

Build = Callable[..., gs.Classifier]
PICTURE = Image.fromarray(np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8))
TEXTS = ["apple pie with cream", "red tomato ketchup"]
MOST = TOLERANCE["bfloat16"][1]


def apart(model: gs.Classifier, maps: np.ndarray) -> float:
    """The largest distance of maps of class 2 from those in double precision, as a share of the latter's largest value."""
    exact = maps_in_double(model, [PICTURE], TEXTS)[0, :, 2]
    return float(np.abs(maps - exact).max() / np.abs(exact).max())


@pytest.mark.slow
@pytest.mark.parametrize("head", ["early-linear", "early-fusion"])
@pytest.mark.parametrize("image", ["small_cnn", "vit_tiny_patch16_224"])
def test_under_autocast_the_head_and_the_map_stay_in_float32(build: Build, image: str, head: str) -> None:
    model = well_scaled(build(head, image=image))
    with torch.autocast("cpu", torch.bfloat16):
        half = gs.explain(model, PICTURE, TEXTS, target="ceviche")
        with torch.no_grad():
            pixels = model.spec.preprocessing.normalise(torch.from_numpy(model.spec.preprocessing.crop(PICTURE))[None])
            tokens = model.tokenize(TEXTS)
            features = ready(model.trunk, pixels).trunk.encode(pixels)  # as explain runs it
            text = model.encode_text(tokens.ids, tokens.mask)
    # The same half-precision features, with everything after the tap outside of autocast.
    rows = Rows(torch.tensor([0, 0]), torch.tensor([0, 1]), torch.tensor([2, 2]))
    bound = BoundClassifier(model, features.to(torch.float32), text.with_precision(torch.float32))
    by_hand = compute_maps(bound, rows, "default").maps.numpy()
    np.testing.assert_allclose(half.raw[:2], by_hand, rtol=0, atol=1e-5 * abs(by_hand).max())
    assert apart(model, half.raw[:2]) <= MOST or head == "early-fusion", "a linear head has no unit that could flip"


def test_a_model_in_bfloat16_is_explained_in_its_own_precision(build: Build) -> None:
    exact, model = (well_scaled(build("early-linear")) for _ in range(2))
    model.head.to(torch.bfloat16)
    half = gs.explain(model, PICTURE, TEXTS, target="ceviche")
    assert half.raw.dtype == np.float32
    assert 1e-4 < apart(exact, half.raw[:2]) <= MOST
