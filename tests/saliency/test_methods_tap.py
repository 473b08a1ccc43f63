"""Maps from the tap, derived again slowly from their papers' formulas, and compared with captum."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from captum.attr import FeatureAblation, IntegratedGradients, LayerGradientXActivation
from torch import Tensor, nn

from gazeshift.errors import UsageError
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures
from gazeshift.saliency import METHODS, PIXEL_METHODS, Probe, Rows, compute_maps
from gazeshift.saliency.cams import default_method, tap_methods
from gazeshift.saliency.path import IntegratedGradients as OurIntegratedGradients

Tiny = Callable[..., object]
ON_THE_GRID = sorted(set(tap_methods()) - {"attention-gradient", "rollout"})
ASKED = [(0, 0, 2), (1, 1, 0), (1, 3, 4), (0, 3, 1)]
ROWS = Rows(*(torch.tensor(column) for column in zip(*ASKED, strict=True)))


def classify(encoded, text: int, target: int) -> Callable[[Tensor], Tensor]:
    """Grids to logits of one class with one text; no batching, no probe."""
    words = encoded.text.rows(torch.tensor([text]))

    def logits(grids: Tensor) -> Tensor:
        one_by_one = [encoded.model.classify(ImageFeatures(grid[None].clone()), words)[0, target] for grid in grids]
        return torch.stack(one_by_one)

    return logits


def gradient(logits: Callable[[Tensor], Tensor], grid: Tensor) -> Tensor:
    leaf = grid.clone()[None].requires_grad_()
    return torch.autograd.grad(logits(leaf).sum(), leaf)[0][0]


def slow_hires_cam(grid: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    g, out = gradient(logits, grid), torch.zeros_like(grid[0])
    for k, i, j in product(*map(range, grid.shape)):
        out[i, j] += g[k, i, j] * grid[k, i, j]
    return out


def slow_xgrad_cam(grid: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    g, out = gradient(logits, grid), torch.zeros_like(grid[0])
    for k in range(len(grid)):
        weight = sum(grid[k, i, j] / grid[k].sum() * g[k, i, j] for i, j in product(*map(range, grid.shape[1:])))
        out += weight * grid[k]
    return out


def slow_grad_cam_plus_plus(grid: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    """Equation 19, with the powers as the paper writes them; its Y = exp(S) gives the factor exp(S), divided out here."""
    g, out = gradient(logits, grid), torch.zeros_like(grid[0])
    exp = logits(grid[None])[0].detach().exp()
    for k in range(len(grid)):
        weight = 0.0
        for i, j in product(*map(range, grid.shape[1:])):
            first, second, third = exp * g[k, i, j], exp * g[k, i, j] ** 2, exp * g[k, i, j] ** 3
            below = 2 * second + grid[k].sum() * third
            weight += (second / below if below > 0 else 0) * max(float(first), 0)
        out += weight * grid[k]
    return out / exp


def slow_layer_cam(grid: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    g, out = gradient(logits, grid), torch.zeros_like(grid[0])
    for k, i, j in product(*map(range, grid.shape)):
        out[i, j] += max(float(g[k, i, j]), 0) * grid[k, i, j]
    return out


def slow_ablation_cam(grid: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    """Equation 4 times y."""
    out, y = torch.zeros_like(grid[0]), float(logits(grid[None])[0].detach())
    for k in range(len(grid)):
        without = grid.clone()
        without[k] = 0
        slope = (y - float(logits(without[None])[0].detach())) / y
        out += slope * y * grid[k]
    return out


def slow_eigen_cam(grid: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    """The first eigenvector of A^T A by power iteration; A v is the map."""
    cells = grid.flatten(1).T
    v = torch.ones(len(grid), dtype=grid.dtype)
    for _ in range(2000):
        v = cells.T @ (cells @ v)
        v /= v.norm()
    out = (cells @ v).view_as(grid[0])
    return out if out.sum() > 0 else -out


def slow_integrated_gradients(grid: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    """Equation 3 of Sundararajan et al.: a Riemann sum (midpoints), fine enough for five digits."""
    steps, mean = 400, torch.zeros_like(grid)
    for step in range(steps):
        mean += gradient(logits, (step + 0.5) / steps * grid) / steps
    return (grid * mean).sum(0)


SLOW = {
    "hires-cam": (slow_hires_cam, 1e-12),
    "xgrad-cam": (slow_xgrad_cam, 1e-9),
    "grad-cam++": (slow_grad_cam_plus_plus, 1e-9),
    "layer-cam": (slow_layer_cam, 1e-12),
    "ablation-cam": (slow_ablation_cam, 1e-12),
    "eigen-cam": (slow_eigen_cam, 1e-9),
    # Gates switch along the path under early fusion: both rules see the jump to within a step.
    "integrated-gradients": (slow_integrated_gradients, 2e-2),
}


def assert_same(found: Tensor, expected: Tensor, tolerance: float) -> None:
    expected = expected.detach()
    peak = float(expected.abs().max())
    assert peak > 0
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * peak)


@pytest.mark.slow
@pytest.mark.parametrize("tail", ["mean", "flatten", "in-place"])
@pytest.mark.parametrize("method", sorted(SLOW))
def test_equals_the_papers_formula(tiny: Tiny, method: str, tail: str) -> None:
    encoded = tiny("early-fusion", tail)
    computed = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS, method)
    slow, tolerance = SLOW[method]
    for index, (image, text, target) in enumerate(ASKED):
        logits = classify(encoded, text, target)
        assert_same(computed.maps[index], slow(encoded.image.grid[image], logits), tolerance)
        assert float(computed.scores[index]) == pytest.approx(float(logits(encoded.image.grid[[image]])[0].detach()))


def test_no_method_of_the_grid_lacks_a_slow_one() -> None:
    missing = set(ON_THE_GRID) - {"grad-cam", *SLOW}
    assert not missing, f"write the formulas of {sorted(missing)} in loops, and add them to SLOW above"
    assert set(SLOW) <= set(ON_THE_GRID)
    assert set(METHODS) > PIXEL_METHODS


@pytest.mark.parametrize("method", ON_THE_GRID)
def test_closed_form_equals_the_whole_grid(tiny: Tiny, method: str) -> None:
    encoded = tiny(tail="mean")
    closed = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS, method)
    encoded.model.pools_first = False
    whole = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS, method)
    assert_same(closed.maps, whole.maps, 1e-12)
    torch.testing.assert_close(closed.scores, whole.scores, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", ON_THE_GRID)
@pytest.mark.parametrize("tail", ["mean", "flatten"])
def test_chunks_do_not_show(tiny: Tiny, method: str, tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = tiny(tail=tail)
    whole = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS, method)
    monkeypatch.setattr("gazeshift.saliency.probe.CHUNK_BYTES", 3 * 4 * 6 * (1 if tail == "mean" else 16))
    chunked = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS, method)
    assert_same(chunked.maps, whole.maps, 1e-12)
    torch.testing.assert_close(chunked.scores, whole.scores, rtol=1e-12, atol=1e-14)


def test_under_mean_pooling_three_are_one(tiny: Tiny) -> None:
    encoded = tiny(tail="mean")
    maps = [
        compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS, method).maps
        for method in ("grad-cam", "hires-cam", "xgrad-cam")
    ]
    assert_same(maps[1], maps[0], 1e-14)
    assert_same(maps[2], maps[0], 1e-14)


@pytest.mark.parametrize("tail", ["mean", "flatten"])
@pytest.mark.parametrize("baseline", ["zero", "mean"])
def test_integrated_gradients_are_complete(tiny: Tiny, baseline: str, tail: str) -> None:
    encoded = tiny("late-fusion", tail)  # smooth along the path, so the rule is exact to many digits
    probe = Probe(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS)
    grids = encoded.image.grid
    start = torch.zeros_like(grids) if baseline == "zero" else grids.mean((2, 3), keepdim=True).expand_as(grids)
    fall = [
        (logits := classify(encoded, text, target))(grids[[image]])[0] - logits(start[[image]])[0]
        for image, text, target in ASKED
    ]
    maps = OurIntegratedGradients(baseline)(probe)
    torch.testing.assert_close(maps.sum((1, 2)), torch.stack(fall).detach(), rtol=1e-8, atol=1e-10)


def test_integrated_gradients_names_an_unknown_baseline(tiny: Tiny) -> None:
    encoded = tiny()
    with pytest.raises(UsageError, match="unknown baseline 'black'"):
        OurIntegratedGradients("black")(Probe(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS))


@pytest.mark.parametrize("tail", ["mean", "flatten"])
@pytest.mark.parametrize("head", ["early-fusion", "late-fusion"])
def test_equals_captum(tiny: Tiny, head: str, tail: str) -> None:
    encoded = tiny(head, tail)
    model, grids = encoded.model, encoded.image.grid[ROWS.image]
    words = encoded.text.rows(ROWS.text)

    class FromTap(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tap = nn.Identity()

        def forward(self, grid: Tensor) -> Tensor:
            every = words.rows(torch.arange(len(grid)) % len(words))  # captum repeats its inputs once per step
            return model.classify(ImageFeatures(self.tap(grid)), every)

    net = FromTap()
    targets = ROWS.target
    hires = LayerGradientXActivation(net, net.tap).attribute(grids, target=targets).sum(1)
    path = IntegratedGradients(net).attribute(grids, target=targets, n_steps=32, method="gausslegendre").sum(1)
    channel = torch.arange(6).view(1, 6, 1, 1).expand(1, 6, 4, 4)
    falls = FeatureAblation(net).attribute(grids, target=targets, feature_mask=channel)
    for method, expected in [
        ("hires-cam", hires),
        ("integrated-gradients", path),
        ("ablation-cam", (falls * grids).sum(1)),
    ]:
        computed = compute_maps(BoundClassifier(model, encoded.image, encoded.text), ROWS, method)
        assert_same(computed.maps, expected, 1e-6 if method == "integrated-gradients" else 1e-12)


@pytest.mark.parametrize("method", ["grad-cam++", "layer-cam", "xgrad-cam"])
def test_an_affine_before_the_tap_does_not_move_maps_that_rest_on_positive_channels(tiny: Tiny, method: str) -> None:
    encoded = tiny("early-fusion", "mean")
    model = encoded.model
    expected = compute_maps(BoundClassifier(model, encoded.image, encoded.text), ROWS, method)
    mean = encoded.image.grid.mean((0, 2, 3))
    deviation = torch.linspace(0.5, 2, 6, dtype=torch.float64)
    with torch.no_grad():
        model.trunk.mean.copy_(mean)
        model.trunk.deviation.copy_(deviation)
        narrow = model.head.image[1]  # takes the affine back, so that the model is the same function
        narrow.bias += narrow.weight @ mean
        narrow.weight *= deviation
    image = ImageFeatures((encoded.image.grid - mean[:, None, None]) / deviation[:, None, None])
    moved = compute_maps(BoundClassifier(model, image, encoded.text), ROWS, method)
    torch.testing.assert_close(moved.scores, expected.scores, rtol=1e-12, atol=1e-12)
    assert_same(moved.maps, expected.maps, 1e-12)


@pytest.mark.parametrize("method", ["xgrad-cam", "eigen-cam", "grad-cam++"])
def test_a_dead_channel_or_grid_gives_numbers(tiny: Tiny, method: str) -> None:
    encoded = tiny(tail="flatten")
    grid = encoded.image.grid.clone()
    grid[0, 2], grid[1] = 0, 0
    maps = compute_maps(BoundClassifier(encoded.model, ImageFeatures(grid), encoded.text), ROWS, method).maps
    assert maps.isfinite().all()
    assert maps[0].abs().max() > 0
    assert maps[1].abs().max() == 0, "nothing stands at the tap"


def test_eigen_cam_hears_nothing(tiny: Tiny) -> None:
    encoded = tiny()
    maps = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), ROWS, "eigen-cam").maps
    assert torch.equal(maps[0], maps[3])
    assert torch.equal(maps[1], maps[2])
    assert not torch.equal(maps[0], maps[1])


def test_the_default_goes_by_the_head(tiny: Tiny, build: Callable[..., Classifier]) -> None:
    assert default_method(tiny(tail="mean").model) == "grad-cam"
    assert default_method(tiny(tail="flatten").model) == "hires-cam"
    assert default_method(build(image="vit_tiny_patch16_224")) == "hires-cam"
