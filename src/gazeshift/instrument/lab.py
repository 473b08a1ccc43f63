"""Builds what the rows need, each thing once: scenes, pictures, trunks and trained models."""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from gazeshift.data.plates import Caption, PlatesConfig, Scene, readings, scene_and_caption
from gazeshift.evaluation.faithful import reading, rendered
from gazeshift.instrument.exam import Exam, make_exam
from gazeshift.instrument.places import placed
from gazeshift.instrument.quantities import Subject
from gazeshift.instrument.settings import SETTINGS, Setting
from gazeshift.instrument.worlds import TRUNK, World
from gazeshift.models import HEADS, Classifier, ModelSpec, TextSpec, build_classifier, build_text
from gazeshift.models.image import GridTrunk
from gazeshift.models.trunk import Trunk
from gazeshift.training import CachedImages, Split, fit, image_features
from gazeshift.training.keyed import order

VALIDATION = 100
"""Validation scenes, in addition to the training ones, that a training reports on; nothing is selected on them."""

EMPTY = 100
"""Plates without dishes that show what a trunk sees where there is nothing."""
PICTURES = 2000
"""Pictures cached at a time: those of one exam, with each object removed once."""


class Lab:
    """One world and one seed.

    Args:
        world: the world to work in.
        seed: random seed of scenes, initial weights and trainings.
        work: folder for trainings.
        announce: called with progress messages.
    """

    def __init__(
        self, world: World, seed: int, work: Path, announce: Callable[[str], None] = lambda line: None
    ) -> None:
        self.world = world
        self.seed = seed
        self.work = work
        self.announce = announce
        self._draw = lru_cache(maxsize=PICTURES)(world.paint)
        self._pictures: dict[tuple[Scene, ...], UInt8[np.ndarray, "n 3 H W"]] = {}
        self._taught: GridTrunk | None = None
        self._features: dict[tuple[tuple[str, ...], tuple[Scene, ...]], CachedImages] = {}
        self._models: dict[str, Classifier] = {}

    def config(self, setting: Setting) -> PlatesConfig:
        """Scenes and captions of a setting, in this world."""
        world = self.world
        return setting.config(world.preprocessing.size, world.train + VALIDATION, world.test, self.seed)

    def scenes(self, config: PlatesConfig, split: str) -> tuple[list[Scene], list[Caption]]:
        """All scenes of a split, with their captions."""
        drawn = [scene_and_caption(config, split, index) for index in range(config.scenes(split))]
        return [scene for scene, _ in drawn], [caption for _, caption in drawn]

    def exam(self, name: str, **changes: Any) -> Exam:
        """The test scenes of a setting with the captions to try on them; ``changes`` are settings of Plates that differ in the test."""
        config = replace(self.config(SETTINGS[name]), **changes)
        return make_exam(config, *self.scenes(config, "test"))

    def subject(self, model: Classifier) -> Subject:
        """A model of this world with functions that show it scenes and read texts."""
        return Subject(model, rendered(model, self._paint), reading(model))

    def _paint(self, scene: Scene, without: int | None) -> UInt8[np.ndarray, "h w 3"]:
        """A picture, cached because many rows use the same test scenes. It does not depend on the caption."""
        return self._draw(replace(scene, modifier=""), without)

    def model(self, name: str) -> Classifier:
        """The trained model of a setting."""
        if name not in self._models:
            started = time.perf_counter()
            self._models[name] = self._trained(name, SETTINGS[name])
            self.announce(f"trained: {name} (seed {self.seed}, {time.perf_counter() - started:.0f} s)")
        return self._models[name]

    def untrained(self, name: str, seed: int) -> Classifier:
        """The model of a setting with initial weights from a seed, including its trunk's."""
        setting = SETTINGS[name]
        config = self.config(setting)
        _, captions = self.scenes(config, "train")
        trunk = self._with_places(self.world.fresh(config, seed), setting)
        return self._fresh(setting, [caption.text for caption in captions], trunk, seed).eval()

    def _trained(self, name: str, setting: Setting) -> Classifier:
        world, config = self.world, self.config(setting)
        shown = [readings(config, "train", index, world.readings) for index in range(config.train)]
        scenes, captions = zip(*[reading for picture in shown for reading in picture], strict=True)
        texts = [caption.text for caption in captions]
        if setting.shuffled:
            texts = [texts[row] for row in order(len(texts), self.seed, epoch=-1).tolist()]
        model = self._fresh(setting, texts, copy.deepcopy(self._trunk(setting)), self.seed)
        place = {label: index for index, label in enumerate(model.classes)}
        labels = torch.tensor([place[scene.label] for scene in scenes])
        seen = self._seen(setting, [picture[0][0] for picture in shown])
        side = world.preprocessing.size

        def part(pictures: range) -> tuple[Split, CachedImages]:
            """Some pictures, each with all its readings. The frozen trunk has seen them, so that their pixels are no longer needed."""
            rows = np.arange(pictures.start * world.readings, pictures.stop * world.readings)
            unseen = np.broadcast_to(np.uint8(0), (len(rows), 3, side, side))
            split = Split(
                [f"{row:07d}" for row in rows], [texts[row] for row in rows], labels[torch.from_numpy(rows)], unseen
            )
            return split, CachedImages(seen.grid[rows // world.readings], None, seen.trunk)

        count = len(shown) - VALIDATION
        (train, train_seen), (validation, validation_seen) = part(range(count)), part(range(count, len(shown)))
        recipe = world.recipe.model_copy(update={"epochs": world.recipe.epochs * setting.patience})
        features, work = (train_seen, validation_seen), self.work / f"{name}-{self.seed}"
        fit(model, train, validation, recipe, self.seed, work, images=features, progress=False)
        return model.eval()

    def _fresh(self, setting: Setting, texts: Sequence[str], trunk: Trunk, seed: int) -> Classifier:
        structure = HEADS[setting.head].structure
        spec = ModelSpec(
            name=setting.head,
            image=TRUNK,
            text=self.world.text if structure.reads_text else TextSpec(encoder="none"),
            head=self.world.head.model_copy(update={"head": setting.head}),
            classes=self.config(setting).dishes,
            preprocessing=self.world.preprocessing,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            text = build_text(spec.text, texts)
        return build_classifier(spec, trunk, text, seed)

    def _trunk(self, setting: Setting) -> GridTrunk:
        """The trunk that all models share, as a setting has it."""
        if self._taught is None:
            started, config = time.perf_counter(), self.config(Setting())
            trunk = self.world.fresh(config, self.seed)
            self.world.pretrain(trunk, config, self.seed, self.work / f"trunk-{self.seed}")
            self._taught = trunk
            self.announce(f"trunk (seed {self.seed}, {time.perf_counter() - started:.0f} s)")
        return self._with_places(self._taught, setting)

    def _with_places(self, trunk: GridTrunk, setting: Setting) -> GridTrunk:
        """A trunk whose features tell of places, where a setting wants that."""
        return placed(trunk, self._empty(trunk), setting.places) if setting.places else trunk

    def _empty(self, trunk: GridTrunk) -> Float[Tensor, "c h w"]:
        """The mean grid of plates without dishes."""
        config = self.config(Setting())
        plates = [scene_and_caption(config, "train", index)[0] for index in range(EMPTY)]
        pictures = self._painted(tuple(replace(scene, objects=(), modifier="") for scene in plates))
        seen = image_features(trunk, pictures, self.world.preprocessing, pools_first=False, progress=False)
        return torch.from_numpy(seen.grid.mean(0))

    def _seen(self, setting: Setting, scenes: Sequence[Scene]) -> CachedImages:
        """What a setting's trunk says about pictures of scenes, averaged over the grid. They do not depend on captions."""
        plain = tuple(replace(scene, modifier="") for scene in scenes)
        key = (setting.places, plain)
        if key not in self._features:
            trunk, how = self._trunk(setting), self.world.preprocessing
            self._features[key] = image_features(trunk, self._painted(plain), how, pools_first=True, progress=False)
        return self._features[key]

    def _painted(self, scenes: tuple[Scene, ...]) -> UInt8[np.ndarray, "n 3 H W"]:
        """Pictures of scenes; settings with different trunks share them."""
        if scenes not in self._pictures:
            crop, paint = self.world.preprocessing.crop, self.world.paint
            self._pictures[scenes] = np.stack([crop(Image.fromarray(paint(scene, None))) for scene in scenes])
        return self._pictures[scenes]
