"""Class activation maps: functions of a probe that return raw, signed maps on the native grid. One dict of them."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from gazeshift.saliency.probe import Probe

CamMethod = Callable[[Probe], Float[Tensor, "r h w"]]


def grad_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """Grad-CAM before its ReLU: ``L = sum_k alpha_k A_k`` with ``alpha_k`` the mean of ``dy / dA_k`` over the grid.

    Selvaraju et al., "Grad-CAM", ICCV 2017, equations 1 and 2. The ReLU is left to the reader of the map: the sign is information.
    """
    return probe.weigh(probe.gradients.mean((2, 3)))


METHODS: dict[str, CamMethod] = {"grad-cam": grad_cam}
