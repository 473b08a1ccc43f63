"""What a study's models are built from and share: initial weights, crops, features of frozen parts."""

from collections.abc import Callable, Sequence
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
from gazeshift.runs.folder import Unit
from gazeshift.saliency import Baseline, mean_features
from gazeshift.study.config import StudyConfig
from gazeshift.study.cropping import beyond
from gazeshift.study.pairs import evenly
from gazeshift.study.steps import Announce, Notice, file_digest
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
from gazeshift.training.features import features_bytes
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
        weights: initial weights of the trunk: ``none``, ``hub`` or a file.
        cache: folder for features of frozen trunks.
        progress: show progress lines.
        announce: told how large the features are before they are written, or that they are too large to be kept.
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
    ) -> None:
        self.study = study
        self.classes = classes
        self.pairs = pairs
        self.crops = cache_calls(crops)
        self.weights = weights
        self.cache = cache
        self.progress = progress
        self.announce = announce
        self._images: dict[tuple[str, int, bool], CachedImages | None] = {}
        self._windows: UInt8[np.ndarray, "n 3 H W"] | None = None
        self._vectors: dict[str, dict[str, Tensor]] = {}

    def spec(self, name: str) -> ModelSpec:
        """The spec of one of the study's models; a single-modality model has nothing on the other side."""
        structure = self.study.structure(name)
        return ModelSpec(
            name=name,
            image=self.study.image if structure.sees_image else ImageSpec(name="none"),
            text=self.study.text if structure.reads_text else TextSpec(encoder="none"),
            head=HeadSpec(head=self.study.kind(name), **self.study.head_of(name).model_dump()),
            classes=self.classes,
            preprocessing=self.study.crop,
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
            trunk = self._trunk(spec.image)
            text = build_text(spec.text, self._training_texts, self.study.text_encoder or "")
        return build_classifier(spec, trunk, text, unit.seed)

    @cached_property
    def pieces(self) -> Pieces:
        """The one tokenizer of all models that read text; whole words if none does."""
        if self.study.text.encoder == "none":
            return WholeWords()
        tokenizer = build_tokenizer(self.study.text, self._training_texts, self.study.text_encoder or "")
        return TokenizerPieces(tokenizer)

    @property
    def _training_texts(self) -> list[str]:
        return [pair.text for pair in self.pairs["train"]]

    def features(
        self, model: Classifier, recipe: Recipe
    ) -> tuple[tuple[CachedImages, CachedImages] | None, tuple[CachedTexts, CachedTexts] | None]:
        """Features of (train, validation) of the parts that a recipe freezes, for ``fit``."""
        frozen, augmentation = frozen_parts(model, recipe), AUGMENTATIONS[recipe.augmentation]
        images = texts = None
        stem = stem_of(model.trunk, recipe)
        if is_fixed(model.trunk, frozen) and not augmentation.changes_images:
            images = self._of_both(model.trunk, model.pools_first)
        elif stem is not None and not augmentation.changes_images:
            images = self._of_both(stem, False)
        if is_fixed(model.encoder, frozen) and not augmentation.changes_texts:
            texts = (self.texts(model, "train", training=True), self.texts(model, "validation", training=True))
        return images, texts

    def images(self, model: Classifier, split: str, pooled: bool) -> CachedImages | None:
        """Features of a split at a model's tap, as means or whole grids; equal trunks share them. None: too large to be kept."""
        return self._kept(model.trunk, self.crops(split), pooled)

    def _of_both(self, part: Trunk | Stem, pooled: bool) -> tuple[CachedImages, CachedImages] | None:
        """Features of training and validation pictures, if both can be kept."""
        train, validation = (self._kept(part, self.crops(split), pooled) for split in ("train", "validation"))
        return None if train is None or validation is None else (train, validation)

    def _kept(self, part: Trunk | Stem, crops: Crops, pooled: bool) -> CachedImages | None:
        key = (weights_digest(part), id(crops), pooled)  # crops live as long as this object
        if key not in self._images:
            size = features_bytes(part, len(crops), self.study.crop, pools_first=pooled)
            if size > self.study.cache_bytes:
                would = f"features of {len(crops):,} pictures would take {as_size(size)}"
                self.announce(Notice(f"{would}, {beyond(self.study)}: computed when needed"))
            self._images[key] = None if size > self.study.cache_bytes else self._features(part, crops, pooled)
        return self._images[key]

    def _features(self, part: Trunk | Stem, crops: Crops, pooled: bool) -> CachedImages:
        return image_features(
            part,
            crops,
            self.study.crop,
            pools_first=pooled,
            folder=self.cache / "features",
            progress=self.progress,
            tell=lambda text: self.announce(Notice(text)),
        )

    def image_source(
        self, model: Classifier, rows: Sequence[int], recipe: Recipe
    ) -> Callable[[Sequence[int]], ImageFeatures]:
        """Whole grids of chosen test pairs: cached if the trunk is frozen and they are few enough, else encoded on request."""
        source = self._encoded(model, self.crops("test"), recipe)
        return lambda asked: source([rows[index] for index in asked])

    def _encoded(self, model: Classifier, crops: Crops, recipe: Recipe) -> Callable[[Sequence[int]], ImageFeatures]:
        fixed = is_fixed(model.trunk, frozen_parts(model, recipe))
        cached = self._kept(model.trunk, crops, pooled=False) if fixed else None
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
        memory = self._vectors.setdefault(weights_digest(model.encoder), {}) if fixed else {}

        def encode(texts: Sequence[str]) -> TextFeatures:
            texts = [""] * len(texts) if constant else texts
            new = sorted(set(texts) - memory.keys())
            if new:
                memory.update(
                    zip(new, text_features(model, new, device=model.device, progress=False).vectors, strict=True)
                )
            return TextFeatures.from_pooled(torch.stack([memory[text] for text in texts])).to(model.device)

        return encode

    def texts(self, model: Classifier, split: str, *, training: bool) -> CachedTexts:
        """Vectors of a split's texts, as the model reads them, of a frozen text encoder; equal encoders share them."""
        texts = self.texts_read(model.spec.name, split, training=training)
        digest = weights_digest(model.encoder)
        memory = self._vectors.setdefault(digest, {})
        new = sorted(set(texts) - memory.keys())
        if new:
            memory.update(zip(new, text_features(model, new, progress=self.progress).vectors, strict=True))
        return CachedTexts(torch.stack([memory[text] for text in texts]), digest)

    def _trunk(self, spec: ImageSpec) -> Trunk:
        size = self.study.crop.size
        trunk = build_trunk(spec, size, "none" if spec.name == "none" else self.weights)
        if spec.features != "plain":
            plain = self._features(trunk, self.crops("train"), True)  # its statistics need every picture
            set_affine(trunk, plain.pooled(), spec.features, size)
            self._images[weights_digest(trunk), id(self.crops("train")), True] = after_affine(plain, trunk)
        return trunk


def source_digests(study: StudyConfig) -> dict[str, str | None]:
    """Digests of the files with initial weights; a name on a hub is used as is."""
    weights: str = study.weights
    if weights not in {"none", "hub"}:
        weights = file_digest(Path(weights))
    encoder = study.text_encoder
    if encoder and Path(encoder).is_dir():
        files = sorted(
            path for path in Path(encoder).glob("*.*") if path.suffix in {".json", ".safetensors", ".txt", ".model"}
        )
        encoder = " ".join(file_digest(path) for path in files)
    return {"weights": weights, "text_encoder": encoder}
