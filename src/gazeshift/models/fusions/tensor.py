"""Tensor fusion: the whole outer product."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import Gaze, Gazing, PooledFusion, Structure, Widths
from gazeshift.models.fusions.layers import open_units, through_units
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.fusions.sentences import PRODUCT
from gazeshift.models.spec import HeadSpec

_SIDE = 32  # of each modality; its square is the width of the product


@fusion(
    "tensor-fusion",
    Structure(
        True,
        True,
        False,
        PRODUCT,
        reference="Zadeh et al., Tensor fusion network, EMNLP 2017",
        mediator="gates of the hidden layer",
    ),
)
class TensorFusion(PooledFusion):
    """The outer product of ``[v, 1]`` and ``[t, 1]``, both narrowed first, through a hidden ReLU layer."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Dropout(spec.dropout), nn.Linear(widths.vector, _SIDE))
        self.text = nn.Linear(widths.text, _SIDE)
        self.joint = nn.Sequential(
            nn.Linear((_SIDE + 1) ** 2, spec.hidden), nn.ReLU(), nn.Linear(spec.hidden, widths.classes)
        )
        self.gazing = Gazing(self.look, self.fuse_with)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """The narrowed image."""
        return self.image(vector)

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the outer product."""
        return self.joint(self._product(seen, text))

    def look(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Gaze:
        """Which hidden units are open."""
        return open_units(self.joint, self._product(seen, text))

    def fuse_with(self, seen: Float[Tensor, "b m"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """Logits of the outer product with these units open."""
        return through_units(self.joint, self._product(seen, text), gaze)

    def _product(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b d"]:
        one, other = (functional.pad(each, (0, 1), value=1.0) for each in (seen, self.text(text.pooled)))
        return torch.einsum("bi,bj->bij", one, other).flatten(1)
