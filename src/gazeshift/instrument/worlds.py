"""Where the instrument is tested: on rendered pictures with a trained trunk, or on coded ones that the oracle trunk reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import torch

from gazeshift.data.plates import PlatesConfig, kinds, render, single_kinds
from gazeshift.evaluation.faithful import Paint
from gazeshift.instrument.oracle import code_picture, oracle_preprocessing, oracle_trunk
from gazeshift.models import HeadSpec, ImageSpec, TextSpec
from gazeshift.models.image import GridTrunk
from gazeshift.models.small_cnn import SmallCNN
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import Recipe, fit_trunk, recipe_of
from gazeshift.training.pretrain import PRETRAINING

TRUNK = ImageSpec(name="small_cnn", options={"local": True})
"""A small CNN with small receptive fields: large ones would spread an object's effect over the whole map."""


@dataclass(frozen=True)
class World:
    """How scenes look, which models see them, and how long these train.

    Attributes:
        paint: draws a scene.
        preprocessing: from the drawing to the model; its size is the drawing's.
        fresh: builds a trunk for scenes of these settings, with initial weights from a seed.
        pretrain: teaches a trunk, in place, to distinguish dishes and their colours; the folder is for that training. Afterwards the trunk
            is frozen, so that all models see the same.
        trains_trunk: whether the trunk has anything to train.
        recipe: how the models are trained.
        head: widths.
        text: the text encoder.
        train: scenes to train on.
        readings: how often a picture is shown in an epoch, each time with its dish in question and its caption drawn again.
        test: scenes to measure on.
    """

    paint: Paint
    preprocessing: Preprocessing
    fresh: Callable[[PlatesConfig, int], GridTrunk]
    pretrain: Callable[[GridTrunk, PlatesConfig, int, Path], None]
    trains_trunk: bool
    recipe: Recipe
    head: HeadSpec
    text: TextSpec
    train: int
    readings: int
    test: int


_EYES = Preprocessing(size=144, crop_fraction=1.0, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
_SINGLES, _SIDE = 6000, 72
"""Pictures of single dishes that the trunk is taught on, and their side in pixels."""


def _small_cnn(config: PlatesConfig, seed: int) -> GridTrunk:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SmallCNN(**TRUNK.options).to(memory_format=torch.channels_last)  # runs fastest so
    return GridTrunk(net, net.num_features, channels_last=False)


def _pretrain(trunk: GridTrunk, config: PlatesConfig, seed: int, work: Path) -> None:
    """Crops of single dishes, labelled by dish and colour; a substitute for ImageNet."""
    images, labels = single_kinds(config, _SINGLES, seed, "colour", _SIDE)
    crop, classes, recipe = replace(_EYES, size=_SIDE), kinds(config), PRETRAINING.model_copy(update={"epochs": 12})
    fit_trunk(trunk, images, torch.from_numpy(labels), classes, crop, work, seed=seed, recipe=recipe, progress=False)


def _oracle(config: PlatesConfig, seed: int) -> GridTrunk:
    return oracle_trunk(config)


def _knows_all(trunk: GridTrunk, config: PlatesConfig, seed: int, work: Path) -> None:
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
                    "batch_size": 128,
                    "epochs": 8,
                    "schedule": "one-cycle",
                    "label_smoothing": 0.05,
                    "weight_decay": 0.1,
                },
            ),
            head=_HEAD.model_copy(update={"dropout": 0.1}),
            text=_TEXT,
            train=6000,
            readings=3,  # pictures can be told apart, so a caption that is always the same could be memorised (docs/instrument.md)
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
            readings=1,
            test=200,
        ),
    }
)
