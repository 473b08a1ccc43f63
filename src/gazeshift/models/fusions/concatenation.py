"""Early fusion: image and text vectors are concatenated, then classified together.

``early-fusion`` is that of Gallo et al., "Image and Text fusion for UPMC Food-101 using BERT and CNNs" (IVCNZ 2020): the image vector
through a linear layer of 128, concatenated with the text vector, then a layer of 256 with ReLU, then the classes.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import Gates, Gaze, Gazing, PooledFusion, Structure, Widths
from gazeshift.models.fusions.layers import narrowed, narrowed_width, open_units, through_units
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.fusions.sentences import ADDITIVE
from gazeshift.models.spec import HeadSpec

_GALLO = "Gallo et al., Image and text fusion for UPMC Food-101 using BERT and CNNs, IVCNZ 2020"


class Concatenation(PooledFusion):
    """Image and text vectors are concatenated, then classified together by ``joint``, after the image's own layers ``image``."""

    amplification = 1.0

    def __init__(self, image: nn.Sequential, joint: nn.Sequential) -> None:
        super().__init__()
        self.image = image
        self.joint = joint
        match list(joint):
            case [nn.Linear() as first, nn.ReLU(), nn.Linear() as last]:
                self.gates = Gates(self.joined, first, last)
        if len(joint) > 1:
            self.gazing = Gazing(self.look, self.fuse_with)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """The image's half of the concatenated vector."""
        return self.image(vector)

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the concatenated vector."""
        return self.joint(torch.cat([seen, text.pooled], dim=1))

    def look(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Gaze:
        """Which hidden units are open."""
        return open_units(self.joint, torch.cat([seen, text.pooled], dim=1))

    def fuse_with(self, seen: Float[Tensor, "b m"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """``W2 (g * (W1 [v, u] + b1)) + b2`` with the gates ``g`` given."""
        return through_units(self.joint, torch.cat([seen, text.pooled], dim=1), gaze)

    def joined(self, vector: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b d"]:
        """The concatenated vector."""
        return torch.cat([self.see(vector), text.pooled], dim=1)


def _hidden(widths: Widths, spec: HeadSpec, count: int) -> nn.Sequential:
    """As many hidden ReLU layers over image and text, and the logits."""
    sizes = [narrowed_width(widths, spec) + widths.text, *[spec.hidden] * count]
    layers = [layer for size in pairwise(sizes) for layer in (nn.Linear(*size), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(spec.hidden, widths.classes))


@fusion("early-linear", Structure(True, True, True, ADDITIVE, reference=f"the linear case of {_GALLO}"))
def linear_concatenation(widths: Widths, spec: HeadSpec) -> Concatenation:
    """One linear layer over both."""
    joint = nn.Sequential(nn.Linear(widths.vector + widths.text, widths.classes))
    return Concatenation(nn.Sequential(nn.Dropout(spec.dropout)), joint)


_RELU = (
    "A ReLU layer sees image and text together: the text can re-weight the image's channels through the layer's gates, "
    "and it can switch the predicted class."
)


@fusion("early-fusion", Structure(True, True, False, _RELU, reference=_GALLO, mediator="gates of the hidden layer"))
def early_fusion(widths: Widths, spec: HeadSpec) -> Concatenation:
    """A hidden ReLU layer over both."""
    return Concatenation(narrowed(widths, spec), _hidden(widths, spec, 1))


_DEEP = "Two ReLU layers see image and text together: the text can re-weight the image's channels through their gates."


@fusion(
    "early-deep",
    Structure(
        True,
        True,
        False,
        _DEEP,
        reference="Ngiam et al., Multimodal deep learning, ICML 2011",
        mediator="gates of the hidden layer",
    ),
)
def early_deep(widths: Widths, spec: HeadSpec) -> Concatenation:
    """Two hidden ReLU layers over both."""
    return Concatenation(narrowed(widths, spec), _hidden(widths, spec, 2))
