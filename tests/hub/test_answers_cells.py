"""Each cell of the map is where it says on the picture: a mark there moves that cell's token and no other's."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters.inputs import take
from gazeshift.models.hub.answers import answers
from gazeshift.models.hub.answers_pictures import arguments_of, layout_of
from tests.hub.answering import MODELS, OPTIONS, PROMPT, loaded, picture

SIZES = [(600, 400), (240, 520)]
MIXING = ("out_proj", "attn.proj", "projection_layer", "self_attn.projection")
"""Names of the layers through which a vision tower's attention gives what it has gathered."""


def tower(model: Any) -> nn.Module:
    """Everything that runs before the language model."""
    towers = {"vision_tower", "visual", "vision_model"}
    return next(found for name, found in model.named_modules() if name.rpartition(".")[2] in towers)


def marked(size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """A grey picture with a speckled mark in the middle half of a box."""
    made = picture(*size, seed=1).point(lambda value: 128)
    left, upper, right, lower = box
    width, height = right - left, lower - upper
    inner = (
        round(left + width / 4), round(upper + height / 4), round(right - width / 4), round(lower - height / 4)
    )  # fmt: skip
    draw = ImageDraw.Draw(made)
    draw.rectangle(inner, fill=(255, 40, 0))
    return made


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MODELS)
def test_a_mark_moves_its_own_cell(name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """With towers whose patches do not attend to each other, so that a mark stays where it is."""
    model, processor = loaded(name)
    for part, parameter in tower(model).named_parameters():
        if any(mixing in part for mixing in MIXING):
            monkeypatch.setattr(parameter, "data", torch.zeros_like(parameter))
    given = answers(model, processor, PROMPT, OPTIONS)
    family_tap = model.get_submodule(given.net.tap.name)
    kept: list[Tensor] = []

    def grid(image: Image.Image) -> Tensor:
        images, texts = given.read([image], [""])
        kept.clear()
        hook = family_tap.register_forward_hook(
            lambda module, arguments, output: kept.append(given.net.tap.read(output))
        )
        with torch.no_grad():
            model.get_image_features(**arguments_of(take(images, torch.tensor([0]))))
        hook.remove()
        return layout_of(images, texts).read(kept[0])[0]

    blank = grid(marked(size, (-9, -9, -8, -8)))
    height, width = blank.shape[1:]
    view = given.view(marked(size, (0, 0, 1, 1))).size
    corner = [(whole - part) / 2 for whole, part in zip(size, view, strict=True)]
    tried = 0
    for row in sorted({0, 1, height // 2, height - 1}):
        for column in sorted({0, 1, width // 2, width - 1}):
            cell = view[0] / width, view[1] / height
            left, upper = corner[0] + column * cell[0], corner[1] + row * cell[1]
            middle = left + cell[0] / 2, upper + cell[1] / 2
            if not all(0 < place < side for place, side in zip(middle, size, strict=True)):
                continue  # padding, on which nothing can be marked
            tried += 1
            moved = (grid(marked(size, (left, upper, left + cell[0], upper + cell[1]))) - blank).norm(dim=0)
            assert divmod(int(moved.argmax()), width) == (row, column)
            others = moved.flatten().sort(descending=True).values[1]
            assert float(others) < 0.2 * float(moved.max()), (row, column)
    assert tried >= 4


def test_what_clips_processor_cuts_off_is_not_in_the_view() -> None:
    given = answers(*loaded("llava"), PROMPT, OPTIONS)
    whole = picture(60, 40)
    np.testing.assert_array_equal(np.asarray(given.view(whole)), np.asarray(whole)[:, 10:50])


def test_a_picture_that_the_processor_cannot_read_is_named() -> None:
    given = answers(*loaded("qwen2_5_vl"), PROMPT, OPTIONS)
    with pytest.raises(
        ModelError, match=r"a Qwen2_5_VLProcessor cannot read a picture of 1 x 300 pixels: .*aspect ratio"
    ):
        given.read([picture(1, 300)], ["a dog"])


def test_pictures_of_different_shapes_are_told_apart() -> None:
    given = answers(*loaded("qwen2_5_vl"), PROMPT, OPTIONS)
    with pytest.raises(UsageError, match=r"reads the pictures as 3 x 4 and 4 x 3 cells: .* one at a time"):
        given.read([picture(60, 40), picture(40, 60)], ["a dog"])
