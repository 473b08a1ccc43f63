"""A probe moved before the trunk's constant affine, for methods with formulas that assume non-negative activations."""

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models import Classifier, ImageFeatures, TextFeatures
from gazeshift.models.adapters.protocol import Explainable
from gazeshift.models.affine import NO_AFFINE, Affine
from gazeshift.models.features import TokenPlaces
from gazeshift.saliency.probe import Probe


@dataclass(frozen=True)
class _BeforeAffine:
    """A model split just before the affine of its trunk: the same logits, a different grid."""

    model: Explainable
    affine: Affine = NO_AFFINE

    @property
    def pools_first(self) -> bool:
        return self.model.pools_first

    def modules(self) -> Iterator[nn.Module]:
        return self.model.modules()

    def eval(self) -> object:
        return self.model.eval()

    def step(self, image: ImageFeatures) -> float:
        return self.model.step(image)

    def places(self, image: ImageFeatures) -> TokenPlaces:
        return self.model.places(image)

    def encode_image(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        return self.undo(self.model.encode_image(images))

    def classify(self, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "b classes"]:
        return self.model.classify(ImageFeatures(self.model.affine.apply(image.grid), image.prefix), text)

    def undo(self, image: ImageFeatures) -> ImageFeatures:
        return ImageFeatures(self.model.affine.undo(image.grid), image.prefix)


def before_affine(probe: Probe) -> Probe:
    """The same question, on the network's own grid.

    ``image.features`` of a model can put ``(A - mean) / deviation`` before the tap. Channels are then no longer positive and their
    sums may vanish, on which Grad-CAM++, LayerCAM, XGrad-CAM and Score-CAM rely. Probes of models without such an affine are returned
    unchanged.
    """
    plain = _before(probe.model)
    return probe if plain is None else Probe(plain, plain.undo(probe.image), probe.text, probe.rows)


@dataclass(frozen=True)
class OtherSide:
    """A classifier and its images with the tap on the other side of the trunk's affine: the same logits, a different map."""

    model: Explainable
    features: ImageFeatures


def other_side(model: Classifier, features: ImageFeatures) -> OtherSide | None:
    """The network's own grid ``A``, for a model tapped after ``(A - mean) / deviation``; None without such an affine.

    A head that centres its features moves a map by a constant that the map on ``A`` does not see, so a finding about positions should
    hold on both sides.

    Args:
        model: the classifier.
        features: images at its tap.
    """
    plain = _before(model)
    return None if plain is None else OtherSide(plain, plain.undo(features))


def _before(model: Explainable) -> _BeforeAffine | None:
    return None if model.affine.is_identity else _BeforeAffine(model)
