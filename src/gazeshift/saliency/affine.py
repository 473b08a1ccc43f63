"""A probe moved to before the trunk's constant affine, for methods whose formula assumes activations as a ReLU leaves them."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from gazeshift.models import Classifier, ImageFeatures, TextFeatures
from gazeshift.models.image import GridTrunk
from gazeshift.saliency.probe import Probe


@dataclass(frozen=True)
class _BeforeAffine:
    """A classifier split just before the affine of its trunk: the same logits, another grid."""

    model: Classifier
    mean: Float[Tensor, "c 1 1"]
    deviation: Float[Tensor, "c 1 1"]
    pools_first: bool

    def encode_image(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        return self.undo(self.model.encode_image(images))

    def classify(self, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "b classes"]:
        return self.model.classify(ImageFeatures((image.grid - self.mean) / self.deviation, image.prefix), text)

    def undo(self, image: ImageFeatures) -> ImageFeatures:
        return ImageFeatures(image.grid * self.deviation + self.mean, image.prefix)


def before_affine(probe: Probe) -> Probe:
    """The same question, asked where the grid is still as the network made it.

    ``image.features`` of a model can put ``(A - mean) / deviation`` before the tap. Channels are then no longer positive and their
    sums may vanish, on which Grad-CAM++, LayerCAM, XGrad-CAM and Score-CAM rest. Probes of models without such an affine are returned as
    they are.
    """
    model = probe.model
    if not isinstance(model, Classifier) or not isinstance(model.trunk, GridTrunk):
        return probe
    mean, deviation = model.trunk.mean[:, None, None], model.trunk.deviation[:, None, None]
    if not mean.any() and bool((deviation == 1).all()):
        return probe
    plain = _BeforeAffine(model, mean, deviation, model.pools_first)
    return Probe(plain, plain.undo(probe.image), probe.text, probe.rows)
