"""Maps in closed form are the maps of autograd: over every structure of vision transformers, for any number of texts and images."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from tests.conftest import CLASSES
from tests.precise import well_scaled
from torch import Tensor

from gazeshift.models import BoundClassifier, Classifier, ImageSpec
from gazeshift.models.bottleneck import Bottleneck
from gazeshift.models.fusions import HEADS
from gazeshift.saliency import Rows, compute, compute_maps
from gazeshift.saliency.closed import RULES, Closed
from gazeshift.saliency.combination import outputs_for
from gazeshift.saliency.recast import Recast

Build = Callable[..., Classifier]
SMALL: dict[str, Any] = {"embed_dim": 32, "depth": 2, "num_heads": 2}
# name of the net, its options, side of the image
HEARD_ONCE: dict[str, tuple[str, dict[str, Any], int]] = {
    "class token": ("vit_tiny_patch16_224", SMALL, 64),
    "registers": ("vit_tiny_patch16_224", SMALL | {"reg_tokens": 3}, 64),
    "layer scale": ("vit_small_patch14_dinov2", SMALL, 56),
    "registers, layer scale": ("vit_small_patch14_reg4_dinov2", SMALL, 56),
    "norm of queries and keys": ("vit_tiny_patch16_224", SMALL | {"qk_norm": True}, 64),
    "norm of the attention": ("vit_tiny_patch16_224", SMALL | {"scale_attn_norm": True}, 64),
    "no bias": ("vit_tiny_patch16_224", SMALL | {"qkv_bias": False}, 64),
    "norm after the pooling": ("vit_tiny_patch16_224", SMALL | {"fc_norm": True}, 64),
    "norm before the blocks": ("vit_base_patch32_clip_224", SMALL, 96),
    "two class tokens": ("deit_tiny_distilled_patch16_224", SMALL, 64),
    "deit": ("deit3_small_patch16_224", SMALL, 64),
    "gated mlp": ("vit_giant_patch14_dinov2", SMALL, 56),
    "attention pooling": ("vit_base_patch16_siglip_224", SMALL, 64),
    "attention pooling with class token": ("vit_base_patch16_siglip_224", SMALL | {"class_token": True}, 64),
    "attention pooling over class token": (
        "vit_base_patch16_siglip_224",
        SMALL | {"class_token": True, "pool_include_prefix": True},
        64,
    ),
}
# Here each text's gradient goes through the last block, or as many as the vector that the text meets is wide.
HEARD_OFTEN: dict[str, tuple[str, dict[str, Any], int]] = {
    "mean of normed tokens": ("vit_base_patch16_siglip_gap_224", SMALL, 64),
    "normed mean of tokens": ("vit_base_patch16_reg4_gap_256", SMALL, 64),
    "norms after": ("vit_base_patch16_rpn_224", SMALL, 64),
    "parallel attentions": ("vit_small_patch16_18x2_224", SMALL, 64),
    "attention beside mlp": ("vit_base_patch16_xp_224", SMALL, 64),
    "difference of attentions": ("vit_tiny_patch16_224", SMALL | {"attn_layer": "diff"}, 64),
}
TEXTS = tuple(
    f"{one} {other}" for one in ("apple", "red", "a", "green") for other in ("pie", "tomato", "bowl", "honey")
)


@pytest.fixture
def bound(build: Build) -> Callable[..., BoundClassifier]:
    """``bound(net, options, size, head)``: three images and sixteen texts, in double precision, weights as of trained nets."""

    def make(
        name: str, options: dict[str, Any], size: int, head: str = "early-fusion", tap: str = "last"
    ) -> BoundClassifier:
        spec = ImageSpec(name=name, options=options, tap=tap)
        model = well_scaled(build(head, image=spec, size=size)).double()
        pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        tokens = model.tokenize(TEXTS)
        with torch.no_grad():
            return BoundClassifier(model, model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask))

    return make


@dataclass(frozen=True, eq=False)
class _Through(Recast):
    """A bound model with another account of its tail."""

    account: Bottleneck | None = None

    @property
    def bottleneck(self) -> Bottleneck | None:
        return self.account


def own_text() -> Rows:
    return Rows(torch.tensor([2, 0, 1]), torch.tensor([1, 4, 7]), torch.tensor([0, 3, 4]))


def many_texts() -> Rows:
    """Every image with every text, in a mixed order, for several classes."""
    order = torch.randperm(48, generator=torch.Generator().manual_seed(0))
    return Rows(order // 16, order % 16, order % 5)


def by_autograd(bound: BoundClassifier, rows: Rows, method: str) -> Tensor:
    """The definition, row by row, from ``classify`` on the whole grid."""
    maps = []
    for image, text, target in zip(rows.image, rows.text, rows.target, strict=True):
        grid = bound.grid[image : image + 1].clone().requires_grad_()
        logit = bound.logits(grid * 1, image[None], text[None])[0, target]
        (slope,) = torch.autograd.grad(logit, grid)
        weights = slope if method == "hires-cam" else slope.mean((2, 3), keepdim=True)
        maps.append((weights * grid).sum(1)[0].detach())
    return torch.stack(maps)


def hold(bound: BoundClassifier, rows: Rows) -> None:
    for method in RULES:
        computed, expected = compute_maps(bound, rows, method), by_autograd(bound, rows, method)
        peak = expected.abs().amax((1, 2), keepdim=True)
        assert (peak > 0).all()
        assert ((computed.maps - expected).abs() <= 1e-4 * peak).all(), method
        logits = bound.logits(bound.grid[rows.image], rows.image, rows.text).gather(1, rows.target[:, None])[:, 0]
        torch.testing.assert_close(computed.scores, logits.detach())


@pytest.mark.parametrize("rows", [own_text(), many_texts()], ids=["own text", "many texts"])
@pytest.mark.parametrize("structure", HEARD_ONCE)
def test_one_attention_that_hears_the_cells(bound: Callable[..., BoundClassifier], structure: str, rows: Rows) -> None:
    case = bound(*HEARD_ONCE[structure])
    closed = Closed.of(case, rows)
    assert closed is not None
    assert closed.attending is not None
    hold(case, rows)


@pytest.mark.parametrize("rows", [own_text(), many_texts()], ids=["own text", "many texts"])
@pytest.mark.parametrize("structure", HEARD_OFTEN)
def test_cells_that_are_heard_in_other_ways(bound: Callable[..., BoundClassifier], structure: str, rows: Rows) -> None:
    case = bound(*HEARD_OFTEN[structure])
    closed = Closed.of(case, rows)
    assert (closed is not None) == (len(rows) > 3 * 8), "the text meets 8 numbers of each of 3 images"
    assert closed is None or closed.attending is None
    hold(case, rows)


@pytest.mark.parametrize("head", [name for name, head in HEADS.items() if head.structure.sees_image])
def test_every_head(bound: Callable[..., BoundClassifier], head: str) -> None:
    for structure in ("two class tokens", "attention pooling"):
        hold(bound(*HEARD_ONCE[structure], head=head), many_texts())


@pytest.mark.parametrize("structure", ["class token", "attention pooling", "mean of normed tokens"])
def test_a_combination_of_logits_is_the_combination_of_maps(
    bound: Callable[..., BoundClassifier], structure: str
) -> None:
    case, rows = bound(*(HEARD_ONCE | HEARD_OFTEN)[structure]), many_texts()
    out, names = outputs_for(f"{CLASSES[3]} rather than {CLASSES[1]}", CLASSES)
    combined = Recast(case, case.grid, case.affine, out=out)
    for method in RULES:
        sides = [
            by_autograd(case, Rows(rows.image, rows.text, torch.full_like(rows.target, side)), method)
            for side in (3, 1)
        ]
        expected = sides[0] - sides[1]
        asked = Rows(rows.image, rows.text, torch.full_like(rows.target, len(names) - 1))
        found = compute_maps(combined, asked, method).maps
        assert ((found - expected).abs() <= 1e-4 * expected.abs().amax((1, 2), keepdim=True)).all()


@pytest.mark.parametrize("structure", HEARD_ONCE)
def test_the_noise_level_is_of_the_size_of_the_terms(bound: Callable[..., BoundClassifier], structure: str) -> None:
    """What is summed in closed form is about as large as what is summed channel by channel; the largest cell's level says so."""
    case, rows = bound(*HEARD_ONCE[structure]), own_text()
    without = replace(case.bottleneck, attend=lambda _: None)
    for method in RULES:
        closed, plain = (
            compute_maps(each, rows, method) for each in (case, _Through(case, case.grid, case.affine, account=without))
        )
        ratio = closed.noise / plain.noise
        assert (ratio > 0.1).all(), ratio
        assert (ratio < 10).all(), ratio


def test_a_map_that_cancels_is_undefined_in_closed_form_too(bound: Callable[..., BoundClassifier]) -> None:
    """Before a norm that alone hears the cells; with more texts than the vector that the text meets is wide."""
    model = bound("vit_tiny_patch16_224", SMALL | {"depth": 3}, 64, tap="blocks.1")
    assert Closed.of(model, many_texts()) is not None
    maps = compute_maps(model, many_texts(), "hires-cam").maps
    assert not (maps > 0).any()


def test_images_and_rows_in_parts(bound: Callable[..., BoundClassifier], monkeypatch: pytest.MonkeyPatch) -> None:
    case, rows = bound(*HEARD_ONCE["class token"]), many_texts()
    whole = compute_maps(case, rows, "hires-cam")
    monkeypatch.setattr(compute, "_ROWS_AT_ONCE", 7)
    monkeypatch.setattr(compute, "IMAGES_AT_ONCE", 2)
    parts = compute_maps(case, rows, "hires-cam")
    torch.testing.assert_close(parts.maps, whole.maps)
    torch.testing.assert_close(parts.scores, whole.scores)


def test_the_logits_of_many_texts(bound: Callable[..., BoundClassifier]) -> None:
    """What precedes the text runs once per image; the logits are those of the whole tail, in inference mode as well."""
    for structure, net in (HEARD_ONCE | HEARD_OFTEN).items():
        case, rows = bound(*net), many_texts()
        with torch.inference_mode():
            found = compute.row_logits(case, rows.image, rows.text)
            maps = compute_maps(case, rows, "hires-cam").maps
        expected = case.logits(case.grid[rows.image], rows.image, rows.text).detach()
        torch.testing.assert_close(found, expected, msg=structure)
        assert torch.isfinite(maps).all()


@pytest.mark.parametrize("structure", HEARD_ONCE)
def test_the_net_as_published_gives_the_same(bound: Callable[..., BoundClassifier], structure: str) -> None:
    net = HEARD_ONCE[structure]
    trunk = bound(*net).model.trunk
    images = torch.randn(2, 3, net[2], net[2], dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(trunk.whole(images), trunk.pool(trunk.encode(images)))
