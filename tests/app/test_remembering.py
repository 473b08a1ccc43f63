"""A model that remembers gives the same numbers and runs its trunk once for each picture."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.app.remembering import Remembering
from gazeshift.models import Classifier
from gazeshift.models.face import Model


def picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8))


@pytest.fixture
def counted(build: Callable[..., Classifier]) -> tuple[Classifier, list[int]]:
    """A classifier, and how many pictures each call of its trunk saw."""
    model, seen = build("early-fusion", size=32), []
    encode = model.trunk.encode

    def counting(images: torch.Tensor):
        seen.append(len(images))
        return encode(images)

    model.trunk.encode = counting
    return model, seen


def test_another_text_does_not_run_the_trunk(counted: tuple[Classifier, list[int]]) -> None:
    model, seen = counted
    remembering = Remembering(model)
    assert isinstance(remembering, Model)
    for text in ("a", "b", "a"):
        gs.explain(remembering, picture(0), [text, "red"])
        gs.word_effects(remembering, picture(0), f"{text} red")
    assert seen == [1]
    gs.explain(remembering, picture(1), ["a"])
    assert seen == [1, 1]


def test_what_is_remembered_gives_the_same_maps(build: Callable[..., Classifier]) -> None:
    model = build("early-fusion", size=32)
    remembering = Remembering(model)
    for seed in (0, 1, 0):
        for texts in (["apple pie", "ketchup"], ["ketchup"]):
            expected, found = gs.explain(model, picture(seed), texts), gs.explain(remembering, picture(seed), texts)
            np.testing.assert_array_equal(found.raw, expected.raw)
            assert found.rows == expected.rows
            assert found.model == expected.model


def test_it_forgets_the_picture_asked_for_longest_ago(counted: tuple[Classifier, list[int]]) -> None:
    model, seen = counted
    remembering = Remembering(model, pictures=2)
    for seed in (0, 1, 0, 2):  # 2 takes the place of 1
        gs.explain(remembering, picture(seed), ["a"])
    assert len(seen) == 3
    gs.explain(remembering, picture(0), ["a"])
    assert len(seen) == 3
    gs.explain(remembering, picture(1), ["a"])
    assert len(seen) == 4
