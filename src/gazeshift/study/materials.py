"""What a study's models are built from and share: initial weights, crops, features of frozen parts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache as cache_calls
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from gazeshift.data.loader import as_size
from gazeshift.data.on_the_fly import Crops
from gazeshift.edits import Pieces, WholeWords
from gazeshift.errors import ModelError
from gazeshift.evaluation.equivariance import DIRECTIONS, Windows, shifted_crops
from gazeshift.models import (
    Classifier,
    HeadSpec,
    ImageFeatures,
    ImageSpec,
    ModelSpec,
    TextFeatures,
    TextSpec,
    TokenizerPieces,
    build_classifier,
    build_text,
    build_tokenizer,
    build_trunk,
    encode_images,
    set_affine,
)
from gazeshift.models.stem import Stem
from gazeshift.models.trunk import Trunk
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.runs.folder import Unit
from gazeshift.saliency import Baseline, mean_features
from gazeshift.study.config import StudyConfig
from gazeshift.study.cropping import beyond
from gazeshift.study.pairs import evenly
from gazeshift.study.steps import Announce, Notice
from gazeshift.training import (
    AUGMENTATIONS,
    CachedImages,
    CachedTexts,
    Recipe,
    Split,
    after_affine,
    image_features,
    text_features,
)
from gazeshift.training.encoding import Spread
from gazeshift.training.features import features_bytes, in_turns
from gazeshift.training.parts import frozen_parts, is_fixed, stem_of
from gazeshift.training.split import weights_digest

ENCODED_AT_ONCE = 64
"""Training images per batch for an encoder whose features are not cached."""

REFERENCE_PAIRS = 1000
"""Mean features, the baseline for an absent modality, use at most this many training pairs, drawn evenly."""

SHUFFLE_SEED = 0
"""Seed of the permutation of ``texts: shuffled``; the same for all training seeds."""


class Ingredients:
    """Builds the models of a study, and computes shared data once.

    Args:
        study: the settings.
        classes: class names in order.
        pairs: of each split.
        crops: function from a split to its crops, in the order of the pairs; called only if needed, once per split.
        weights: initial weights of the study's own trunk: ``none``, ``hub`` or a file.
        cache: folder for features of frozen trunks.
        progress: show progress lines.
        announce: told how large the features are before they are written, or that they are too large to be kept.
        spread: who computes the features of frozen trunks.
    """

    def __init__(
        self,
        study: StudyConfig,
        classes: tuple[str, ...],
        pairs: dict[str, tuple[Pair, ...]],
        crops: Callable[[str], Crops],
        weights: str,
        cache: Path,
        progress: bool,
        announce: Announce,
        spread: Spread = in_turns,
    ) -> None:
        self.study = study
        self.classes = classes
        self.pairs = pairs
        self.crops = cache_calls(crops)
        self.weights = weights
        self.cache = cache
        self.progress = progress
        self.announce = announce
        self.spread = spread
        self._images: dict[tuple[str, Preprocessing, int, bool], CachedImages | None] = {}
        self._windows: UInt8[np.ndarray, "n 3 H W"] | None = None
        self._texts: dict[tuple[str, str], dict[str, TextFeatures]] = {}

    def spec(self, name: str) -> ModelSpec:
        """The spec of one of the study's models; a single-modality model has nothing on the other side."""
        structure = self.study.structure(name)
        return ModelSpec(
            name=name,
            image=self.study.image_side(name).image if structure.sees_image else ImageSpec(name="none"),
            text=self.study.text_side(name).text if structure.reads_text else TextSpec(encoder="none"),
            head=HeadSpec(head=self.study.kind(name), **self.study.head_of(name).model_dump()),
            classes=self.classes,
            preprocessing=self.study.preprocessing_of(name),
        )

    def split(self, name: str, texts: Sequence[str]) -> Split:
        """The pairs of a split with the texts that a model reads."""
        pairs = self.pairs[name]
        place = {label: index for index, label in enumerate(self.classes)}
        labels = torch.tensor([place[pair.label] for pair in pairs])
        return Split([pair.key for pair in pairs], list(texts), labels, self.crops(name))

    def texts_read(self, model: str, split: str, *, training: bool) -> list[str]:
        """The texts of a split as a model reads them, while it is trained or afterwards."""
        texts = [pair.text for pair in self.pairs[split]]
        how = self.study.models[model].texts
        if how == "constant":
            return [""] * len(texts)
        if how == "shuffled" and training:
            return [texts[row] for row in np.random.default_rng(SHUFFLE_SEED).permutation(len(texts))]
        return texts

    def fresh(self, unit: Unit) -> Classifier:
        """A model with its initial weights; their randomness comes from the seed."""
        spec = self.spec(unit.model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(unit.seed)
            trunk = self._trunk(unit.model, spec)
            reads = self.study.structure(unit.model).reads_text
            source = self.study.text_side(unit.model).text_encoder if reads else None
            with _naming("texts", self.study.models[unit.model].text):
                text = build_text(spec.text, self._training_texts, source or "")
        return build_classifier(spec, trunk, text, unit.seed)

    @cached_property
    def pieces(self) -> Pieces:
        """The pieces of the study's first model that reads texts; whole words if none does."""
        if (side := self.study.edits_side) is None:
            return WholeWords()
        return TokenizerPieces(build_tokenizer(side.text, self._training_texts, side.text_encoder or ""))

    @property
    def _training_texts(self) -> list[str]:
        return [pair.text for pair in self.pairs["train"]]

    def features(
        self, model: Classifier, recipe: Recipe
    ) -> tuple[tuple[CachedImages, CachedImages] | None, tuple[CachedTexts, CachedTexts] | None]:
        """Features of (train, validation) of the parts that a recipe freezes, for ``fit``."""
        texts = None
        if (
            is_fixed(model.encoder, frozen_parts(model, recipe))
            and not AUGMENTATIONS[recipe.augmentation].changes_texts
        ):
            texts = (self.texts(model, "train", training=True), self.texts(model, "validation", training=True))
        return self.image_features(model, recipe), texts

    def image_features(self, model: Classifier, recipe: Recipe) -> tuple[CachedImages, CachedImages] | None:
        """Features of (train, validation) of the trunk, or of its first layers, if a recipe freezes them."""
        stem, augmentation = stem_of(model.trunk, recipe), AUGMENTATIONS[recipe.augmentation]
        if augmentation.changes_images:
            return None
        if is_fixed(model.trunk, frozen_parts(model, recipe)):
            return self._of_both(model.trunk, model.spec.preprocessing, model.pools_first)
        return None if stem is None else self._of_both(stem, model.spec.preprocessing, False)

    def encode_ahead(self, unit: Unit) -> None:
        """Compute the features that training and evaluating a unit will ask for, so that other processes find them."""
        if not self.study.structure(unit.model).sees_image:
            return
        model, recipe = self.fresh(unit), self.study.recipe_of(unit.model)
        self.image_features(model, recipe)
        if is_fixed(model.trunk, frozen_parts(model, recipe)):
            self.images(model, "test", model.pools_first)
            self._kept(model.trunk, model.spec.preprocessing, self.crops("test"), pooled=False)

    def images(self, model: Classifier, split: str, pooled: bool) -> CachedImages | None:
        """Features of a split at a model's tap, as means or whole grids; equal trunks share them. None: too large to be kept."""
        return self._kept(model.trunk, model.spec.preprocessing, self.crops(split), pooled)

    def _of_both(
        self, part: Trunk | Stem, preprocessing: Preprocessing, pooled: bool
    ) -> tuple[CachedImages, CachedImages] | None:
        """Features of training and validation pictures, if both can be kept."""
        train, validation = (
            self._kept(part, preprocessing, self.crops(split), pooled) for split in ("train", "validation")
        )
        return None if train is None or validation is None else (train, validation)

    def _kept(
        self, part: Trunk | Stem, preprocessing: Preprocessing, crops: Crops, pooled: bool
    ) -> CachedImages | None:
        key = (weights_digest(part), preprocessing, id(crops), pooled)  # crops live as long as this object
        if key not in self._images:
            size = features_bytes(part, len(crops), preprocessing, pools_first=pooled)
            if size > self.study.cache_bytes:
                would = f"features of {len(crops):,} pictures would take {as_size(size)}"
                self.announce(Notice(f"{would}, {beyond(self.study)}: computed when needed"))
            fits = size <= self.study.cache_bytes
            self._images[key] = self._features(part, preprocessing, crops, pooled) if fits else None
        return self._images[key]

    def _features(self, part: Trunk | Stem, preprocessing: Preprocessing, crops: Crops, pooled: bool) -> CachedImages:
        return image_features(
            part,
            crops,
            preprocessing,
            pools_first=pooled,
            folder=self.cache / "features",
            progress=self.progress,
            tell=lambda text: self.announce(Notice(text)),
            spread=self.spread,
        )

    def image_source(
        self, model: Classifier, rows: Sequence[int], recipe: Recipe
    ) -> Callable[[Sequence[int]], ImageFeatures]:
        """Whole grids of chosen test pairs: cached if the trunk is frozen and they are few enough, else encoded on request."""
        source = self._encoded(model, self.crops("test"), recipe)
        return lambda asked: source([rows[index] for index in asked])

    def _encoded(self, model: Classifier, crops: Crops, recipe: Recipe) -> Callable[[Sequence[int]], ImageFeatures]:
        fixed = is_fixed(model.trunk, frozen_parts(model, recipe))
        cached = self._kept(model.trunk, model.spec.preprocessing, crops, pooled=False) if fixed else None
        if cached is not None:
            return lambda asked: cached.take(np.array(asked)).to(model.device)

        def encode(asked: Sequence[int]) -> ImageFeatures:
            wanted = torch.from_numpy(np.array(crops[list(asked)])).to(model.device)
            return encode_images(model, model.spec.preprocessing.normalise(wanted))

        return encode

    def pixels(self, model: Classifier, rows: Sequence[int]) -> Callable[[Sequence[int]], Tensor]:
        """Chosen test images as input to the trunk."""

        def look(asked: Sequence[int]) -> Tensor:
            wanted = np.array(self.crops("test")[[rows[index] for index in asked]])
            return model.spec.preprocessing.normalise(torch.from_numpy(wanted).to(model.device))

        return look

    def baseline(self, model: Classifier, recipe: Recipe) -> Baseline:
        """Mean features of training pairs, as the model reads them after training."""
        total = len(self.pairs["train"])
        chosen = evenly(range(total), REFERENCE_PAIRS)
        fixed = model.pools_first and is_fixed(model.trunk, frozen_parts(model, recipe))
        if (cached := self.images(model, "train", True) if fixed else None) is not None:
            image = cached.take(np.array(chosen)).to(model.device)
        else:
            source = self._encoded(model, self.crops("train"), recipe)
            parts = [
                source(chosen[start : start + ENCODED_AT_ONCE]) for start in range(0, len(chosen), ENCODED_AT_ONCE)
            ]
            parts = [part.averaged() for part in parts] if model.pools_first else parts
            prefixes = [part.prefix for part in parts if part.prefix is not None]
            image = ImageFeatures(torch.cat([part.grid for part in parts]), torch.cat(prefixes) if prefixes else None)
        texts = self.texts_read(model.spec.name, "train", training=False)
        return mean_features(image, self.text_source(model, recipe)([texts[row] for row in chosen]))

    def windows(self, model: Classifier, pairs: Sequence[Pair], recipe: Recipe) -> Windows:
        """Shifted windows of some of the explained pairs at a model's tap: cached if the trunk is frozen."""
        chosen = evenly(pairs, self.study.explain.windows)
        each = len(DIRECTIONS)
        if self._windows is None:
            self._windows = shifted_crops(chosen, self.study.crop, self.study.data.workers)
        source = self._encoded(model, self._windows, recipe)
        return Windows(chosen, lambda asked: source([index * each + place for index in asked for place in range(each)]))

    def text_source(self, model: Classifier, recipe: Recipe) -> Callable[[Sequence[str]], TextFeatures]:
        """Encoded texts: cached if the text encoder is frozen, so that equal encoders read each text once.

        An empty-text control reads the empty text for each of them.
        """
        constant = self.study.models[model.spec.name].texts == "constant"
        fixed = is_fixed(model.encoder, frozen_parts(model, recipe))
        memory = self._encoded_texts(model) if fixed else {}

        def encode(texts: Sequence[str]) -> TextFeatures:
            texts = [""] * len(texts) if constant else texts
            return _remembered(memory, model, texts, progress=False).to(model.device)

        return encode

    def _encoded_texts(self, model: Classifier) -> dict[str, TextFeatures]:
        """What is known of texts by the model's encoder, as its fusion reads them."""
        return self._texts.setdefault((weights_digest(model.encoder), model.structure.text), {})

    def texts(self, model: Classifier, split: str, *, training: bool) -> CachedTexts:
        """Vectors of a split's texts, as the model reads them, of a frozen text encoder; equal encoders share them."""
        texts = self.texts_read(model.spec.name, split, training=training)
        found = _remembered(self._encoded_texts(model), model, texts, progress=self.progress)
        return CachedTexts(found, weights_digest(model.encoder))

    def _trunk(self, name: str, spec: ModelSpec) -> Trunk:
        image, preprocessing = spec.image, spec.preprocessing
        if image.name == "none":
            return build_trunk(image, preprocessing.size)
        side = self.study.models[name].image
        weights = self.weights if side is None else self.study.image_side(name).weights
        with _naming("images", side):
            trunk = build_trunk(image, preprocessing.size, weights)
        if image.features != "plain":
            crops = self.crops("train")
            plain = self._features(trunk, preprocessing, crops, True)  # its statistics need every picture
            set_affine(trunk, plain.pooled(), image.features, preprocessing.size)
            self._images[weights_digest(trunk), preprocessing, id(crops), True] = after_affine(plain, trunk)
        return trunk


@contextmanager
def _naming(key: str, side: str | None) -> Iterator[None]:
    """A block whose errors name the side of the study file that they are about."""
    try:
        yield
    except ModelError as error:
        raise error if side is None else ModelError(f"{key}.{side}: {error}") from error


def _remembered(
    memory: dict[str, TextFeatures], model: Classifier, texts: Sequence[str], *, progress: bool
) -> TextFeatures:
    """Vectors of texts; each is encoded once and remembered without its padding."""
    new = sorted(set(texts) - memory.keys())
    if new:
        found = text_features(model, new, device=model.device, progress=progress).features
        memory.update({text: found.rows(slice(row, row + 1)).trimmed() for row, text in enumerate(new)})
    return TextFeatures.joined([memory[text] for text in texts])
