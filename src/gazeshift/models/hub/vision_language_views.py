"""The part of a picture that a vision-language model's cells cover: what a processor crops away or pads."""

from typing import Any

from PIL.Image import Image

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge in the picture's own pixels; beyond its edges where it is padded."""


def whole(picture: Image, processor: Any, config: Any) -> Image:
    """All of it: the processor stretches a picture to the model's shape, or finds a shape for it."""
    return picture


def cropped(picture: Image, processor: Any, config: Any) -> Image:
    """The middle, where the shortest side is scaled to a length and the rest cut off (CLIP's processor); all of it if it is stretched."""
    options = processor.image_processor
    if padded_to_square(options):
        side = float(max(picture.size))
        picture = cut(picture, centred(picture.size, (side, side)))
    if not options.do_center_crop:
        return picture
    size, crop = (_numbers(asked) for asked in (options.size, options.crop_size))
    if not options.do_resize:
        scales = (1.0, 1.0)
    elif "shortest_edge" in size:
        scales = (size["shortest_edge"] / min(picture.size),) * 2
    else:
        scales = (size["width"] / picture.width, size["height"] / picture.height)
    return cut(picture, centred(picture.size, (crop["width"] / scales[0], crop["height"] / scales[1])))


def unpadded(picture: Image, processor: Any, config: Any) -> Image:
    """All of it, and of its padding what is in the cells at its edges (LLaVA-NeXT drops the cells that hold nothing else)."""
    from transformers.image_processing_utils import select_best_resolution  # noqa: PLC0415  transformers takes seconds

    height, width = select_best_resolution((picture.height, picture.width), config.image_grid_pinpoints)
    cell = config.vision_config.patch_size
    scale = min(width / picture.width, height / picture.height)
    covered = [
        (side - 2 * cell * _dropped(length, other, side // cell, other_side // cell)) / scale
        for length, other, side, other_side in (
            (picture.width, picture.height, width, height),
            (picture.height, picture.width, height, width),
        )
    ]
    if not all(covered):
        return picture  # the thumbnail's cells
    return cut(picture, centred(picture.size, (covered[0], covered[1])))


def padded_to_square(options: Any) -> bool:
    """Whether an image processor pads a picture to a square first, as LLaVA's own does if asked to."""
    return type(options).__name__.startswith("LlavaImageProcessor") and bool(options.do_pad)


def centred(size: tuple[int, int], covered: tuple[float, float]) -> Box:
    """The box of some width and height around the middle of a picture.

    Example:
        >>> centred((60, 40), (40.0, 40.0))
        (10.0, 0.0, 50.0, 40.0)
    """
    left, upper = (size[0] - covered[0]) / 2, (size[1] - covered[1]) / 2
    return left, upper, size[0] - left, size[1] - upper


def cut(picture: Image, box: Box) -> Image:
    """A box of a picture to the nearest pixel; black beyond its edges."""
    left, upper, right, lower = (round(edge) for edge in box)
    return picture.crop((left, upper, max(right, left + 1), max(lower, upper + 1)))


def _dropped(length: int, other: int, cells: int, other_cells: int) -> int:
    """How many cells at each end of an axis hold nothing but padding; the rounding is the model's own."""
    if length / other >= cells / other_cells:
        return 0
    return (cells - int(round(length * (other_cells / other), 7))) // 2


def _numbers(size: Any) -> dict[str, int]:
    """A processor's size as a mapping of what is given."""
    return {name: value for name, value in dict(size).items() if value is not None}
