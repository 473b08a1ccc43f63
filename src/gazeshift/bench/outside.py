"""What the checks of a third-party model cost before it is explained."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.bench.results import BatchTimes
from gazeshift.bench.subject import Subject
from gazeshift.bench.timing import interleave
from gazeshift.models import ImageFeatures, encode_texts
from gazeshift.models.adapters import wrap
from gazeshift.saliency import explain_inputs


class Outside(nn.Module):
    """The subject as a module with its own signature, whose grid is a layer's output; the text comes as a row number.

    Args:
        subject: the source of its weights and texts.
    """

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.net, self.tap = subject.plain.model, nn.Identity()
        self.text = encode_texts(subject.model, subject.texts)

    def forward(self, images: Float[Tensor, "b 3 H W"], rows: Int[Tensor, " b"]) -> Float[Tensor, "b classes"]:
        """Logits of each image with the text of its row."""
        features = self.net.encode_image(images)
        return self.net.classify(ImageFeatures(self.tap(features.grid), features.prefix), self.text.rows(rows))


def explained(subject: Subject, *, check: bool) -> Callable[[], object]:
    """A map of the predicted class for each image with its own text, as for any third-party model."""
    model = wrap(Outside(subject), "tap", image="images", text="rows", check=check)
    rows = torch.arange(len(subject.images), device=subject.images.device)
    return lambda: explain_inputs(model, subject.images, rows, aligned=True, method="grad-cam").raw


def many_texts(subject: Subject) -> Callable[[], object]:
    """All texts on one image, as for any third-party model, with all checks and a map of the predicted class for each."""
    model = wrap(Outside(subject), "tap", image="images", text="rows")
    rows = torch.arange(len(subject.texts), device=subject.images.device)
    return lambda: explain_inputs(model, subject.images[:1], rows).raw


def measure_checks(subject: Subject, rounds: int, device: str) -> BatchTimes:
    """Time maps of the subject as a third-party model, with and without the checks.

    Returns:
        ``seconds`` of both, and ``ratios`` with ``outside_checks_vs_none``: time with the checks divided by time without.
    """
    seconds = interleave(
        {"without checks": explained(subject, check=False), "with checks": explained(subject, check=True)},
        rounds,
        device,
    )
    ratio = seconds["with checks"] / seconds["without checks"]
    return BatchTimes(len(subject.images), seconds, {"outside_checks_vs_none": ratio})
