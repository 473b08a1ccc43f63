"""Occlusion of an answer equals a loop that hides one cell after the other itself, for every family of vision-language models."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import gazeshift as gs
from gazeshift.models.hub.answers import answers
from tests.hub.answering import MODELS, PROMPT, TEXTS, loaded, picture
from tests.hub.hiding import Box, without
from tests.hub.test_answers import read_by_processor

OPTIONS = ("yes", "a red dog")
ONE_VIEW = {"llava", "llava, padded", "llava, pixtral", "paligemma", "blip-2", "gemma3"}
"""Whose picture is one tensor, in which squares are hidden; of the others they are hidden in the picture."""
SEEN: dict[str, Box] = {"llava_next": (0, -2, 60, 42)}
"""What the cells cover of a picture of 60 x 40 pixels, where that is not the picture: its padding in the cells at the edges too."""


def score(name: str, inputs: dict[str, Tensor], tokens: int) -> float:
    """The sum of the log-probabilities of the last tokens."""
    model, _ = loaded(name)
    with torch.no_grad():
        logits = model(**inputs).logits[0].double()
    ids = inputs["input_ids"][0]
    return sum(float(logits[at - 1].log_softmax(0)[ids[at]]) for at in range(len(ids) - tokens, len(ids)))


def by_hand(name: str, answer: str) -> tuple[float, np.ndarray]:
    """Score of an answer, and how much it falls with each cell hidden."""
    shape, mean = MODELS[name].shape, loaded(name)[1].image_processor.image_mean
    inputs, tokens = read_by_processor(name, TEXTS[0], answer)
    before, out = score(name, inputs, tokens), np.zeros(shape)
    for row in range(shape[0]):
        for column in range(shape[1]):
            if name in ONE_VIEW:
                hidden = {**inputs, "pixel_values": zeroed(inputs["pixel_values"], row, column, shape)}
            else:
                seen: Image.Image = without(picture(), (row, column), shape, mean, SEEN.get(name))
                hidden, _ = read_by_processor(name, TEXTS[0], answer, seen)
            out[row, column] = before - score(name, hidden, tokens)
    return before, out


def zeroed(pixels: Tensor, row: int, column: int, shape: tuple[int, int]) -> Tensor:
    tall, wide = pixels.shape[-2] // shape[0], pixels.shape[-1] // shape[1]
    changed = pixels.clone()
    changed[..., row * tall : (row + 1) * tall, column * wide : (column + 1) * wide] = 0
    return changed


@pytest.mark.parametrize("name", MODELS)
def test_occlusion_equals_a_loop_over_cells(name: str) -> None:
    """Of the second option: each is a row of text of its own."""
    given = answers(*loaded(name), PROMPT, OPTIONS)
    maps = gs.explain(given, picture(), TEXTS[:1], target=OPTIONS[1], method="occlusion")
    before, expected = by_hand(name, OPTIONS[1])
    assert maps.raw[0].shape == expected.shape
    assert np.abs(expected).max() > 1e-4
    assert np.abs(maps.raw[0] - expected).max() < 1e-4 * np.abs(expected).max() + 1e-6 * abs(before)


@pytest.mark.parametrize("name", MODELS)
def test_regions_that_are_the_cells_fall_as_occlusion_says(name: str) -> None:
    """With the whole text, and without a phrase of it."""
    given, text, short = answers(*loaded(name), PROMPT, OPTIONS), TEXTS[1], "two big green and a tree"
    maps = gs.explain(given, picture(), [text, short], target=OPTIONS[0], method="occlusion").raw[:2]
    cells: tuple[int, int] = maps.shape[1:]
    found = gs.word_regions(given, picture(), text, cells, OPTIONS[0], spans=["cats"])
    tolerance = 1e-4 * np.abs(maps).max() + 2e-6 * abs(found.logit)
    np.testing.assert_allclose(found.evidence, maps[0].ravel(), rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        found.evidence_without[0], maps[1].ravel(), rtol=0, atol=tolerance + 1e-5 * abs(found.logit)
    )
