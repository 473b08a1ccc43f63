"""Combinations of images and texts asked of a bound model: their logits, maps of chosen classes, and why a map is undefined."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.rounding import apart
from gazeshift.models.bound import Bound, predicted
from gazeshift.saliency.compute import ComputedMaps, compute_maps, row_logits
from gazeshift.saliency.probe import Rows
from gazeshift.saliency.reasons import why_undefined
from gazeshift.saliency.recast import with_outputs


@dataclass(frozen=True, eq=False)
class Asked:
    """A bound model with the combinations of its rows, and their logits.

    Attributes:
        bound: the model with its images and texts.
        grid_row: the grid of each combination.
        text: the text of each.
        logits: of each, all classes.
    """

    bound: Bound
    grid_row: Int[Tensor, " r"]
    text: Int[Tensor, " r"]
    logits: Float[Tensor, "r classes"]

    @classmethod
    def of(cls, bound: Bound, image: Int[Tensor, " r"], text: Int[Tensor, " r"]) -> "Asked":
        """The logits of combinations of images and texts (indices)."""
        device = bound.grid.device
        row, text = bound.grid_rows(image.to(device), text.to(device)), text.to(device)
        known = bound.known_logits(row, text)
        return cls(bound, row, text, row_logits(bound, row, text) if known is None else known)

    @property
    def predicted(self) -> Int[Tensor, " r"]:
        """The predicted class of each."""
        return predicted(self.logits)

    def at(self, rows: Int[Tensor, " m"]) -> "Asked":
        """The same for chosen combinations, which may be chosen several times."""
        return replace(self, grid_row=self.grid_row[rows], text=self.text[rows], logits=self.logits[rows])

    def with_outputs(self, out: Callable[[Tensor], Tensor]) -> "Asked":
        """The same with its logits turned into other outputs, along the last axis."""
        return replace(self, bound=with_outputs(self.bound, out), logits=out(self.logits))

    def answered(self, targets: Int[Tensor, " r"]) -> Float[Tensor, " r"]:
        """The logit of one class of each combination."""
        return self.logits.gather(1, targets[:, None])[:, 0]

    def maps(self, targets: Int[Tensor, " r"], method: str) -> Float[np.ndarray, "r h w"]:
        """The maps of one class of each combination."""
        return self.compute(targets, method).maps.float().cpu().numpy()

    def compute(self, targets: Int[Tensor, " r"], method: str) -> ComputedMaps:
        """Maps and scores; a map whose logit is not finite is NaN.

        Raises:
            ModelError: the explained logits differ from those computed before.
        """
        with torch.autocast(self.logits.device.type, enabled=False):  # maps are float32; the model keeps its precision
            computed = compute_maps(self.bound, Rows(self.grid_row, self.text, targets), method)
        answered = self.answered(targets)
        largest = float(self.logits.nan_to_num(0, 0, 0).abs().max())
        if apart(computed.scores, answered, largest) > self.bound.tolerance:
            raise ModelError(
                "two passes give different logits: the model keeps state from one pass to the next; switch that off."
            )
        lost = ~torch.isfinite(answered)
        return replace(computed, maps=computed.maps.masked_fill(lost[:, None, None], torch.nan))

    def reasons(
        self, raw: Float[np.ndarray, "r h w"], noise: Sequence[float], targets: Int[Tensor, " r"]
    ) -> tuple[str | None, ...]:
        """Why maps are undefined; None where they are not."""
        finite = torch.isfinite(self.bound.grid).flatten(1).all(1)[self.grid_row].tolist()
        rows = zip(raw, noise, finite, targets.tolist(), self.answered(targets).tolist(), strict=True)
        return tuple(_reason(*row) for row in rows)


def check_finite(logits: Float[Tensor, "*r classes"], where: str) -> None:
    """Refuse an answer that is none: the largest of NaN is whatever stands first. A class that a model rules out may be -inf.

    Args:
        logits: of any rows.
        where: stands before what is said.

    Raises:
        ModelError: a logit is NaN or infinitely large.

    Example:
        >>> check_finite(torch.ones(1, 3), "photo.jpg")
    """
    if bool((logits.isnan() | logits.isposinf()).any()):
        raise ModelError(
            f"{where}: the model's outputs are not finite: check the picture, the model's weights, and whether half precision overflows."
        )


def _reason(raw: Float[np.ndarray, "h w"], noise: float, finite: bool, target: int, logit: float) -> str | None:
    if not finite:
        return "the layer's output is not finite: check the input, and whether half precision overflows"
    if not math.isfinite(logit):
        return (
            f"the logit of class {target} is {logit}: check the model's weights, and whether half precision overflows"
        )
    return why_undefined(raw, noise)
