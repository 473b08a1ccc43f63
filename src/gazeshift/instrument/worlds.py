"""Where the instrument is tested: on rendered pictures with a trained trunk, or on coded ones that the oracle trunk reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import torch

from gazeshift.data.plates import PlatesConfig, kinds, render, single_kinds
from gazeshift.evaluation.faithful import Paint
from gazeshift.instrument.oracle import code_picture, oracle_preprocessing, oracle_trunk
from gazeshift.models import HeadSpec, ImageSpec, TextSpec, build_trunk
from gazeshift.models.trunk import Trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import Recipe, fit_trunk, recipe_of
from gazeshift.training.pretrain import PRETRAINING


def trunk_options(coordinates: bool) -> dict[str, bool]:
    """Settings of the small CNN. Its receptive fields are small: large ones would spread an object's effect over the whole map."""
    return {"coordinates": coordinates, "local": True}


@dataclass(frozen=True)
class World:
    """How scenes look, which models see them, and how long these train.

    Attributes:
        paint: draws a scene.
        preprocessing: from the drawing to the model; its size is the drawing's.
        fresh: builds a trunk for scenes of these settings, with or without coordinates, with initial weights from a seed.
        pretrain: teaches a trunk, in place, to distinguish dishes and their colours or places; the folder is for that training. Afterwards
            the trunk is frozen, so that all models of a setting see the same.
        trains_trunk: whether the trunk has anything to train.
        recipe: how the models are trained.
        head: widths.
        text: the text encoder.
        train: scenes to train on.
        test: scenes to measure on.
    """

    paint: Paint
    preprocessing: Preprocessing
    fresh: Callable[[PlatesConfig, bool, int], Trunk]
    pretrain: Callable[[Trunk, PlatesConfig, str, int, Path], None]
    trains_trunk: bool
    recipe: Recipe
    head: HeadSpec
    text: TextSpec
    train: int
    test: int


@dataclass(frozen=True)
class _Teaching:
    """How a trunk is taught: number of single-dish pictures, their side in pixels, and the recipe."""

    singles: int
    side: int
    recipe: Recipe


_TEACHING: dict[str, _Teaching] = {
    "colour": _Teaching(6000, 72, PRETRAINING.model_copy(update={"epochs": 12})),
    # Places need whole pictures, and a mirrored dish lies elsewhere.
    "place": _Teaching(4000, 144, PRETRAINING.model_copy(update={"epochs": 8, "augmentation": "none"})),
}
_EYES = Preprocessing(size=144, crop_fraction=1.0, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def _small_cnn(config: PlatesConfig, coordinates: bool, seed: int) -> Trunk:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_trunk(ImageSpec(name="small_cnn", options=trunk_options(coordinates)), _EYES.size)


def _pretrain(trunk: Trunk, config: PlatesConfig, knows: str, seed: int, work: Path) -> None:
    """Single dishes, labelled by dish and colour (crops) or dish and place (whole pictures); a substitute for ImageNet."""
    way = _TEACHING[knows]
    images, labels = single_kinds(config, way.singles, seed, knows, way.side)
    crop, classes, recipe = replace(_EYES, size=way.side), kinds(config, knows), way.recipe
    fit_trunk(trunk, images, torch.from_numpy(labels), classes, crop, work, seed=seed, recipe=recipe, progress=False)


def _oracle(config: PlatesConfig, coordinates: bool, seed: int) -> Trunk:
    return oracle_trunk(config, coordinates)


def _knows_all(trunk: Trunk, config: PlatesConfig, knows: str, seed: int, work: Path) -> None:
    """The oracle has nothing to learn."""


_TEXT = TextSpec(encoder="transformer", width=64, layers=1, max_tokens=24, vocabulary=1000)
_HEAD = HeadSpec(head="early-fusion", image_width=0, hidden=256)

WORLDS: Mapping[str, World] = MappingProxyType(
    {
        "pictures": World(
            paint=render,
            preprocessing=_EYES,
            fresh=_small_cnn,
            pretrain=_pretrain,
            trains_trunk=True,
            recipe=recipe_of(
                "adamw",
                {
                    "learning_rate": 3e-3,
                    "epochs": 10,
                    "schedule": "one-cycle",
                    "label_smoothing": 0.05,
                    "weight_decay": 0.3,
                },
            ),
            # Pictures are distinguishable, so captions can be memorised; these settings prevent that (docs/instrument.md).
            head=_HEAD.model_copy(update={"dropout": 0.3}),
            text=_TEXT,
            train=8000,
            test=300,
        ),
        "oracle": World(
            paint=code_picture,
            preprocessing=oracle_preprocessing(48),
            fresh=_oracle,
            pretrain=_knows_all,
            trains_trunk=False,
            recipe=recipe_of("adamw", {"learning_rate": 3e-3, "epochs": 8, "schedule": "one-cycle"}),
            head=_HEAD,
            text=_TEXT.model_copy(update={"width": 32}),
            train=3000,
            test=200,
        ),
    }
)
