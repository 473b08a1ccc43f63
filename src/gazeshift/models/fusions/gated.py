"""Gates that depend on both modalities."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import Gaze, Gazing, PooledFusion, Structure, Widths
from gazeshift.models.fusions.layers import linear
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.spec import HeadSpec

_GMU = "A gate chooses, unit by unit, between image and text, from both: the text can re-weight the image's channels."
_MMTM = "The text opens and closes the image's channels before they are classified, and the image the text's."


@fusion(
    "gated-unit",
    Structure(
        True,
        True,
        False,
        _GMU,
        reference="Arevalo et al., Gated multimodal units, ICLR workshop 2017",
        mediator="gates of the channels",
    ),
)
class GatedUnit(PooledFusion):
    """Gated multimodal unit: ``z tanh(W_v v) + (1 - z) tanh(W_t t)`` with the gate ``z = sigmoid(W_z [v, t])``."""

    amplification = 8.0

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.drop = nn.Dropout(spec.dropout)
        self.image = nn.Linear(widths.vector, 2 * spec.hidden)  # its half of tanh, and its half of the gate
        self.text = nn.Linear(widths.text, 2 * spec.hidden, bias=False)
        self.classes = nn.Linear(spec.hidden, widths.classes)
        self.gazing = Gazing(self.look, self.fuse_with)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """What the image says to the unit and to the gate."""
        return self.image(self.drop(vector))

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the unit."""
        return self._mixed(*self._parts(seen, text))

    def look(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Gaze:
        """``z``, the image's share in each unit."""
        return self._parts(seen, text)[2:]

    def fuse_with(self, seen: Float[Tensor, "b m"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """Logits of the unit with these shares."""
        image, words, _ = self._parts(seen, text)
        return self._mixed(image, words, *gaze)

    def _parts(
        self, seen: Float[Tensor, "b m"], text: TextFeatures
    ) -> tuple[Float[Tensor, "b h"], Float[Tensor, "b h"], Float[Tensor, "b h"]]:
        """What the image says, what the text says, and the gate."""
        (image, image_gate), (words, words_gate) = (each.chunk(2, dim=1) for each in (seen, self.text(text.pooled)))
        return image, words, (image_gate + words_gate).sigmoid()

    def _mixed(
        self, image: Float[Tensor, "b h"], words: Float[Tensor, "b h"], gate: Float[Tensor, "b h"]
    ) -> Float[Tensor, "b classes"]:
        return self.classes(gate * image.tanh() + (1 - gate) * words.tanh())


@fusion(
    "squeeze-excitation",
    Structure(
        True,
        True,
        False,
        _MMTM,
        reference="Joze et al., MMTM: multimodal transfer module for CNN fusion, CVPR 2020",
        mediator="gates of the channels",
    ),
)
class SqueezeExcitation(PooledFusion):
    """Multimodal transfer: both vectors are squeezed into one, which opens and closes the channels of each.

    In the paper gates stand before the pooling; a gate for a whole channel commutes with an average.
    """

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        both = widths.vector + widths.text
        self.squeeze = nn.Sequential(nn.Linear(both, spec.hidden), nn.ReLU())
        self.image, self.text = nn.Linear(spec.hidden, widths.vector), nn.Linear(spec.hidden, widths.text)
        self.classes = linear(both, widths.classes, spec.dropout)
        self.gazing = Gazing(self.look, self.fuse_with)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b v"]:
        """The channels."""
        return vector

    def fuse(self, seen: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of what the gates let through."""
        return self._let_through(seen, text, *self._gates(seen, text))

    def look(self, seen: Float[Tensor, "b v"], text: TextFeatures) -> Gaze:
        """The gates of the image's channels; those of the text's stay with the text."""
        return self._gates(seen, text)[:1]

    def fuse_with(self, seen: Float[Tensor, "b v"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """Logits with these gates of the image's channels."""
        (image,) = gaze
        return self._let_through(seen, text, image, self._gates(seen, text)[1])

    def _gates(
        self, seen: Float[Tensor, "b v"], text: TextFeatures
    ) -> tuple[Float[Tensor, "b v"], Float[Tensor, "b d"]]:
        squeezed = self.squeeze(torch.cat([seen, text.pooled], dim=1))
        return 2 * self.image(squeezed).sigmoid(), 2 * self.text(squeezed).sigmoid()

    def _let_through(
        self, seen: Float[Tensor, "b v"], text: TextFeatures, image: Float[Tensor, "b v"], words: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b classes"]:
        return self.classes(torch.cat([image * seen, words * text.pooled], dim=1))
