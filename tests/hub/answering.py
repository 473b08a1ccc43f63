"""Tiny vision-language models that answer, by name, and what is known of each by hand."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import transformers as hf
from PIL import Image

from tests.hub.tiny_vlm import builders

PROMPT = "USER: <image> {text} is it a cat ? ASSISTANT:"
OPTIONS = ("yes", "no", "a red dog")
TEXTS = ["a red dog", "two big green cats and a tree", ""]


@dataclass(frozen=True)
class ByHand:
    """What is known of a model for a picture of 60 x 40 pixels.

    Attributes:
        tap: the layer that projects the picture's tokens.
        shape: rows and columns of cells.
        token: row and column of a cell to its token in the tap's output, all tiles counted on.
        image: what ``<image>`` is to the processor.
        folder: the builder that makes it.
    """

    tap: str
    shape: tuple[int, int]
    token: Callable[[int, int], int]
    image: str = "<image>"
    folder: str = ""


def _window(row: int, column: int) -> int:
    """Qwen's merger goes window by window, each of 2 x 2 cells or what is left at the edge."""
    order = [
        (r, c)
        for first in (0, 2)
        for left in (0, 2)
        for r in range(first, min(first + 2, 3))
        for c in range(left, left + 2)
    ]
    return order.index((row, column))


def _in_tiles(row: int, column: int, side: int, columns: int, before: int) -> int:
    tile = before + row // side * columns + column // side
    return tile * side * side + row % side * side + column % side


QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
PROJECTOR = "model.multi_modal_projector"
SPLITS = ByHand("model.connector", (4, 6), lambda r, c: _in_tiles(r, c, 2, 3, 0))
MODELS = {
    "llava": ByHand(PROJECTOR, (4, 4), lambda r, c: 4 * r + c),
    "llava, padded": ByHand(PROJECTOR, (4, 4), lambda r, c: 4 * r + c, folder="llava"),
    "llava, pixtral": ByHand(PROJECTOR, (3, 4), lambda r, c: 4 * r + c, "[IMG]"),
    # 2 x 2 tiles of 4 x 4 cells after a thumbnail; the first and last of the 8 rows are padding.
    "llava_next": ByHand(PROJECTOR, (6, 8), lambda r, c: _in_tiles(r + 1, c, 4, 2, 1)),
    "qwen2_vl": ByHand("model.visual.merger", (3, 4), lambda r, c: 4 * r + c, QWEN_IMAGE),
    "qwen2_5_vl": ByHand("model.visual.merger", (3, 4), _window, QWEN_IMAGE),
    "qwen3_vl": ByHand("model.visual.merger", (3, 4), lambda r, c: 4 * r + c, QWEN_IMAGE),
    "idefics3": SPLITS,
    "smolvlm": SPLITS,
    "paligemma": ByHand(PROJECTOR, (4, 4), lambda r, c: 4 * r + c),
    "blip-2": ByHand("vision_model.post_layernorm", (4, 4), lambda r, c: 1 + 4 * r + c),
    "internvl": ByHand(PROJECTOR, (4, 6), lambda r, c: _in_tiles(r, c, 2, 3, 0), "<IMG_CONTEXT>"),
    "gemma3": ByHand(PROJECTOR, (2, 2), lambda r, c: 2 * r + c, "<start_of_image>"),
    "gemma3, pan and scan": ByHand(
        PROJECTOR, (2, 4), lambda r, c: _in_tiles(r, c, 2, 2, 1), "<start_of_image>", "gemma3"
    ),
}


@cache
def loaded(name: str) -> tuple[Any, Any]:
    """A model and its processor, loaded as a user does."""
    known = MODELS[name]
    with tempfile.TemporaryDirectory() as made:
        builders[known.folder or name](Path(made))
        processor = hf.AutoProcessor.from_pretrained(made)
        model = hf.AutoModelForImageTextToText.from_pretrained(made).eval()
    if name.endswith("padded"):
        sides = {"height": 28, "width": 28}
        processor.image_processor = hf.LlavaImageProcessor(size={"shortest_edge": 28}, crop_size=sides, do_pad=True)
    if name.endswith("pan and scan"):
        processor.images_kwargs = {
            **processor.images_kwargs,
            "do_pan_and_scan": True,
            "pan_and_scan_min_crop_size": 16,
        }
    return model, processor


def picture(width: int = 60, height: int = 40, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)
