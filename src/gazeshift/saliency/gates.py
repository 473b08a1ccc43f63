"""The exact account of a within-class change: which hidden units' gates a text flips, and the map that each of them adds or removes.

With one hidden ReLU layer over image and text, ``y_c = sum_j W2[c, j] relu(z_j) + b`` and each ``z_j`` is a function of the image plus
a function of the text. So ``dz_j / dA`` does not depend on the text, and Grad-CAM's map of class c under text t is
``L_c(t) = sum_j W2[c, j] g_j(t) D_j`` with the gate ``g_j(t) = [z_j > 0]`` and ``D_j`` the Grad-CAM map of ``z_j``. Between two texts
only the units whose gate flips contribute: ``L_c(t1) - L_c(t0) = sum over flipped j of +-W2[c, j] D_j``.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models import Classifier, ImageFeatures, TextFeatures, evaluating
from gazeshift.models.fusions.fusion import Gates
from gazeshift.saliency.combination import class_index
from gazeshift.saliency.pictures import Picture, open_picture


@dataclass(frozen=True)
class GateAccount:
    """The effect of each hidden unit with a flipped gate on the map of a fixed class, between two texts.

    Attributes:
        explained: class name.
        units: indices of the hidden units with a flipped gate.
        opened: whether the second text opens the unit's gate (else it closes it).
        maps: what the flip adds to the class's raw signed Grad-CAM map, per unit; their sum is the whole within-class change.
    """

    explained: str
    units: Int[np.ndarray, " u"]
    opened: Bool[np.ndarray, " u"]
    maps: Float[np.ndarray, "u h w"]

    @property
    def total(self) -> Float[np.ndarray, "h w"]:
        """Sum over the flipped units: the change of the map from the first text to the second."""
        return np.asarray(self.maps.sum(0))


def gate_account(model: Classifier, image: Picture, before: str, after: str, target: str = "reference") -> GateAccount:
    """Account for the change of a fixed class's Grad-CAM map between two texts, unit by unit.

    Args:
        model: with a head of one hidden ReLU layer over image and text (``early-fusion``).
        image: a file, its bytes, or a Pillow image.
        before: first text.
        after: second text.
        target: ``reference``, the class predicted with the first text, or a class name.

    Raises:
        UsageError: a different head, or an unknown class.
    """
    gates = _gates(model)
    bound = model.bind([open_picture(image, at_least=model.enough)], (before, after))
    features, text = bound.image, bound.text
    with torch.no_grad(), evaluating(model):
        predicted = model.classify(features.rows(torch.zeros(2, dtype=torch.long)), text).argmax(1)
        open_before, open_after = (
            gates.hidden(model.trunk.pool(features), text.rows(torch.tensor([row])))[0] > 0 for row in (0, 1)
        )
    chosen = int(predicted[0]) if target == "reference" else class_index(model.classes, target)
    units = torch.nonzero(open_before != open_after)[:, 0]
    sign = torch.where(open_after[units], 1.0, -1.0)
    maps = _unit_maps(model, gates, features, text.rows(torch.tensor([0])), units)
    weighted = (sign * gates.last.weight.detach()[chosen, units])[:, None, None] * maps
    opened = open_after[units].cpu().numpy()
    return GateAccount(model.classes[chosen], units.cpu().numpy(), opened, weighted.float().cpu().numpy())


def _gates(model: Classifier) -> Gates:
    gates = model.head.gates
    if gates is None:
        raise UsageError(
            f"model {model.spec.name!r}: gates are accounted for in a head with one hidden ReLU layer over image and text."
        )
    return gates


def _unit_maps(
    model: Classifier, gates: Gates, features: ImageFeatures, text: TextFeatures, units: Int[Tensor, " u"]
) -> Float[Tensor, "u h w"]:
    """Grad-CAM maps of hidden units before their ReLU, one run of the part after the tap for all of them."""
    count = len(units)
    same = torch.zeros(count, dtype=torch.long)
    height, width = features.grid.shape[2:]
    source = features.averaged() if model.pools_first else features
    if not count:
        return features.grid.new_zeros(0, height, width)
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        rows = source.rows(same)
        leaf = rows.grid.detach().clone().requires_grad_()
        pooled = model.trunk.pool(ImageFeatures(leaf * 1, rows.prefix))
        hidden = gates.hidden(pooled, text.rows(same))
        (slopes,) = torch.autograd.grad(hidden.gather(1, units[:, None]).sum(), leaf)
    weights = slopes.sum((2, 3)) / (
        height * width
    )  # under pooling the slope of the mean; elsewhere the sum over the grid
    return (weights @ features.grid[0].flatten(1)).view(count, height, width)
