"""Dual encoder: image and text in one space, each compared with the classes there."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import PooledFusion, Space, Structure, Widths
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.fusions.sentences import ADDITIVE
from gazeshift.models.spec import HeadSpec

_REFERENCE = "Radford et al., Learning transferable visual models from natural language supervision (CLIP), ICML 2021"


@fusion("dual-encoder", Structure(True, True, True, ADDITIVE, reference=_REFERENCE))
class DualEncoder(PooledFusion):
    """Cosines of image and text with a learnt direction for each class, added, times a learnt temperature.

    The cosine of image and text themselves, which CLIP's contrastive loss is about, is in ``space``; a recipe's ``contrastive`` trains it.
    """

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Dropout(spec.dropout), nn.Linear(widths.vector, spec.hidden))
        self.text = nn.Linear(widths.text, spec.hidden)
        self.classes = nn.Parameter(torch.randn(widths.classes, spec.hidden))
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())
        self.space = Space(self.see, self.read, self.scale)

    def scale(self) -> Float[Tensor, ""]:
        """What cosines are multiplied with: one over the temperature."""
        return self.log_scale.exp()

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """The image's direction."""
        return functional.normalize(self.image(vector))

    def read(self, text: TextFeatures) -> Float[Tensor, "b m"]:
        """The text's direction."""
        return functional.normalize(self.text(text.pooled))

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Both cosines with each class."""
        names = functional.normalize(self.classes)
        return self.scale() * (seen @ names.T + self.read(text) @ names.T)
