"""Models of one modality: fusions that ignore the other."""

from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import PooledFusion, Structure, Widths
from gazeshift.models.fusions.layers import linear, mlp
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.spec import HeadSpec

_IMAGE = Structure(True, False, True, "This model reads no text: the text cannot change its map.")


class ImageAlone(PooledFusion):
    """Logits from the image alone."""

    amplification = 1.0

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b classes"]:
        """The logits."""
        return self.layers(vector)

    def fuse(self, seen: Float[Tensor, "b classes"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """The text is accepted and ignored: an image-only model is a fusion that does not use it."""
        return seen


@fusion("image-only", _IMAGE)
def image_linear(widths: Widths, spec: HeadSpec) -> ImageAlone:
    """One linear layer."""
    return ImageAlone(linear(widths.vector, widths.classes, spec.dropout))


@fusion("image-mlp", _IMAGE)
def image_mlp(widths: Widths, spec: HeadSpec) -> ImageAlone:
    """A hidden ReLU layer."""
    return ImageAlone(mlp(widths.vector, widths.classes, spec))


@fusion("text-only", Structure(False, True, True, "This model sees no image: it has no map."))
class TextAlone(PooledFusion):
    """Logits from the text alone, by a hidden ReLU layer."""

    amplification = 1.0

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.layers = mlp(widths.text, widths.classes, spec)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b v"]:
        """The image, unchanged."""
        return vector

    def fuse(self, seen: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """The image is accepted and ignored."""
        return self.layers(text.pooled)
