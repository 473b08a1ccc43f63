"""How the image trunk runs over many batches: precision and compilation, and their effect on maps."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models import Classifier, ImageFeatures
from gazeshift.models.folded import Ready, ready

TOLERANCE = {"float32": (1e-5, 1e-4), "bfloat16": (0.05, 0.1)}
"""How far maps lie from those of the same classes in double precision, as a share of each map's own largest absolute value, by precision:
the limit for the median map, and for any map with the same hidden units of the head active. The first line also holds for a compiled
trunk."""


@dataclass(frozen=True)
class Speed:
    """Settings that trade precision and start-up time for speed.

    Attributes:
        batch: images at once.
        workers: number of decoding threads; one per CPU if None.
        precision: precision of the trunk; text encoder, head and map stay in the model's own. ``bfloat16`` is for accelerators (on a CPU
            without its instructions it gains nothing). The median map of a given class lies within 5 per cent of its largest absolute
            value of the exact one, and any map within 10 per cent; but where rounding switches a hidden unit of the head on or off, that
            map is different, by any amount; and where two classes are almost equally likely, the other may be predicted. Compare models
            and texts in one precision.
        compiled: run the trunk through ``torch.compile`` with its weights frozen in: half a minute to a minute at the start, faster from
            then on. A map of a given class lies within 1e-4 of its largest absolute value of the eager one, the median within 1e-5.
            Needs a C++ compiler on a CPU.
    """

    batch: int = 8
    workers: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    compiled: bool = False


def trunk_on(model: Classifier, speed: Speed) -> Callable[[Float[Tensor, "b 3 H W"]], ImageFeatures]:
    """The trunk with its speed settings: normalised images to features in the head's precision, without gradient.

    It keeps the weights that the model has now: build a new one after a change. A compiled one is compiled once for each size of batch.

    Raises:
        UsageError: at a call, if compilation fails for this machine or model; says why.
    """
    size = model.spec.preprocessing.size
    copy = ready(model.trunk, torch.zeros(1, 3, size, size, device=model.device))
    run = partial(_compiled, model, copy) if speed.compiled else copy.trunk.encode

    def encode(images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        with torch.no_grad(), _cast(model, speed):
            features = run(images)
        return features.to(model.precision)

    return encode


def trunk_runner(model: Classifier, speed: Speed) -> Callable[[UInt8[np.ndarray, "b 3 H W"]], ImageFeatures]:
    """As ``trunk_on``, for crops of at most one batch; a compiled trunk always gets whole batches (the last one is filled up)."""
    run, preprocessing = trunk_on(model, speed), model.spec.preprocessing

    def encode(crops: UInt8[np.ndarray, "b 3 H W"]) -> ImageFeatures:
        missing = speed.batch - len(crops) if speed.compiled else 0
        images = torch.from_numpy(np.concatenate([crops, crops[:1].repeat(missing, 0)]) if missing else crops)
        features = run(preprocessing.normalise(images.to(model.device, non_blocking=True)))
        return features.rows(torch.arange(len(crops), device=model.device)) if missing else features

    return encode


def _compiled(model: Classifier, copy: Ready, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
    try:
        return copy.compiled(images)
    except torch._dynamo.exc.TorchDynamoException as error:  # the only base of what the compiler raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(
            f"the trunk of {model.spec.name!r} cannot be compiled here ({reason}); leave out compilation."
        ) from error


def _cast(model: Classifier, speed: Speed) -> AbstractContextManager[object]:
    return nullcontext() if speed.precision == "float32" else torch.autocast(model.device.type, torch.bfloat16)
