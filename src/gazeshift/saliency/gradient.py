"""Maps from the gradient of the explained logit at the tap. All signed where their formula is; the ReLU is left to the user of a map.

In the formulas ``A_k`` is channel k of the grid, ``g_k = dy / dA_k`` the gradient of the explained class's logit with the row's text: the
text enters through ``g`` alone. Under mean pooling ``g_k`` is the same in every cell and ``probe.slopes`` is 1 x 1; the formulas hold as
they stand and a row costs one small vector.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.saliency.affine import before_affine
from gazeshift.saliency.probe import Probe


def grad_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """Grad-CAM before its ReLU: ``L = sum_k alpha_k A_k`` with ``alpha_k`` the mean of ``dy / dA_k`` over the grid.

    Selvaraju et al., "Grad-CAM", ICCV 2017, equations 1 and 2. The ReLU is left to the user of the map: the sign is information.
    """
    return probe.weigh(probe.slopes.mean((2, 3)))


def hires_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """HiResCAM: ``L = sum_k g_k * A_k``, cell by cell; under mean pooling the same as Grad-CAM. Signed.

    Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations", 2020, equation 5. Without mean pooling it is the one to
    use: averaging gradients of different signs, Grad-CAM can be blind. The text enters through the local gradient.
    """
    return probe.contract(probe.slopes)


def xgrad_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """XGrad-CAM: ``L = sum_k w_k A_k`` with ``w_k = sum_ij g_k A_k / sum_ij A_k``; under mean pooling the same as Grad-CAM. Signed.

    Fu et al., "Axiom-based Grad-CAM", BMVC 2020, equation 8. Divides by the channel's sum, so it is taken before a constant affine of
    the trunk. A channel that sums to exactly 0 (a dead one) weighs nothing. On a grid with channels that nearly cancel, as in a vision
    transformer, the weights can be huge: prefer HiResCAM there.
    """
    probe = before_affine(probe)
    if probe.slopes.shape[2:] == (1, 1):  # a constant gradient is its own weighted mean
        return probe.weigh(probe.slopes[:, :, 0, 0])
    weights = torch.empty_like(probe.slopes[:, :, 0, 0])
    for index, mine in probe.by_image():
        grid = probe.grid[index]
        total = grid.sum((1, 2))
        inner = torch.einsum("rchw,chw->rc", probe.slopes[mine], grid)
        weights[mine] = torch.where(total == 0, 0, inner / torch.where(total == 0, 1, total))
    return probe.weigh(weights)


def grad_cam_plus_plus(probe: Probe) -> Float[Tensor, "r h w"]:
    """Grad-CAM++: ``L = sum_k w_k A_k``, ``w_k = sum_ij a_k ReLU(g_k)``, ``a_k = g_k^2 / (2 g_k^2 + g_k^3 sum_ij A_k)``. Weights >= 0.

    Chattopadhay et al., "Grad-CAM++", WACV 2018, equations 5, 6 and 19. Only positive gradients count, so maps of several classes do not
    add up; the text enters through these. The paper explains ``exp(y)``, which multiplies the whole map by ``exp(y)``: left out. The
    formula assumes ``A >= 0`` and is taken before a constant affine of the trunk; where the denominator is not positive, which needs a
    negative channel sum, the cell weighs nothing.
    """
    probe = before_affine(probe)
    slopes = probe.slopes
    total = probe.grid.sum((2, 3), keepdim=True)[probe.rows.image]
    below = 2 + slopes * total  # the fraction cancelled by g^2, which is not 0 wherever ReLU(g) is not
    shares = torch.where(below > 0, slopes.relu() / torch.where(below > 0, below, 1), 0)
    return probe.weigh(shares.mean((2, 3)) * probe.grid[0, 0].numel())


def layer_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """LayerCAM: ``L = sum_k ReLU(g_k) * A_k``, cell by cell. Weights >= 0.

    Jiang et al., "LayerCAM", IEEE TIP 2021, equations 6 to 8. Only positive gradients count, so maps of several classes do not add up;
    the text enters through these. Assumes ``A >= 0``; taken before a constant affine of the trunk.
    """
    probe = before_affine(probe)
    return probe.contract(probe.slopes.relu())
