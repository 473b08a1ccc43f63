"""Hiding at the tap and at the pixels against loops, and all measures of a map against a model that is asked cell by cell."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from tests.saliency.conftest import Encoded

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.measures import noisy_linear_imputation
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures
from gazeshift.saliency import Probe, Rows, compute_maps, explain, map_faithfulness, tap_score
from gazeshift.saliency.hide import MIXINGS, hidden_scores, pixel_score

RNG = np.random.default_rng(0)
PICTURE = Image.fromarray(RNG.integers(0, 255, (64, 64, 3), dtype=np.uint8))
KEEPS = np.concatenate([(RNG.random((6, 4, 4)) < 0.5), np.zeros((1, 4, 4)), np.ones((1, 4, 4))]).astype(float)


def probe_of(case: Encoded, pixels: torch.Tensor | None = None) -> Probe:
    rows = Rows(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 3]), torch.tensor([2, 0, 4]))
    return Probe(BoundClassifier(case.model, case.image, case.text, pixels), rows)


def by_hand(grid: torch.Tensor, keep: np.ndarray, how: str) -> torch.Tensor:
    """One grid with hidden cells, cell by cell."""
    changed = grid.clone()
    filled = noisy_linear_imputation(grid.numpy(), keep.astype(bool), np.random.default_rng(0), noise=0.0)
    for y, x in np.argwhere(keep == 0):
        new = {
            "zero": torch.zeros(len(grid)),
            "mean": grid.mean((1, 2)),
            "neighbours": torch.from_numpy(filled[:, y, x]),
        }
        changed[:, y, x] = new[how]
    return changed


@pytest.mark.parametrize("tail", ["mean", "flatten", "in-place"])
@pytest.mark.parametrize("how", MIXINGS)
def test_hiding_at_the_tap_is_replacing_cells_one_by_one(tiny: Callable[..., Encoded], tail: str, how: str) -> None:
    case = tiny(tail=tail)
    probe = probe_of(case)
    for row in range(3):
        found = tap_score(probe, row, how)(KEEPS)
        for keep, score in zip(KEEPS, found, strict=True):
            grid = by_hand(case.image.grid[probe.rows.image[row]], keep, how)
            with torch.no_grad():
                logits = case.model.classify(ImageFeatures(grid[None]), case.text.rows(probe.rows.text[row : row + 1]))
            assert score == pytest.approx(float(logits[0, probe.rows.target[row]]), abs=1e-9)


def test_chunks_change_nothing(tiny: Callable[..., Encoded], monkeypatch: pytest.MonkeyPatch) -> None:
    probe = probe_of(tiny(tail="flatten"))
    keep, rows = torch.from_numpy(KEEPS), torch.tensor([1, 2] * 4)
    whole = hidden_scores(probe, keep, rows)
    monkeypatch.setattr("gazeshift.saliency.hide.CHUNK_BYTES", 1)
    torch.testing.assert_close(hidden_scores(probe, keep, rows), whole)


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_hiding_at_the_pixels_is_painting_squares(build: Callable[..., Classifier], how: str) -> None:
    model = build(size=32, seed=1).double()
    pixels = torch.randn(1, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tokens = model.tokenize(["red pie"])
    with torch.no_grad():
        image, text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
    zero = torch.zeros(1, dtype=torch.long)
    score = pixel_score(Probe(BoundClassifier(model, image, text, pixels), Rows(zero, zero, zero + 3)), 0, how)
    for keep in (np.array([[1.0, 0.0], [1.0, 1.0]]), np.zeros((2, 2))):
        changed = pixels.clone()
        for y, x in np.argwhere(keep == 0):
            colour = 0 if how == "zero" else pixels.mean((2, 3))[0, :, None, None]
            changed[0, :, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16] = colour
        with torch.no_grad():
            wanted = float(model(changed, tokens.ids, tokens.mask)[0, 3])
        assert score(keep[None])[0] == pytest.approx(wanted, abs=1e-9)


def test_pixels_filled_from_their_neighbours_are_the_same_every_time(build: Callable[..., Classifier]) -> None:
    found = [
        gs.faithfulness(build(seed=2), PICTURE, "red pie", at="pixels", hide="neighbours", samples=3, steps=2).numbers
        for _ in range(2)
    ]
    assert np.isfinite(list(found[0].values())).all()
    assert found[0] == found[1]


@pytest.mark.parametrize("tail", ["mean", "flatten"])
def test_all_measures_against_loops(tiny: Callable[..., Encoded], tail: str) -> None:
    case = tiny(tail=tail)
    probe = probe_of(case)
    raw = compute_maps(BoundClassifier(case.model, case.image, case.text), probe.rows).maps[1].numpy()
    found = map_faithfulness(raw, tap_score(probe, 1), tap_score(probe, 1, "neighbours"), samples=30)

    def score(keep: np.ndarray, how: str = "zero") -> float:
        with torch.no_grad():
            grid = by_hand(case.image.grid[1], keep, how)[None]
            return float(case.model.classify(ImageFeatures(grid), case.text.rows(torch.tensor([1])))[0, 0])

    order = np.argsort(-raw.ravel())
    shown, gone, morf, lerf = ([] for _ in range(4))
    for count in range(17):
        top, bottom = (np.isin(np.arange(16), part).reshape(4, 4) for part in (order[:count], order[::-1][:count]))
        shown.append(score(top.astype(float)))
        gone.append(score((~top).astype(float)))
        morf.append(score((~top).astype(float), "neighbours"))
        lerf.append(score((~bottom).astype(float), "neighbours"))
    area = lambda values: np.trapezoid(values, np.linspace(0, 1, 17))  # noqa: E731
    numbers = found.numbers
    assert numbers["logit"] == pytest.approx(score(np.ones((4, 4))))
    assert numbers["logit_hidden"] == pytest.approx(score(np.zeros((4, 4))))
    assert numbers["insertion"] == pytest.approx(area(shown))
    assert numbers["deletion"] == pytest.approx(area(gone))
    assert numbers["insertion_over_deletion"] == pytest.approx(area(shown) - area(gone))
    assert numbers["road"] == pytest.approx(area(morf) - area(lerf))
    rng = np.random.default_rng(0)
    places = rng.permuted(np.tile(np.arange(16), (30, 1)), axis=1)
    sums, losses = [], []
    for order_of_cells in places:
        hidden = (order_of_cells < 5).reshape(4, 4)  # 30 % of 16 cells
        sums.append(raw[hidden].sum())
        losses.append(score(np.ones((4, 4))) - score((~hidden).astype(float)))
    assert numbers["sensitivity_30"] == pytest.approx(np.corrcoef(sums, losses)[0, 1])


def test_a_linear_model_is_fully_explained_by_its_map(build: Callable[..., Classifier]) -> None:
    """Under mean pooling and a linear head the cells' terms add up, so hiding them takes exactly what the map says."""
    found = gs.faithfulness(build("image-only"), PICTURE, samples=50)
    assert found.infidelity.relative == pytest.approx(0, abs=1e-6)
    assert found.sensitivity == pytest.approx(dict.fromkeys(found.sensitivity, 1), abs=1e-5)
    assert found.numbers["insertion_over_deletion"] > 0 > found.numbers["road"]


def test_the_class_is_that_of_the_map(build: Callable[..., Classifier]) -> None:
    model = build()
    for target, label in (("donuts", None), ("label", "ceviche"), ("predicted", None)):
        found = gs.faithfulness(model, PICTURE, "red pie", target, label=label, samples=2)
        logit = explain(model, PICTURE, ["red pie"], target, label=label).rows[0].logit
        assert found.whole == pytest.approx(logit, abs=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"), [({"at": "eyes"}, "place"), ({"hide": "blur"}, "hiding"), ({"samples": 1}, "2 samples")]
)
def test_wrong_use_is_told(build: Callable[..., Classifier], wrong: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gs.faithfulness(build(), PICTURE, **wrong)


def test_nothing_of_the_model_is_touched(build: Callable[..., Classifier]) -> None:
    model = build().train()
    model.trunk.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gs.faithfulness(model, PICTURE, "pie", samples=2)
    gs.modality(model, PICTURE, "pie", orders=2)
    assert model.head.training
    assert not model.trunk.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
