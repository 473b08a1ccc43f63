"""Train a classifier: the function that trains all models of a study."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from gazeshift.errors import TrainingError
from gazeshift.models import Classifier
from gazeshift.training.augment import AUGMENTATIONS
from gazeshift.training.checkpoint import identity_of, read_checkpoint
from gazeshift.training.device import best_device
from gazeshift.training.features import (
    FEATURE_BYTES,
    CachedImages,
    CachedTexts,
    features_bytes,
    image_features,
    text_features,
)
from gazeshift.training.history import EpochRecord, Fitted
from gazeshift.training.inputs import Inputs, StemImages
from gazeshift.training.parts import frozen_parts, is_fixed, own_randomness, stem_of, trained_state, training_mode
from gazeshift.training.ranks import check_alike, joined, ranks
from gazeshift.training.recipe import Recipe
from gazeshift.training.split import Split

CHECKPOINT = "last.ckpt"


def fit(
    model: Classifier,
    train: Split,
    validation: Split,
    recipe: Recipe,
    seed: int,
    work: Path,
    *,
    resume: bool = False,
    images: tuple[CachedImages, CachedImages] | None = None,
    texts: tuple[CachedTexts, CachedTexts] | None = None,
    workers: int = 0,
    progress: bool = True,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    feature_bytes: float = FEATURE_BYTES,
) -> Fitted:
    """Train a classifier in place, on the accelerator if there is one.

    The order of the pairs is a function of (seed, epoch), the random state of (seed, step), the augmentation of a pair of (seed, epoch, its
    key). So a training that was killed and resumed ends, on a CPU, with bit-identical weights, for any number of workers. What stays frozen
    is in evaluation mode and its features are computed once, unless augmentation changes its input. Processes started together (by
    ``torchrun``) train one model, each on its share of every batch; the first writes the files and calls ``on_epoch`` (docs/training.md).

    Args:
        model: freshly built; trained parts change, frozen ones do not; modes and ``requires_grad`` are afterwards as before.
        train: pairs to learn from.
        validation: pairs for model selection; never the test pairs.
        recipe: how.
        seed: of order, dropout and augmentation (the initial weights' seed is ``build_classifier``'s).
        work: folder of this training: ``last.ckpt``, ``metrics.csv``, ``tensorboard/``, ``features/``.
        resume: continue from the last finished epoch of ``work``, if there is one, given the initial model.
        images: features of (train, validation) where they are known already, of the trunk or (``frozen_until``) of its first layers;
            used only where the recipe allows.
        texts: the same of the texts.
        workers: processes that make batches; 0 is best while everything is in memory and images are not augmented.
        progress: show progress lines.
        on_epoch: called for every finished epoch, after its checkpoint was written.
        feature_bytes: features of frozen layers that would take more for a split are not kept, but computed at every step.

    Returns:
        The training's history; the model holds the kept weights.

    Raises:
        DataError: pairs that do not fit the model.
        TrainingError: a loss that is not finite (the model then holds the weights of the last finished epoch), a checkpoint of another
            training, features of another trunk, float16 without a GPU, or the end of another process that trains this model.
        KeyboardInterrupt: Ctrl-C; finished epochs can be resumed.
    """
    work.mkdir(parents=True, exist_ok=True)
    plan = _Plan.of(model, recipe, feature_bytes)
    cached_images, cached_texts = images or (None, None), texts or (None, None)
    with joined() as here:
        inputs = [
            plan.inputs(split, work / "features", image, text, progress and here.first)
            for split, image, text in zip((train, validation), cached_images, cached_texts, strict=True)
        ]
        identity = identity_of(model, train, validation, recipe, seed)
        start = _Start.of(model, plan.frozen, work / CHECKPOINT, identity, resume)
        history, kept = _train(plan, inputs, identity, seed, work, start, workers, progress, on_epoch)
    model.load_state_dict(kept, strict=False)
    return Fitted.of(history, recipe.keep)


@dataclass(frozen=True)
class _Plan:
    """A model, its recipe, and its frozen parts."""

    model: Classifier
    recipe: Recipe
    frozen: list[nn.Module]
    feature_bytes: float

    @classmethod
    def of(cls, model: Classifier, recipe: Recipe, feature_bytes: float) -> "_Plan":
        if recipe.precision == "float16" and best_device().type == "cpu":
            raise TrainingError("precision: float16 needs a GPU; use bfloat16 or float32 on this machine.")
        return cls(model, recipe, frozen_parts(model, recipe), feature_bytes)

    def inputs(
        self, split: Split, folder: Path, images: CachedImages | None, texts: CachedTexts | None, progress: bool
    ) -> Inputs:
        """Features where they can be cached, computed if not given; otherwise pixels and texts."""
        model, augmentation = self.model, AUGMENTATIONS[self.recipe.augmentation]
        Inputs.of(split).check(model)
        keeps_texts = is_fixed(model.encoder, self.frozen) and not augmentation.changes_texts
        if keeps_texts and texts is None:
            texts = text_features(model, split.texts, progress=progress)
        seen = None if augmentation.changes_images else self.kept_images(split, folder, images, progress)
        inputs = Inputs.of(split, seen, texts if keeps_texts else None)
        inputs.check(model)
        return inputs

    def kept_images(
        self, split: Split, folder: Path, images: CachedImages | None, progress: bool
    ) -> CachedImages | StemImages | None:
        """What the frozen trunk, or its frozen first layers, say about the images; None if nothing is frozen."""
        model, stem = self.model, stem_of(self.model.trunk, self.recipe)
        part = model.trunk if is_fixed(model.trunk, self.frozen) else stem
        if part is None:
            return None
        pooled = part is not stem and model.pools_first
        if images is None:
            preprocessing = model.spec.preprocessing
            if features_bytes(part, len(split), preprocessing, pools_first=pooled) > self.feature_bytes:
                return None
            images = image_features(
                part,
                split.images,
                preprocessing,
                pools_first=pooled,
                folder=None if pooled else folder,
                progress=progress,
            )
        return images if stem is None else StemImages(images, stem)


@dataclass(frozen=True)
class _Start:
    """Where a training starts: a checkpoint with some finished epochs, or the given model."""

    checkpoint: Path
    epoch: int
    weights: dict[str, Tensor]

    @classmethod
    def of(
        cls, model: Classifier, frozen: list[nn.Module], checkpoint: Path, identity: dict[str, str], resume: bool
    ) -> "_Start":
        epochs = read_checkpoint(checkpoint, identity).epochs if resume and checkpoint.is_file() else 0
        check_alike({**identity, "number of finished epochs in its folder": epochs})
        if not epochs and ranks().local_rank == 0:
            checkpoint.unlink(missing_ok=True)
        return cls(checkpoint, epochs, trained_state(model, frozen))


def _train(
    plan: _Plan,
    inputs: list[Inputs],
    identity: dict[str, str],
    seed: int,
    work: Path,
    start: _Start,
    workers: int,
    progress: bool,
    on_epoch: Callable[[EpochRecord], None] | None,
) -> tuple[list[EpochRecord], dict[str, Tensor]]:
    # Lightning takes seconds to import; code that only reads recipes or predicts does not pay for it.
    from gazeshift.training.engine import run  # noqa: PLC0415
    from gazeshift.training.module import PairModule  # noqa: PLC0415

    model = plan.model
    with own_randomness(), training_mode(model, plan.frozen):
        module = PairModule(model, inputs[0], inputs[1], plan.recipe, seed, plan.frozen, identity)
        try:
            run(
                module,
                work,
                start.checkpoint,
                first_epoch=start.epoch,
                workers=workers,
                progress=progress,
                on_epoch=on_epoch,
            )
        except TrainingError:
            model.load_state_dict(_last_weights(start, identity), strict=False)
            raise
    return module.history, module.kept


def _last_weights(start: _Start, identity: dict[str, str]) -> dict[str, Tensor]:
    """The weights of the last finished epoch, else the initial ones."""
    if not start.checkpoint.is_file():
        return start.weights
    return read_checkpoint(start.checkpoint, identity).weights
