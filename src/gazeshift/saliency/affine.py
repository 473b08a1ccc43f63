"""A probe moved before the trunk's constant affine, for methods with formulas that assume non-negative activations."""

from gazeshift.models.affine import NO_AFFINE
from gazeshift.models.bound import Bound
from gazeshift.saliency.probe import Probe
from gazeshift.saliency.recast import Recast


def before_affine(probe: Probe) -> Probe:
    """The same question, on the network's own grid.

    ``image.features`` of a model can put ``(A - mean) / deviation`` before the tap. Channels are then no longer positive and their
    sums may vanish, on which Grad-CAM++, LayerCAM, XGrad-CAM and Score-CAM rely. Probes of models without such an affine are returned
    unchanged.
    """
    plain = other_side(probe.bound)
    return probe if plain is None else Probe(plain, probe.rows)


def other_side(bound: Bound) -> Bound | None:
    """The model with its tap on the other side of the trunk's affine: the same logits, a different map; None without an affine.

    A head that centres its features moves a map by a constant that the map on the network's own grid ``A`` does not see, so a finding
    about positions should hold on both sides.

    Args:
        bound: a model tapped after ``(A - mean) / deviation``.
    """
    affine = bound.affine
    return None if affine.is_identity else Recast(bound, affine.undo(bound.grid), NO_AFFINE, into=affine.apply)
