"""What the page shows is what the library says."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import gazeshift as gs
from gazeshift.app.gaze import DIGITS, gaze
from gazeshift.measures import centre_bias, coverage, distribution
from gazeshift.models import Classifier
from gazeshift.pairs import Pair
from gazeshift.saliency.pictures import open_picture

TEXTS = ["apple pie with cream", "red tomato ketchup", "", "蜂蜜"]


@pytest.fixture
def model(build: Callable[..., Classifier]) -> Classifier:
    return build("early-fusion", size=32, seed=4)


@pytest.mark.parametrize("target", ["predicted", "reference", "label", "baklava"])
def test_maps_and_numbers_are_those_of_explain_and_shift(model: Classifier, pairs: list[Pair], target: str) -> None:
    found = gaze(model, pairs[0].image, TEXTS, target, "ceviche", "default")
    maps = gs.explain(model, pairs[0].image, TEXTS, target, label="ceviche")
    p = distribution(maps.raw[: len(TEXTS)])
    assert (found.rows, found.columns) == maps.raw.shape[1:]
    assert any(look.mass is not None for look in found.looks)
    for place, look in enumerate(found.looks):
        assert (look.text, look.predicted) == (TEXTS[place], model.classes[maps.predicted[place]])
        assert look.explained == model.classes[maps.rows[place].target]
        if maps.undefined[place]:
            assert (look.mass, look.centre_bias, look.coverage, look.amplitude) == (None, None, None, None)
            assert look.reason
            continue
        np.testing.assert_allclose(look.mass, p[place].ravel(), atol=10**-DIGITS)
        assert look.centre_bias == pytest.approx(float(centre_bias(p[place])))
        assert look.coverage == pytest.approx(float(coverage(p[place])))
    for place, moved in enumerate(found.moved, start=1):
        expected = gs.shift(maps, 0, place)
        assert moved.switched == expected.switched
        for name in ("js_bits", "switch", "within", "amplitude"):
            value = getattr(expected, name)
            assert getattr(moved, name) == (pytest.approx(value) if np.isfinite(value) else None)


def test_the_likeliest_classes_come_first(model: Classifier, pairs: list[Pair]) -> None:
    found = gaze(model, pairs[0].image, TEXTS[:2], "predicted", None, "default")
    for look in found.looks:
        shares = [guess.probability or 0 for guess in look.top]
        assert shares == sorted(shares, reverse=True)
        assert look.top[0].name == look.predicted
        assert sum(shares) == pytest.approx(1, abs=1e-4)  # all five classes


def test_it_is_plain_json_without_numbers_that_json_lacks(model: Classifier, pairs: list[Pair]) -> None:
    found = gaze(model, pairs[0].image, TEXTS, "predicted", None, "default").model_dump_json()
    assert "NaN" not in found
    assert "Infinity" not in found


def test_probabilities_are_those_of_a_pass_of_the_whole_model(model: Classifier, pairs: list[Pair]) -> None:
    found = gaze(model, pairs[0].image, TEXTS, "baklava", None, "default")
    picture = open_picture(pairs[0].image)
    crops = torch.from_numpy(np.stack([model.spec.preprocessing.crop(picture)] * len(TEXTS)))
    tokens = model.tokenize(TEXTS)
    with torch.no_grad():
        logits = model.eval()(model.spec.preprocessing.normalise(crops), tokens.ids, tokens.mask)
    for look, expected in zip(found.looks, logits.softmax(1), strict=True):
        assert {guess.name: guess.probability for guess in look.top} == pytest.approx(
            dict(zip(model.classes, expected.tolist(), strict=True)), abs=1e-4
        )
