"""Every map stands above its noise level, the same in one call, in many and in double precision; or it is undefined and says why."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from tests.precise import well_scaled

from gazeshift.measures import undefined
from gazeshift.models import BoundClassifier, Classifier, ImageSpec
from gazeshift.models.fusions import HEADS
from gazeshift.rounding import ROUNDING
from gazeshift.saliency import METHODS, PIXEL_METHODS, Rows, compute_maps
from gazeshift.saliency.cams import default_method, tap_methods
from gazeshift.saliency.compute import ComputedMaps
from gazeshift.saliency.magnitude import MAGNITUDES
from gazeshift.saliency.path import IntegratedGradients
from gazeshift.saliency.reasons import why_incomplete, why_undefined

pytestmark = pytest.mark.slow

Build = Callable[..., Classifier]
TEXTS = ("apple pie with cream", "red tomato ketchup", "")
SMALL: dict[str, Any] = {"embed_dim": 32, "depth": 3, "num_heads": 2}
# name of the net, its options, side of the image
TRUNKS: dict[str, tuple[str, dict[str, Any], int]] = {
    "small_cnn": ("small_cnn", {}, 32),
    "resnet": ("resnet18", {}, 64),
    "convnext": ("convnext_atto", {}, 64),
    "swin": ("swin_tiny_patch4_window7_224", {"depths": [1, 1, 1, 1], "embed_dim": 24}, 128),
    "class token": ("vit_tiny_patch16_224", SMALL, 64),
    "distilled": ("deit_tiny_distilled_patch16_224", SMALL, 64),
    "registers, layer scale": ("vit_small_patch14_reg4_dinov2", SMALL, 56),
    "clip": ("vit_base_patch32_clip_224", SMALL, 96),
    "attention pooling": ("vit_base_patch16_siglip_224", SMALL, 64),
    "mean of normed tokens": ("vit_base_patch16_siglip_gap_224", SMALL, 64),
    "normed mean of tokens": ("vit_base_patch16_reg4_gap_256", SMALL, 64),
    "norms after": ("vit_base_patch16_rpn_224", SMALL, 64),
    "parallel attentions": ("vit_small_patch16_18x2_224", SMALL, 64),
    "attention beside mlp": ("vit_base_patch16_xp_224", SMALL, 64),
    "rotary places": ("vit_small_patch16_dinov3", SMALL, 64),
}
CLASS_TOKEN = [
    "class token",
    "distilled",
    "registers, layer scale",
    "clip",
    "parallel attentions",
    "attention beside mlp",
]
# Integrated gradients double their points here up to the last, 1,024, which takes 5 to 10 seconds; a part of the path rounds as the whole
# does. The sum of the whole path is asked for below, in double precision.
LONG_PATHS = ["attention pooling", "mean of normed tokens", "normed mean of tokens", "norms after", "rotary places"]
WITH_IMAGE = [name for name, head in HEADS.items() if head.structure.sees_image]


class Case:
    """A model with images and texts at its tap, in single and in double precision, from the same numbers."""

    def __init__(self, model: Classifier, size: int) -> None:
        self.single = well_scaled(model) if model.trunk.mixes_cells else model
        pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(5))
        tokens = model.tokenize(TEXTS)
        with torch.no_grad():
            self.image, self.text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
        self.pixels = pixels

    def maps(self, method: str, rows: Rows) -> ComputedMaps:
        return compute_maps(BoundClassifier(self.single, self.image, self.text, self.pixels), rows, method)

    def in_double(self, method: str, rows: Rows) -> ComputedMaps:
        """The same grids, texts and weights; what follows the tap in double precision."""
        self.single.double()
        try:
            image, text = self.image.to(torch.float64), self.text.with_precision(torch.float64)
            return compute_maps(BoundClassifier(self.single, image, text, self.pixels.double()), rows, method)
        finally:
            self.single.float()


ROWS = Rows(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 0]), torch.tensor([2, 2, 0, 4]))


def alone(row: int) -> Rows:
    return ROWS.chosen(torch.tensor([row]))


@pytest.fixture(scope="module")
def case(build: Build) -> Callable[..., Case]:
    @cache
    def make(trunk: str, head: str = "early-fusion", tap: str = "last") -> Case:
        name, options, size = TRUNKS[trunk]
        return Case(build(head, image=ImageSpec(name=name, options=options, tap=tap), size=size), size)

    return make


def tap_methods_of(found: Case) -> list[str]:
    """Attention methods need attention of the cells to each other, not of a pooling's query to them."""
    pooled = found.single.head.pooled is not None  # else the text meets the cells there
    cells_attend = pooled and found.single.trunk.mixes_cells and not found.single.spec.image.name.endswith("siglip_224")
    attention = set() if cells_attend else {"attention-gradient", "rollout"}
    return [method for method in tap_methods() if method not in attention]


def furthest(maps: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    return (maps.double() - others.double()).abs().amax((1, 2))


def test_every_method_has_a_magnitude() -> None:
    missing = set(METHODS) - set(MAGNITUDES)
    assert not missing, f"add to MAGNITUDES of saliency/magnitude.py how large the terms of {sorted(missing)} are"
    assert set(MAGNITUDES) == set(METHODS)


def hold(found: Case, method: str, calls: tuple[int, ...]) -> None:
    """In one call and in many, and in double precision: no map differs by more than its noise level."""
    together, double = found.maps(method, ROWS), found.in_double(method, ROWS)
    # Sums of numbers that are not negative have no noise level; they keep their digits.
    # The factors of attention x gradient are gradients, which cancel before a norm.
    digits = 0.03 if method == "attention-gradient" else ROUNDING
    allowed = torch.maximum(together.noise.double(), digits * double.maps.abs().amax((1, 2)))
    assert (furthest(together.maps, double.maps) <= allowed).all(), method
    for row in calls:
        assert furthest(found.maps(method, alone(row)).maps, together.maps[[row]]) <= allowed[row], method
    # Whether anything positive is above the level may be told differently only where the highest point lies about at the level.
    peak = torch.maximum(together.maps.double().amax((1, 2)), double.maps.amax((1, 2)))
    decided = (peak > 2 * allowed) | (peak <= 0)
    same = undefined(together.maps.numpy()) == undefined(double.maps.numpy())
    assert (torch.from_numpy(same) | ~decided).all(), method


@pytest.mark.parametrize("head", WITH_IMAGE)
@pytest.mark.parametrize("trunk", TRUNKS)
def test_no_map_differs_by_more_than_its_noise(
    case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch, trunk: str, head: str
) -> None:
    found = case(trunk, head)
    if trunk in LONG_PATHS:
        monkeypatch.setitem(METHODS, "integrated-gradients", IntegratedGradients(most=128))
    for method in tap_methods_of(found):
        # A path of up to a thousand points is followed with one head alone, for its time.
        if method != "integrated-gradients" or head == "early-fusion":
            hold(found, method, calls=(2,))


@pytest.mark.parametrize("method", sorted(PIXEL_METHODS))
def test_nor_does_one_from_the_pixels(case: Callable[..., Case], method: str) -> None:
    hold(case("small_cnn"), method, calls=(2,))


@pytest.mark.parametrize("head", WITH_IMAGE)
@pytest.mark.parametrize("trunk", TRUNKS)
def test_the_default_map_stands_far_above_its_noise(case: Callable[..., Case], trunk: str, head: str) -> None:
    found = case(trunk, head)
    computed = found.maps(default_method(found.single), ROWS)
    assert (computed.maps.abs().amax((1, 2)) > 100 * computed.noise).all()


@pytest.mark.parametrize("trunk", CLASS_TOKEN)
def test_before_a_norm_that_alone_hears_the_cells_there_is_no_map(case: Callable[..., Case], trunk: str) -> None:
    """The tap may be named, but gradient times activation cancels there; a method that does not take that product has a map."""
    found = case(trunk, tap=f"blocks.{SMALL['depth'] - 2}")
    for computed in (found.maps("hires-cam", ROWS), found.in_double("hires-cam", ROWS)):
        assert not (computed.maps > 0).any()
        assert (computed.noise > 0).all()
        reason = why_undefined(np.zeros((4, 4)), float(computed.noise[0]))
        assert reason is not None
        assert "reach the output only through a norm" in reason
    for method in ("grad-cam", "attention-gradient"):
        assert not undefined(found.maps(method, ROWS).maps.numpy()).all()


@pytest.mark.parametrize("trunk", CLASS_TOKEN)
def test_the_default_tap_of_a_class_token_is_where_the_cells_are_heard(case: Callable[..., Case], trunk: str) -> None:
    """Scaling one cell at the tap changes the logits: Euler's theorem does not make its map 0."""
    found = case(trunk)
    louder = found.image.grid.clone()
    louder[:, :, 1, 1] *= 1.5
    with torch.no_grad():
        texts = found.text.rows(torch.tensor([0, 1]))
        before, after = (
            found.single.classify(type(found.image)(grid, found.image.prefix), texts)
            for grid in (found.image.grid, louder)
        )
    assert float((after - before).abs().max() / before.abs().max()) > 1e-4


def test_a_map_on_the_edge_of_its_noise(case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is not above the level goes, and only where nothing positive is above it."""
    monkeypatch.setitem(MAGNITUDES, "grad-cam", lambda probe: torch.ones(len(probe.rows), 2, 2))
    for share, kept in ((0.9, False), (1.1, True)):
        drawn = torch.tensor([[[share * ROUNDING, -1.0], [0.5 * ROUNDING, 0.0]]])
        monkeypatch.setitem(METHODS, "grad-cam", lambda probe, drawn=drawn: drawn)
        maps = case("small_cnn").maps("grad-cam", alone(0)).maps
        assert torch.equal(maps, drawn if kept else torch.tensor([[[0.0, -1.0], [0.0, 0.0]]]))


def test_a_gap_is_told_in_words() -> None:
    assert why_incomplete(float("nan")) is None
    assert why_incomplete(0.005) is None
    assert "25 %" in str(why_incomplete(0.25))


@pytest.mark.parametrize("trunk", TRUNKS)
def test_integrated_gradients_sum_to_what_they_promise(case: Callable[..., Case], trunk: str) -> None:
    """Tails with norms among them: within 1 % of ``y(A) - y(B)``, or the gap is told."""
    found = case(trunk)
    computed = found.in_double("integrated-gradients", ROWS)
    found.single.double()
    try:
        zeros = type(found.image)(
            torch.zeros_like(found.image.grid).double(),
            None if found.image.prefix is None else found.image.prefix.double(),
        )
        texts = found.text.with_precision(torch.float64)
        with torch.no_grad():
            start = found.single.classify(zeros.rows(ROWS.image), texts.rows(ROWS.text))
    finally:
        found.single.float()
    rise = computed.scores - start.gather(1, ROWS.target[:, None])[:, 0]
    missed = (rise - computed.maps.sum((1, 2))).abs()
    promised = missed <= 0.01 * rise.abs() + 1e-5 * computed.scores.abs()
    assert (promised == ~(computed.gaps > 0.01)).all(), "kept, or told"
    # Also where the sum nearly cancels and is missed: of what the map holds, little is missing.
    assert (missed <= 0.01 * computed.maps.abs().sum((1, 2))).all()
