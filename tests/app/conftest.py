"""A house with two untrained models and a few pictures of Plates."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from gazeshift.app.house import House
from gazeshift.data.plates import PlatesConfig, render, scene_and_caption
from gazeshift.models import Classifier
from gazeshift.pairs import Pair, SceneObject

CONFIG = PlatesConfig(size=48, n_dishes=4)


def file_of(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def pair_of(index: int, split: str = "test") -> Pair:
    scene, caption = scene_and_caption(CONFIG, "test", index)
    objects = tuple(
        SceneObject(each.name, each.colour, each.index, each.index == caption.referred) for each in scene.objects
    )
    return Pair(
        f"{split}/{index}.png", file_of(Image.fromarray(render(scene))), caption.text, scene.label, split, objects
    )


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    return [*(pair_of(index) for index in range(5)), *(pair_of(index, "train") for index in range(5, 20))]


@pytest.fixture
def house(build: Callable[..., Classifier], pairs: list[Pair]) -> House:
    return House.of([build("image-only", size=32), build("early-fusion", size=32)], pairs)
