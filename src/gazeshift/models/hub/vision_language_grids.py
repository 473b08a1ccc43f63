"""Which token of a vision-language model's image features is which cell of the picture, family by family."""

import re
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

_TILE = re.compile(r"<row_(\d+)_col_(\d+)>")


@dataclass(frozen=True, eq=False)
class Seen:
    """What a processor made of a picture.

    Attributes:
        values: the model's arguments that come from the picture.
        tokens: how many tokens of the prompt stand for it.
        block: the text that stands for it in the prompt.
        size: its height and width in pixels.
        processor: what read it.
        config: the model's.
    """

    values: dict[str, Tensor]
    tokens: int
    block: str
    size: tuple[int, int]
    processor: Any
    config: Any


@dataclass(frozen=True, eq=False)
class Cells:
    """Where the cells of a picture are among its tokens.

    Attributes:
        token: token of each cell; all tiles of a picture count on.
        tokens: how many tokens a picture has at the tap.
        place: which of the picture's places in the prompt each cell takes; None if they are not the cells'.
    """

    token: Int[Tensor, "h w"]
    tokens: int
    place: Int[Tensor, "h w"] | None = None


def in_order(token: Int[Tensor, "h w"], tokens: int) -> Cells:
    """Cells whose tokens are in the prompt in the same order."""
    return Cells(token, tokens, token)


def stitched(rows: int, columns: int, height: int, width: int, before: int = 0) -> Int[Tensor, "h w"]:
    """Tokens of tiles side by side: row after row of tiles, each of ``height x width`` tokens, after ``before`` other tokens.

    Example:
        >>> stitched(1, 2, 2, 2, before=4)
        tensor([[ 4,  5,  8,  9],
                [ 6,  7, 10, 11]])
    """
    tokens = before + torch.arange(rows * columns * height * width)
    return tokens.view(rows, columns, height, width).transpose(1, 2).reshape(rows * height, columns * width)


def plain(seen: Seen) -> Cells:
    """One view, patch after patch: LLaVA, PaliGemma. A class token, where there is one, comes first."""
    patch = _both(seen.config.vision_config.patch_size)
    height, width = (
        int(side) // each for side, each in zip(seen.values["pixel_values"].shape[-2:], patch, strict=True)
    )
    return in_order(stitched(1, 1, height, width, seen.tokens - height * width), seen.tokens)


def before_queries(seen: Seen) -> Cells:
    """One view, patch after patch after a class token; learned queries read it for the language model: BLIP-2."""
    patch = seen.config.vision_config.patch_size
    height, width = (int(side) // patch for side in seen.values["pixel_values"].shape[-2:])
    return Cells(stitched(1, 1, height, width, 1), height * width + 1)


def any_resolution(seen: Seen) -> Cells:
    """A thumbnail, then tiles over a padded picture of which the model drops the cells that hold padding only: LLaVA-NeXT.

    Nothing but the thumbnail is left of a picture that is narrower than a cell.
    """
    from transformers.models.llava_next import modeling_llava_next as anyres  # noqa: PLC0415  takes seconds

    vision = seen.config.vision_config
    side = vision.image_size // vision.patch_size
    rows, columns = anyres.get_anyres_image_grid_shape(
        list(seen.size), seen.config.image_grid_pinpoints, vision.image_size
    )
    tiles = stitched(rows, columns, side, side, side * side)
    token = anyres.unpad_image(tiles[None], list(seen.size))[0]
    every = side * side * (1 + rows * columns)
    if not token.numel():
        return in_order(stitched(1, 1, side, side), every)
    height, width = token.shape
    # In the prompt each line of cells ends with a token of its own.
    place = side * side + torch.arange(height * (width + 1)).view(height, width + 1)[:, :width]
    return Cells(token, every, place)


def splits(seen: Seen) -> Cells:
    """Tiles named in the prompt, then a thumbnail, or a single view: Idefics3, SmolVLM."""
    found = [(int(row), int(column)) for row, column in _TILE.findall(seen.block)]
    rows, columns = max(found, default=(1, 1))
    side = _root(seen.tokens // (len(found) + 1))
    return in_order(stitched(rows, columns, side, side), seen.tokens)


def canvas(seen: Seen) -> Cells:
    """Tiles of the canvas whose shape is nearest to the picture's, then a thumbnail, or a single view: InternVL."""
    from transformers.models.got_ocr2 import image_processing_got_ocr2 as tiling  # noqa: PLC0415  takes seconds

    views, options = len(seen.values["pixel_values"]), seen.processor.image_processor
    side = _root(seen.tokens // views)
    if views == 1:
        return in_order(stitched(1, 1, side, side), seen.tokens)
    tile = options.size["height"], options.size["width"]
    columns, rows = tiling.get_optimal_tiled_canvas(seen.size, tile, options.min_patches, options.max_patches)
    return in_order(stitched(rows, columns, side, side), seen.tokens)


def pan_and_scan(seen: Seen) -> Cells:
    """The whole picture, then, if it is long and the processor is asked to, crops along its longer side: Gemma 3."""
    views = len(seen.values["pixel_values"])
    side, crops = _root(seen.tokens // views), views - 1
    if not crops:
        return in_order(stitched(1, 1, side, side), seen.tokens)
    rows, columns = (1, crops) if seen.size[1] >= seen.size[0] else (crops, 1)
    return in_order(stitched(rows, columns, side, side, side * side), seen.tokens)


def merged(seen: Seen) -> Cells:
    """The picture's own grid of patches, merged two by two or as the model says: Qwen-VL."""
    _, height, width = (int(side) for side in seen.values["image_grid_thw"][0])
    merge = seen.config.vision_config.spatial_merge_size
    return in_order(stitched(1, 1, height // merge, width // merge), seen.tokens)


def _both(side: int | list[int] | tuple[int, ...]) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else (side[0], side[-1])


def _root(tokens: int) -> int:
    return round(tokens**0.5)
