"""A model asked about one picture with any number of texts, a bounded number at a time."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from gazeshift.evaluation.smallest.goals import Looks
from gazeshift.measures import distribution
from gazeshift.models.bound import Bound, predicted
from gazeshift.models.face import Model
from gazeshift.saliency.asked import Asked, check_finite
from gazeshift.saliency.cams import DEFAULT, method_for
from gazeshift.saliency.combination import Combination, choose_target, outputs_for

_AT_ONCE = 256
_BYTES = 256 * 2**20
"""Of grids: where the text enters before the tap there is one for each text."""


class Asking:
    """One picture and a model.

    Attributes:
        model: the model.
        picture: the picture.
        outputs: names of what a map can explain: the classes, then the combination that the target is.
        text: the whole text.
        raw: raw map of the whole text.
        reason: why that is undefined; None if it is not.
        predicted: index of the class predicted with it.
        whole: what the model does with it.
        remarks: on how the model is explained; usually none.
    """

    def __init__(
        self, model: Model, picture: Image.Image, text: str, target: str | Combination, method: str = DEFAULT
    ) -> None:
        """Ask about the whole text, which decides the reference class.

        Raises:
            UsageError: an unknown target or method.
            ModelError: the answer to the whole text is not finite.
        """
        self.model, self.picture, self.text, self.target, self.method = model, picture, text, target, method
        self.out, self.outputs = outputs_for(target, model.classes)
        bound = model.bind([picture], [text])
        self.at_once = max(1, min(_AT_ONCE, _BYTES // (bound.grid[0].numel() * bound.grid.element_size())))
        self.method = method_for(bound, method)
        with torch.autocast(bound.grid.device.type, enabled=False):
            asked = self._asked(bound, 1)
            check_finite(asked.logits[:, : len(model.classes)], "the whole text")
            self.predicted = int(predicted(asked.logits[:, : len(model.classes)])[0])
            self.fixed = None
            if target != "predicted":
                self.fixed = choose_target(model.classes, target, None, self.predicted)
            targets = self._targets(asked)
            computed = asked.compute(targets, self.method)
            self.raw = computed.maps[0].float().cpu().numpy()
            self.reason = asked.reasons(self.raw[None], computed.noise.tolist(), targets)[0]
        logits = asked.logits[:, : len(model.classes)].double().cpu().numpy()
        self.whole = Looks(logits, targets.cpu().numpy(), distribution(self.raw[None]))
        self.remarks = bound.notes

    def __call__(self, texts: Sequence[str], *, maps: bool = True) -> Looks:
        """What the model does with some texts; without maps, only its logits. Of the whole text that is known."""
        if list(texts) == [self.text]:
            return self.whole
        parts = [self._some(texts[start : start + self.at_once], maps) for start in range(0, len(texts), self.at_once)]
        logits, target, raw = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Looks(logits, target, distribution(raw) if maps else raw)

    def maps(self, texts: Sequence[str]) -> tuple[Looks, np.ndarray]:
        """The same, and the raw maps."""
        logits, target, raw = self._some(texts, maps=True)
        return Looks(logits, target, distribution(raw)), raw

    def _some(self, texts: Sequence[str], maps: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        bound = self.model.bind([self.picture], list(texts))
        with torch.autocast(bound.grid.device.type, enabled=False):
            asked = self._asked(bound, len(texts))
            targets = self._targets(asked)
            raw = asked.maps(targets, self.method) if maps else np.zeros((len(texts), 0, 0), np.float32)
        logits = asked.logits[:, : len(self.model.classes)].double().cpu().numpy()
        return logits, targets.cpu().numpy(), raw

    def _asked(self, bound: Bound, texts: int) -> Asked:
        return Asked.of(bound, torch.zeros(texts, dtype=torch.long), torch.arange(texts)).with_outputs(self.out)

    def _targets(self, asked: Asked) -> torch.Tensor:
        """The output that each map explains: one for all, unless each text's own prediction was asked for."""
        answered = asked.logits[:, : len(self.model.classes)]
        own = predicted(answered)
        return own if self.fixed is None else torch.full_like(own, self.fixed)
