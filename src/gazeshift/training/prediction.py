"""Logits of a split, and their accuracy."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.models import Classifier, evaluating
from gazeshift.models.absent import leaving_out
from gazeshift.training.device import on_device
from gazeshift.training.features import CachedImages, CachedTexts
from gazeshift.training.inputs import Inputs
from gazeshift.training.progress import tracked
from gazeshift.training.split import Split


def predict(
    model: Classifier,
    split: Split,
    *,
    images: CachedImages | None = None,
    texts: CachedTexts | None = None,
    without: str | None = None,
    batch_size: int = 256,
    device: torch.device | str | None = None,
    progress: bool = False,
) -> Float[Tensor, "n classes"]:
    """Logits in evaluation mode and float32, on the CPU; the model's modes and device are restored.

    Args:
        model: any classifier.
        split: the pairs.
        images: features of the same pairs, if the model's own trunk made them.
        texts: vectors of the same texts, if the model's own text encoder made them.
        without: ``image`` or ``text``: what every pair lacks (``gazeshift.models.absent``); None: nothing.
        batch_size: pairs per step.
        device: None for the accelerator, if there is one.
        progress: show a progress line.

    Raises:
        DataError: pairs that do not fit the model.
        TrainingError: features that are not this model's.
        UsageError: a modality that the model does not know anyway.
    """
    inputs = Inputs.of(split, images, texts)
    inputs.check(model)
    rows = [np.arange(start, min(start + batch_size, len(split))) for start in range(0, len(split), batch_size)]
    with evaluating(model), torch.inference_mode(), on_device(model, device):
        leave_out = leaving_out(model, without)
        logits = [
            model.classify(*leave_out(*inputs.encoded(model, inputs.batch(chosen)))).cpu()
            for chosen in tracked(rows, "Predict", len(rows), progress)
        ]
    return torch.cat(logits).clone()


def accuracy(logits: Float[Tensor, "n classes"], labels: Int[Tensor, " n"]) -> float:
    """Share of pairs whose highest logit is at their label, in [0, 1].

    Example:
        >>> accuracy(torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0]))
        0.5
    """
    return int((logits.argmax(1) == labels).sum()) / len(labels)
