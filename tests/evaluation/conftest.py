"""A few Plates pairs before an untrained model: small enough to ask everything again, one thing at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from gazeshift.data.plates import PlatesConfig, label_map, render, scene_and_caption
from gazeshift.data.plates.captions import all_captions
from gazeshift.data.regions.masks import REFERRED
from gazeshift.edits import Edited
from gazeshift.evaluation.checks import Subject
from gazeshift.evaluation.faithful import reading
from gazeshift.evaluation.question import Question
from gazeshift.measures import mask_to_grid
from gazeshift.models import (
    Classifier,
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
)
from gazeshift.pairs import Pair, SceneCaption, SceneObject
from gazeshift.preprocessing import Preprocessing
from gazeshift.saliency import mean_features

CONFIG = PlatesConfig(size=64, objects=(2, 3), n_dishes=4, clutter=0.0, mix={"colour": 1.0})
COUNT = 6


@dataclass(frozen=True)
class Case:
    """A subject, and the pictures that it sees."""

    subject: Subject
    pictures: list[Image.Image]
    references: list[str]


def model_of(head: str) -> Classifier:
    spec = ModelSpec(
        name=head,
        image=ImageSpec(name="small_cnn"),
        text=TextSpec(width=16, layers=1, heads=2, max_tokens=24) if head != "image-only" else TextSpec(encoder="none"),
        head=HeadSpec(head=head, image_width=0, hidden=32),
        classes=CONFIG.dishes,
        preprocessing=Preprocessing(size=64, crop_fraction=1.0),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        trunk, text = build_trunk(spec.image, 64), build_text(spec.text, ["the red one", "a table for friends"])
        model = build_classifier(spec, trunk, text, 2).eval()
        # Untrained texts hardly differ; louder ones switch classes and flip gates.
        for name, value in model.head.named_parameters():
            if "weight" in name:
                value.data *= 3
    return model


def pair_of(index: int) -> Pair:
    scene, caption = scene_and_caption(CONFIG, "test", index)
    said = [caption, *all_captions(scene)]
    objects = tuple(
        SceneObject(item.name, item.colour, item.index, item.index == caption.referred) for item in scene.objects
    )
    captions = tuple(SceneCaption(c.kind, c.text, c.referred, " ".join(c.content)) for c in said)
    return Pair(f"{index}.png", b"", caption.text, scene.label, "test", objects, captions)


@pytest.fixture
def case() -> Callable[..., Case]:
    def make(head: str = "early-fusion") -> Case:
        model = model_of(head)
        pairs = [pair_of(index) for index in range(COUNT)]
        scenes = [scene_and_caption(CONFIG, "test", index)[0] for index in range(COUNT)]
        pictures = [Image.fromarray(render(scene)) for scene in scenes]
        crops = np.stack([model.spec.preprocessing.crop(picture) for picture in pictures])

        def pixels(asked: Sequence[int]) -> torch.Tensor:
            return model.spec.preprocessing.normalise(torch.from_numpy(crops[list(asked)]))

        def images(asked: Sequence[int]):
            with torch.no_grad():
                return model.encode_image(pixels(asked))

        def masks(index: int, height: int, width: int) -> dict[int, np.ndarray] | None:
            if index == 1:  # a pair without masks
                return None
            labels = label_map(scenes[index])
            shares = {item.index: mask_to_grid(labels == item.index, height, width) for item in scenes[index].objects}
            referred = next((each.index for each in pairs[index].objects if each.referred), None)
            return shares if referred is None else {**shares, REFERRED: shares[referred]}

        def prior(height: int, width: int) -> np.ndarray:
            """Of objects that lie the more often the further down and to the right."""
            steps = np.outer(np.arange(1.0, height + 1), np.arange(1.0, width + 1))
            return steps / steps.sum()

        texts: dict[str, list[Edited | None]] = {
            "original": [Edited(pair.text) for pair in pairs],
            "paraphrase": [Edited(f"{pair.text}, they say") for pair in pairs],
            "other-class": [Edited(f"{pairs[index - 1].text} {index}") for index in range(COUNT)],
            "colour": [Edited("red ketchup") for _ in pairs],
        }
        texts["other-class"][2] = None  # an edit that does not apply
        question = Question(pairs, texts, masks, "grad-cam", prior=prior)
        references = ["the red one", "a table for friends", "the one on the left"]
        absent = mean_features(images(range(3)), reading(model)(references))
        by_key = dict(zip((pair.key for pair in pairs), scenes, strict=True))
        subject = Subject(model, question, images, reading(model), pixels, lambda: absent, by_key)
        return Case(subject, pictures, references)

    return make
