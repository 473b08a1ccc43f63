"""Every map stands above its noise level, and is the same in one call, in many, and in double precision; or it is undefined and says why."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.measures import undefined
from gazeshift.models import Classifier, ImageFeatures, ImageSpec, TextFeatures
from gazeshift.models.heads import HEADS
from gazeshift.saliency import METHODS, PIXEL_METHODS, Rows, compute_maps, default_method
from gazeshift.saliency.compute import ComputedMaps
from gazeshift.saliency.cams import TAP_METHODS
from gazeshift.saliency.magnitude import MAGNITUDES
from gazeshift.saliency.reasons import why_incomplete, why_undefined

Build = Callable[..., Classifier]
TEXTS = ("apple pie with cream", "red tomato ketchup", "")
SMALL: dict[str, Any] = {"embed_dim": 32, "depth": 3, "num_heads": 2}
# name of the net, its options, side of the image
TRUNKS: dict[str, tuple[str, dict[str, Any], int]] = {
    "small_cnn": ("small_cnn", {}, 64),
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
}
CLASS_TOKEN = [
    name
    for name in TRUNKS
    if name in {"class token", "distilled", "registers, layer scale", "clip", "parallel attentions", "attention beside mlp"}
]
WITH_IMAGE = [name for name, head in HEADS.items() if head.structure.sees_image]


class Case:
    """A model with images and texts at its tap, in single and in double precision, from the same numbers."""

    def __init__(self, model: Classifier, size: int) -> None:
        self.single = model
        pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(5))
        tokens = model.tokenize(TEXTS)
        with torch.no_grad():
            self.image, self.text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
        self.pixels = pixels

    def maps(self, method: str, rows: Rows) -> ComputedMaps:
        return compute_maps(self.single, self.image, self.text, rows, method, pixels=self.pixels)

    def in_double(self, method: str, rows: Rows) -> ComputedMaps:
        """The same grids, texts and weights; what follows the tap in double precision."""
        self.single.double()
        try:
            image, text = self.image.to(torch.float64), self.text.with_precision(torch.float64)
            return compute_maps(self.single, image, text, rows, method, pixels=self.pixels.double())
        finally:
            self.single.float()


ROWS = Rows(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 0]), torch.tensor([2, 2, 0, 4]))


@pytest.fixture(scope="module")
def case(build: Build) -> Callable[..., Case]:
    @cache
    def make(trunk: str, head: str = "early-fusion", tap: str = "last") -> Case:
        name, options, size = TRUNKS[trunk]
        return Case(build(head, image=ImageSpec(name=name, options=options, tap=tap), size=size), size)

    return make


def works(found: Case, method: str) -> bool:
    """Attention methods need attention; those of the pixels are asked of the smallest nets alone, for their time."""
    if method in {"attention-gradient", "rollout"}:
        return found.single.trunk.mixes_cells
    return method not in PIXEL_METHODS or found.single.spec.image.name == "small_cnn"
