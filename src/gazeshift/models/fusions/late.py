"""Late fusion: an image tower and a text tower each give logits, which are then combined."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import Gaze, Gazing, Mediator, PooledFusion, Structure, Widths
from gazeshift.models.fusions.layers import linear, mlp, open_units, through_units
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.fusions.sentences import ADDITIVE
from gazeshift.models.spec import HeadSpec

_META = (
    "A ReLU layer judges both towers' opinions together: the text can re-weight the image's evidence through its gates."
)
Logits = Float[Tensor, "b classes"]
_KITTLER = "Kittler et al., On combining classifiers, PAMI 1998"
_WEIGHED = (
    "Each modality's opinion is weighed against the other's, example by example: the text can strengthen or weaken all of the image's "
    "evidence, and it can switch the predicted class."
)


class CombiningRule(nn.Module, ABC):
    """From the logits of two towers to one.

    Attributes:
        amplification: of the fusion (``Fusion``).
        gazing: how the text has the image's opinion counted, apart from its own; None for a rule without such a thing.
    """

    amplification: float = 4.0
    gazing: Gazing[Logits] | None = None

    @abstractmethod
    def forward(self, image: Logits, text: Logits) -> Logits:
        """Logits."""


class Late(PooledFusion):
    """A linear layer on the image, a hidden ReLU layer on the text, and how their logits are combined."""

    def __init__(self, widths: Widths, spec: HeadSpec, rule: CombiningRule) -> None:
        super().__init__()
        self.image = linear(widths.vector, widths.classes, spec.dropout)
        self.text = mlp(widths.text, widths.classes, spec)
        self.rule, self.amplification = rule, rule.amplification
        if rule.gazing is not None:
            opinions = _Opinions(self.text, rule.gazing)
            self.gazing = Gazing(opinions.gaze, opinions.answer)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b classes"]:
        """The image tower's logits."""
        return self.image(vector)

    def fuse(self, seen: Float[Tensor, "b classes"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Both towers' logits combined."""
        return self.rule(seen, self.text(text.pooled))


@dataclass(frozen=True, eq=False)
class _Opinions:
    """A rule's gaze, of a text that is still to be read.

    Attributes:
        read: the text's tower.
        rule: from both towers' logits.
    """

    read: Callable[[Float[Tensor, "b d"]], Logits]
    rule: Gazing[Logits]

    def gaze(self, seen: Logits, text: TextFeatures) -> Gaze:
        return self.rule.gaze(seen, self.read(text.pooled))

    def answer(self, seen: Logits, text: TextFeatures, gaze: Gaze) -> Logits:
        return self.rule.answer(seen, self.read(text.pooled), gaze)


class Mean(CombiningRule):
    """The mean of the logits."""

    amplification = 1.0

    def forward(self, image: Logits, text: Logits) -> Logits:
        """Logits."""
        return (image + text) / 2


class Weighted(CombiningRule):
    """The sum of the logits, with weights for each tower and class that are learnt."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.full((2, classes), 0.5))

    def forward(self, image: Logits, text: Logits) -> Logits:
        """Logits."""
        return self.weights[0] * image + self.weights[1] * text


class Product(CombiningRule):
    """The logarithm of the product of the probabilities."""

    def forward(self, image: Logits, text: Logits) -> Logits:
        """Logits."""
        return image.log_softmax(1) + text.log_softmax(1)


class MeanProbability(CombiningRule):
    """The logarithm of the mean of the probabilities: whoever is surer counts for more."""

    def forward(self, image: Logits, text: Logits) -> Logits:
        """Logits."""
        return torch.logaddexp(image.log_softmax(1), text.log_softmax(1)) - math.log(2)


class ByConfidence(CombiningRule):
    """The mean of the logits, weighted by each tower's largest probability."""

    def __init__(self) -> None:
        super().__init__()
        self.gazing = Gazing(self.look, self.combine_with)

    def forward(self, image: Logits, text: Logits) -> Logits:
        """Logits."""
        return self.combine_with(image, text, self.look(image, text))

    def look(self, image: Logits, text: Logits) -> Gaze:
        """The text's confidence, which decides how much the image counts."""
        return (_confidence(text),)

    def combine_with(self, image: Logits, text: Logits, gaze: Gaze) -> Logits:
        """The weighted mean with this confidence in the text."""
        one, (other,) = _confidence(image), gaze
        return (one * image + other * text) / (one + other)


def _confidence(logits: Logits) -> Float[Tensor, "b 1"]:
    return logits.softmax(1).amax(1, keepdim=True)


class Judge(CombiningRule):
    """A hidden ReLU layer over both towers' log-probabilities."""

    amplification = 16.0

    def __init__(self, classes: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * classes, hidden), nn.ReLU(), nn.Linear(hidden, classes))
        self.gazing = Gazing(self.look, self.combine_with)

    def forward(self, image: Logits, text: Logits) -> Logits:
        """Logits."""
        return self.layers(torch.cat([image.log_softmax(1), text.log_softmax(1)], dim=1))

    def look(self, image: Logits, text: Logits) -> Gaze:
        """Which hidden units are open."""
        return open_units(self.layers, torch.cat([image.log_softmax(1), text.log_softmax(1)], dim=1))

    def combine_with(self, image: Logits, text: Logits, gaze: Gaze) -> Logits:
        """Logits with these units open."""
        return through_units(self.layers, torch.cat([image.log_softmax(1), text.log_softmax(1)], dim=1), gaze)


def _entry(additive: bool, sentence: str, reference: str, mediator: Mediator | None = None) -> Structure:
    return Structure(True, True, additive, sentence, reference=reference, mediator=mediator)


@fusion("late-fusion", _entry(True, ADDITIVE, f"the average rule of {_KITTLER}, on logits"))
def averaged_logits(widths: Widths, spec: HeadSpec) -> Late:
    """The mean of both towers' logits."""
    return Late(widths, spec, Mean())


@fusion("late-weighted", _entry(True, ADDITIVE, f"the weighted average rule of {_KITTLER}; weights learnt"))
def weighted_logits(widths: Widths, spec: HeadSpec) -> Late:
    """Weights that are learnt, the same for all examples."""
    return Late(widths, spec, Weighted(widths.classes))


@fusion("product-of-experts", _entry(True, ADDITIVE, "Hinton, Training products of experts, 2002"))
def product_of_experts(widths: Widths, spec: HeadSpec) -> Late:
    """The product of both towers' probabilities."""
    return Late(widths, spec, Product())


@fusion("late-probabilities", _entry(False, _WEIGHED, f"the sum rule of {_KITTLER}"))
def averaged_probabilities(widths: Widths, spec: HeadSpec) -> Late:
    """The mean of both towers' probabilities."""
    return Late(widths, spec, MeanProbability())


_QMF = "after Zhang et al., Provable dynamic fusion for low-quality multimodal data, ICML 2023; here the weights add up to 1"


@fusion("confidence-weighted", _entry(False, _WEIGHED, _QMF, "weight of the image"))
def confidence_weighted(widths: Widths, spec: HeadSpec) -> Late:
    """Weights that each example's confidence decides."""
    return Late(widths, spec, ByConfidence())


_WOLPERT = "Wolpert, Stacked generalization, 1992; here all parts are trained together"


@fusion("stacking", _entry(False, _META, _WOLPERT, "gates of the hidden layer"))
def stacking(widths: Widths, spec: HeadSpec) -> Late:
    """A judge over both towers' opinions."""
    return Late(widths, spec, Judge(widths.classes, spec.hidden))
