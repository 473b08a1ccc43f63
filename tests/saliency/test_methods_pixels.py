"""Maps from changed images, derived again slowly on whole forward passes, and compared with captum."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import Occlusion as CaptumOcclusion
from PIL import Image
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, ImageSpec, TextFeatures, encode_images
from gazeshift.saliency import PIXEL_METHODS, Probe, Rows, compute_maps, explain
from gazeshift.saliency import cams as registry
from gazeshift.saliency.probe import CHUNK_BYTES
from gazeshift.saliency.score import Occlusion, Rise, score_cam

Build = Callable[..., Classifier]
TEXTS = ("apple pie with cream", "red tomato ketchup", "")
ASKED = [(0, 0, 2), (1, 1, 0), (0, 2, 4), (1, 2, 1)]
ROWS = Rows(*(torch.tensor(column) for column in zip(*ASKED, strict=True)))
SMALL_VIT = ImageSpec(name="vit_tiny_patch16_224", options={"embed_dim": 16, "depth": 2, "num_heads": 2})
RISE = Rise(masks=70, side=3)


@dataclass(frozen=True)
class Seen:
    """A float64 classifier, two images, and both encoded."""

    model: Classifier
    pixels: Tensor
    image: ImageFeatures
    text: TextFeatures

    def probe(self, **changed: Any) -> Probe:
        return Probe(BoundClassifier(self.model, self.image, self.text, self.pixels), changed.get("rows", ROWS))

    def logit(self, picture: Tensor, text: int, target: int) -> float:
        """One whole forward pass of one image."""
        tokens = self.model.tokenize([TEXTS[text]])
        with torch.no_grad():
            return float(self.model(picture[None], tokens.ids, tokens.mask)[0, target])


@pytest.fixture(params=["small_cnn", "vit"])
def seen(request: pytest.FixtureRequest, build: Build) -> Seen:
    model = build(image=SMALL_VIT if request.param == "vit" else "small_cnn").double()
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tokens = model.tokenize(TEXTS)
    with torch.no_grad():
        return Seen(model, pixels, model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask))


def assert_same(found: Tensor, expected: Tensor, tolerance: float = 1e-9) -> None:
    peak = float(expected.abs().max())
    assert peak > 0
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * peak)


def enlarged(mask: Tensor, height: int, width: int) -> Tensor:
    """Bilinear interpolation between cell centres, held at the edges, written out."""
    out = torch.zeros(height, width, dtype=mask.dtype)
    for i, j in product(range(height), range(width)):
        y = min(max((i + 0.5) * mask.shape[0] / height - 0.5, 0), mask.shape[0] - 1)
        x = min(max((j + 0.5) * mask.shape[1] / width - 0.5, 0), mask.shape[1] - 1)
        top, left = int(y), int(x)
        low, right = min(top + 1, mask.shape[0] - 1), min(left + 1, mask.shape[1] - 1)
        upper = mask[top, left] * (left + 1 - x) + mask[top, right] * (x - left)
        lower = mask[low, left] * (left + 1 - x) + mask[low, right] * (x - left)
        out[i, j] = upper * (top + 1 - y) + lower * (y - top)
    return out


def slow_score_cam(seen: Seen, image: int, text: int, target: int) -> Tensor:
    """Algorithm 1 of Wang et al. 2020 with its baseline; a channel without a mask is left out."""
    grid, picture = seen.image.grid[image], seen.pixels[image]
    base = seen.logit(torch.zeros_like(picture), text, target)
    used = [k for k in range(len(grid)) if grid[k].max() > grid[k].min()]
    gains = []
    for k in used:
        mask = (grid[k] - grid[k].min()) / (grid[k].max() - grid[k].min())
        large = torch.nn.functional.interpolate(mask[None, None], size=(64, 64), mode="bilinear")[0, 0]
        gains.append(seen.logit(picture * large, text, target) - base)
    alphas = np.exp(gains) / np.exp(gains).sum()
    return sum(alpha * grid[k] for alpha, k in zip(alphas, used, strict=True))


@pytest.mark.slow
def test_score_cam_equals_the_papers_algorithm(seen: Seen) -> None:
    computed = compute_maps(BoundClassifier(seen.model, seen.image, seen.text, seen.pixels), ROWS, "score-cam")
    for index, asked in enumerate(ASKED[:2]):
        assert_same(computed.maps[index], slow_score_cam(seen, *asked))
        assert float(computed.scores[index]) == pytest.approx(seen.logit(seen.pixels[asked[0]], *asked[1:]))


@pytest.mark.slow
def test_score_cam_leaves_a_constant_channel_out(seen: Seen) -> None:
    grid = seen.image.grid.clone()
    grid[0, 1] = 1e6
    masked = replace(seen, image=ImageFeatures(grid, seen.image.prefix))
    assert_same(score_cam(masked.probe())[0], slow_score_cam(masked, *ASKED[0]))


def test_score_cam_weighs_the_channels_before_the_affine(build: Build) -> None:
    """Its masks do not feel an affine with positive deviations; the sum of the channels would."""
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rows, model = ROWS.part(0, 1), build().double()
    tokens = model.tokenize(TEXTS)
    with torch.no_grad():
        text, plain = model.encode_text(tokens.ids, tokens.mask), model.encode_image(pixels)
        expected = compute_maps(BoundClassifier(model, plain, text, pixels), rows, "score-cam").maps
        model.trunk.mean.copy_(plain.grid.mean((0, 2, 3)))
        model.trunk.deviation.fill_(0.5)
        narrow = model.head.image[1]  # takes the affine back, so that the model is the same function
        narrow.bias += narrow.weight @ model.trunk.mean
        narrow.weight *= 0.5
        moved = model.encode_image(pixels)
    assert not torch.allclose(moved.grid, plain.grid)
    assert_same(compute_maps(BoundClassifier(model, moved, text, pixels), rows, "score-cam").maps, expected)


def test_score_cam_of_a_grid_without_any_mask_is_zero(seen: Seen) -> None:
    flat = replace(seen, image=ImageFeatures(torch.ones_like(seen.image.grid), seen.image.prefix))
    assert score_cam(flat.probe()).abs().max() == 0


@pytest.mark.parametrize("window", [1, 2])
def test_occlusion_equals_captum(seen: Seen, window: int) -> None:
    tokens = seen.model.tokenize([TEXTS[text] for _, text, _ in ASKED])
    side = 16 * window
    expected = CaptumOcclusion(seen.model).attribute(
        seen.pixels[ROWS.image],
        sliding_window_shapes=(3, side, side),
        strides=(3, 16, 16),
        target=ROWS.target,
        additional_forward_args=(tokens.ids, tokens.mask),
    )[:, 0]
    assert_same(Occlusion(window)(seen.probe()), expected[:, 8::16, 8::16].double(), 1e-5)  # captum adds up in float32


def test_occlusion_hides_one_cell_after_the_other(seen: Seen) -> None:
    computed = compute_maps(BoundClassifier(seen.model, seen.image, seen.text, seen.pixels), ROWS, "occlusion")
    image, text, target = ASKED[1]
    for i, j in product(range(4), range(4)):
        hidden = seen.pixels[image].clone()
        hidden[:, 16 * i : 16 * i + 16, 16 * j : 16 * j + 16] = 0
        fall = seen.logit(seen.pixels[image], text, target) - seen.logit(hidden, text, target)
        assert float(computed.maps[1, i, j]) == pytest.approx(fall, rel=1e-9, abs=1e-12)


def test_a_window_larger_than_the_grid_hides_everything(seen: Seen) -> None:
    maps = Occlusion(window=9)(seen.probe())
    for index, (image, text, target) in enumerate(ASKED):
        fall = seen.logit(seen.pixels[image], text, target) - seen.logit(torch.zeros(3, 64, 64).double(), text, target)
        torch.testing.assert_close(maps[index], torch.full((4, 4), fall, dtype=torch.float64))


def test_rise_equals_the_papers_formula(seen: Seen) -> None:
    """Equation 6 of Petsiuk et al. 2018 with ``f`` the logit minus its mean, pixel by pixel, then averaged over each cell."""
    maps, masks = RISE(seen.probe()), torch.cat(list(RISE.draw(64, 64))).double()
    for index, (image, text, target) in enumerate(ASKED[:2]):
        scores = [seen.logit(seen.pixels[image] * mask, text, target) for mask in masks]
        saliency = torch.zeros(64, 64, dtype=torch.float64)
        for score, mask in zip(scores, masks, strict=True):
            saliency += (score - np.mean(scores)) * mask / (0.5 * len(masks))
        cells = [[saliency[16 * i : 16 * i + 16, 16 * j : 16 * j + 16].mean() for j in range(4)] for i in range(4)]
        # Masks are float32, also where cells of them are averaged.
        assert_same(maps[index], torch.tensor(cells, dtype=torch.float64), 1e-5)


def test_rise_masks_are_small_random_grids_enlarged_and_shifted() -> None:
    """Section 3.2: each mask is a cut, by less than one place, of a ``side`` x ``side`` binary grid enlarged to ``side + 1`` places."""
    rise = Rise(masks=3, side=2, seed=5)
    masks = torch.cat(list(rise.draw(5, 7)))
    assert masks.shape == (3, 5, 7)
    generator = torch.Generator().manual_seed(5)
    small = (torch.rand(3, 2, 2, generator=generator) < 0.5).double()
    for mask, grid in zip(masks, small, strict=True):
        large = enlarged(grid, 9, 12)  # places of 3 x 4 pixels
        cuts = [large[top : top + 5, left : left + 7] for top, left in product(range(3), range(4))]
        assert min(float((cut - mask).abs().max()) for cut in cuts) < 1e-6


def test_rise_masks_show_each_pixel_as_often_as_asked() -> None:
    masks = torch.cat(list(Rise(masks=2000, p=0.3).draw(32, 32)))
    assert (masks - 0.5).abs().max() <= 0.5 + 1e-6, "interpolated between 0 and 1, in float32"
    assert (masks.mean(0) - 0.3).abs().max() < 0.06, "about six standard errors"


@pytest.fixture
def counted(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many images each call of the trunk gets."""
    calls: list[int] = []

    def counting(model: Classifier, images: torch.Tensor) -> ImageFeatures:
        calls.append(len(images))
        return encode_images(model, images)

    monkeypatch.setattr("gazeshift.models.classifier.encode_images", counting)
    monkeypatch.setitem(registry.METHODS, "rise", RISE)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(PIXEL_METHODS))
def test_the_trunk_runs_once_per_mask_whatever_the_texts(
    seen: Seen, counted: list[int], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = compute_maps(BoundClassifier(seen.model, seen.image, seen.text, seen.pixels), ROWS.part(0, 1), method)
    once = sum(counted)
    every = Rows(torch.zeros(15).long(), torch.arange(3).repeat_interleave(5), torch.arange(5).repeat(3))
    for budget in (CHUNK_BYTES, 1):  # also where a single grid is more than fits
        counted.clear()
        monkeypatch.setattr("gazeshift.saliency.probe.CHUNK_BYTES", budget)
        maps = compute_maps(BoundClassifier(seen.model, seen.image, seen.text, seen.pixels), every, method).maps
        assert sum(counted) == once > 0
        assert max(counted) <= 16
        assert_same(maps[[2]], alone.maps)
    assert float((maps[0] - maps[5]).abs().max() / maps.abs().max()) > 1e-9, "the text enters"


@pytest.mark.parametrize("method", sorted(PIXEL_METHODS))
def test_lacking_pixels_are_asked_for(seen: Seen, method: str) -> None:
    with pytest.raises(UsageError, match="give its pixels"):
        compute_maps(BoundClassifier(seen.model, seen.image, seen.text), ROWS, method)


@pytest.mark.parametrize("method", sorted(registry.METHODS))
def test_explain_with_every_method_leaves_nothing_behind(
    build: Build, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.METHODS, "rise", RISE)
    model = build(image=SMALL_VIT).train().requires_grad_(False)
    model.head.joint[0].bias.grad = torch.ones(32)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(4)
    random = torch.get_rng_state()
    maps = explain(model, picture, TEXTS, method=method)
    with torch.inference_mode():
        again = explain(model, picture, TEXTS, method=method)
    assert np.array_equal(maps.raw, again.raw)
    assert maps.raw.shape[1:] == (4, 4)
    assert maps.method == method
    assert np.isfinite(maps.raw).all()
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert not any(value.requires_grad for value in model.parameters())
    assert model.head.joint[0].bias.grad.tolist() == [1] * 32


def test_explain_takes_the_default(build: Build) -> None:
    picture = Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8))
    assert explain(build(), picture, TEXTS, method="default").method == "grad-cam"
    assert explain(build(image=SMALL_VIT), picture, TEXTS, method="default").method == "hires-cam"
