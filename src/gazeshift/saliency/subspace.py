"""Maps from the grid alone."""

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.saliency.probe import Probe


def eigen_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """Eigen-CAM: ``L = A v`` with ``v`` the first right singular vector of ``A`` as a matrix of cells x channels, not centred.

    Muhammad and Yeasin, "Eigen-CAM", IJCNN 2020, equations 3 and 4. Neither class nor text enters: every row of an image gets the same
    map, a negative control. A singular vector has no sign of its own: the map's sum is made positive, which for ``A >= 0`` makes the whole
    map so.
    """
    height, width = probe.grid.shape[2:]
    out = probe.grid.new_empty(len(probe.rows), height, width)
    for index, mine in probe.by_image():
        cells = probe.grid[index].flatten(1).T
        u, s, _ = torch.linalg.svd(cells.float() if cells.element_size() < 4 else cells, full_matrices=False)
        projected = u[:, 0] * s[0]
        out[mine] = torch.where(projected.sum() < 0, -projected, projected).view(height, width).to(out.dtype)
    return out
