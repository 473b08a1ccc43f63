from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.saliency import Rows, compute_maps, default_method

Build = Callable[..., gs.Classifier]
PICTURE = Image.fromarray(np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8))
TEXTS = ["apple pie with cream", "red tomato ketchup"]


@pytest.mark.parametrize("image", ["small_cnn", "vit_tiny_patch16_224"])
def test_under_autocast_the_head_and_the_map_stay_in_float32(build: Build, image: str) -> None:
    model = build(head="early-fusion", image=image)
    with torch.autocast("cpu", torch.bfloat16):
        half = gs.explain(model, PICTURE, TEXTS, target="ceviche")
        with torch.no_grad():
            pixels = model.spec.preprocessing.normalise(torch.from_numpy(model.spec.preprocessing.crop(PICTURE))[None])
            tokens = model.tokenize(TEXTS)
            features, text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
    # The same half-precision features, with everything after the tap outside of autocast.
    rows = Rows(torch.tensor([0, 0]), torch.tensor([0, 1]), torch.tensor([2, 2]))
    whole_features, whole_text = features.to(torch.float32), text.with_precision(torch.float32)
    by_hand = compute_maps(model, whole_features, whole_text, rows, default_method(model)).maps.numpy()
    np.testing.assert_allclose(half.raw[:2], by_hand, atol=1e-6 * abs(by_hand).max())
    whole = gs.explain(model, PICTURE, TEXTS, target="ceviche").raw[:2]
    assert abs(half.raw[:2] - whole).max() <= 0.1 * abs(whole).max()


def test_a_model_in_bfloat16_is_explained_in_its_own_precision(build: Build) -> None:
    model = build(head="early-fusion")
    whole = gs.explain(model, PICTURE, TEXTS, target="ceviche").raw[:2]
    model.head.to(torch.bfloat16)
    half = gs.explain(model, PICTURE, TEXTS, target="ceviche")
    assert half.raw.dtype == np.float32
    assert np.corrcoef(half.raw[:2].ravel(), whole.ravel())[0, 1] > 0.98
