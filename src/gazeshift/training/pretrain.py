"""Pretraining of a trunk on labelled crops of single objects, as a substitute for ImageNet."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from torch import Tensor

from gazeshift.errors import DataError
from gazeshift.models import HeadSpec, ImageSpec, ModelSpec, TextSpec, build_classifier, build_text
from gazeshift.models.trunk import Trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.training.fitting import fit
from gazeshift.training.history import EpochRecord, Fitted
from gazeshift.training.keyed import order
from gazeshift.training.recipe import RECIPES, Recipe
from gazeshift.training.split import Split

PRETRAINING: Recipe = RECIPES["plates"].model_copy(update={"augmentation": "flip", "epochs": 3})
_HELD_OUT = 0.1


def fit_trunk(
    trunk: Trunk,
    images: UInt8[np.ndarray, "n 3 H W"],
    labels: Int[Tensor, " n"],
    classes: Sequence[str],
    preprocessing: Preprocessing,
    work: Path,
    *,
    seed: int = 0,
    recipe: Recipe = PRETRAINING,
    resume: bool = False,
    workers: int = 0,
    progress: bool = True,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> Fitted:
    """Train a trunk in place, with a linear image-only head that is discarded; a tenth of the crops is held out for validation.

    Args:
        trunk: as built by ``build_trunk``; its affine still the identity.
        images: crops of single objects.
        labels: class indices.
        classes: names.
        preprocessing: that of the study, which the trunk will see again.
        work: folder of this training.
        seed: of the head's initial weights, the held-out crops and the training.
        recipe: a training recipe; the trunk is always fine-tuned.
        resume: as in ``fit``.
        workers: as in ``fit``.
        progress: as in ``fit``.
        on_epoch: as in ``fit``.

    Raises:
        DataError: fewer than two crops, or crops and labels that do not fit.
        TrainingError: as ``fit``.
    """
    if len(images) < 2:
        raise DataError("pretraining needs at least two crops, one of them to validate on.")
    whole = Split([f"{row:08d}" for row in range(len(images))], [""] * len(images), labels, images)
    rows = order(len(images), seed, epoch=-1).numpy()
    held_out = max(1, round(len(rows) * _HELD_OUT))
    spec = ModelSpec(
        name="pretraining",
        image=ImageSpec(name="small_cnn"),  # only the head is built from this spec; the trunk is the given one
        text=TextSpec(encoder="none"),
        head=HeadSpec(head="image-only"),
        classes=tuple(classes),
        preprocessing=preprocessing,
    )
    model = build_classifier(spec, trunk, build_text(spec.text, []), seed)
    return fit(
        model,
        whole.subset(np.sort(rows[held_out:])),
        whole.subset(np.sort(rows[:held_out])),
        recipe.model_copy(update={"trunk": "fine-tuned"}),
        seed,
        work,
        resume=resume,
        workers=workers,
        progress=progress,
        on_epoch=on_epoch,
    )
