"""Hide pixels without a visible hole: each becomes the mean of its neighbours, plus a little noise."""

import numpy as np
from jaxtyping import Bool, Float

# Offset (down, right) and weight of the eight neighbours.
_NEIGHBOURS = [
    (down, right, 1 / 6 if 0 in (down, right) else 1 / 12)
    for down in (-1, 0, 1)
    for right in (-1, 0, 1)
    if (down, right) != (0, 0)
]


def noisy_linear_imputation(
    image: Float[np.ndarray, "c H W"], keep: Bool[np.ndarray, "H W"], rng: np.random.Generator, noise: float = 0.01
) -> Float[np.ndarray, "c H W"]:
    """Fill hidden pixels with the weighted mean of their neighbours, hidden ones included, and add Gaussian noise.

    Rong et al., "A consistent and efficient evaluation strategy for attribution methods", 2022: weight 1/6 for the four nearest and 1/12
    for the diagonal ones, without those beyond the border; the linear system for all hidden pixels is solved exactly. Shown pixels are
    unchanged. Away from the border a ramp is restored up to the noise, so a hole reveals little of its shape.

    Args:
        image: channels first.
        keep: which pixels stay. If none does, each channel becomes its mean.
        rng: random generator of the noise.
        noise: standard deviation, in units of the image.

    Example:
        >>> image, keep = np.ones((1, 3, 3)), np.ones((3, 3), dtype=bool)
        >>> image[0, 1, 1], keep[1, 1] = 9.0, False
        >>> round(float(noisy_linear_imputation(image, keep, np.random.default_rng(0), noise=0.0)[0, 1, 1]), 12)
        1.0
    """
    filled = np.array(image, dtype=np.float64)
    hidden = np.argwhere(~keep)
    if not len(hidden):
        return filled
    values = (
        _solve(filled, keep, hidden)
        if keep.any()
        else np.broadcast_to(filled.mean((1, 2))[:, None], (len(image), len(hidden)))
    )
    filled[:, ~keep] = values + noise * rng.standard_normal((len(image), len(hidden)))
    return filled


def keep_pixels(keep: Float[np.ndarray, "*b h w"], height: int, width: int) -> Bool[np.ndarray, "*b H W"]:
    """Upsample a grid of kept cells to pixels: a pixel stays if the cell that contains its centre does (``keep`` above one half).

    Example:
        >>> keep_pixels(np.array([[1.0, 0.0]]), 1, 4).tolist()
        [[True, True, False, False]]
    """
    rows = (2 * np.arange(height) + 1) * keep.shape[-2] // (2 * height)
    columns = (2 * np.arange(width) + 1) * keep.shape[-1] // (2 * width)
    return np.asarray(keep[..., rows[:, None], columns] > 0.5)


def _solve(image: np.ndarray, keep: np.ndarray, hidden: np.ndarray) -> Float[np.ndarray, "c hidden"]:
    """Values of the hidden pixels: ``sum of weights x value - weighted hidden neighbours = weighted shown neighbours``."""
    from scipy.sparse import coo_array  # noqa: PLC0415  most commands impute nothing, and need not wait for scipy
    from scipy.sparse.linalg import spsolve  # noqa: PLC0415

    number = np.full(keep.shape, -1)
    number[~keep] = np.arange(len(hidden))
    diagonal = np.zeros(len(hidden))
    right_side = np.zeros((len(hidden), len(image)))
    rows, columns, entries = [], [], []
    for down, right, weight in _NEIGHBOURS:
        y, x = hidden[:, 0] + down, hidden[:, 1] + right
        inside = np.flatnonzero((y >= 0) & (x >= 0) & (y < keep.shape[0]) & (x < keep.shape[1]))
        y, x = y[inside], x[inside]
        diagonal[inside] += weight
        shown = keep[y, x]
        right_side[inside[shown]] += weight * image[:, y[shown], x[shown]].T
        rows.append(inside[~shown])
        columns.append(number[y[~shown], x[~shown]])
        entries.append(np.full((~shown).sum(), -weight))
    own = np.arange(len(hidden))
    matrix = coo_array(
        (np.concatenate([diagonal, *entries]), (np.concatenate([own, *rows]), np.concatenate([own, *columns]))),
        shape=(len(hidden), len(hidden)),
    ).tocsc()
    return np.asarray(spsolve(matrix, right_side)).reshape(len(hidden), len(image)).T
