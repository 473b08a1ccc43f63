"""Sums over the maps of each class with each text: counts, means, variances, mean maps. Blocks are added one at a time."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, eq=False)
class Moments:
    """The number of values of a cell, their mean, and the sum of their squared deviations; leading axes are cells.

    Deviations are from the mean and parts are joined by their means (Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", 1979), so that no digits are lost where values are large and close.
    """

    n: Float[np.ndarray, "*cells measures"]
    mean: Float[np.ndarray, "*cells measures"]
    squares: Float[np.ndarray, "*cells measures"]

    @classmethod
    def nothing(cls, *shape: int) -> "Moments":
        """Moments of no values."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both together."""
        n = self.n + other.n
        share = other.n / np.maximum(n, 1)
        apart = other.mean - self.mean
        return Moments(n, self.mean + apart * share, self.squares + other.squares + apart**2 * self.n * share)

    def over(self, axis: int) -> "Moments":
        """The moments of all cells along an axis together; the axis is kept, with length 1."""
        n = self.n.sum(axis, keepdims=True)
        mean = (self.n * self.mean).sum(axis, keepdims=True) / np.maximum(n, 1)
        return Moments(n, mean, (self.squares + self.n * (self.mean - mean) ** 2).sum(axis, keepdims=True))

    @property
    def variance(self) -> Float[np.ndarray, "*cells measures"]:
        """Sample variance (over ``n - 1``); NaN of fewer than two values."""
        return self.squares / np.where(self.n > 1, self.n - 1, np.nan)


class Cells:
    """Sums of each class (first axis) with each text (second axis).

    Args:
        labels: number of classes.
        texts: number of texts.
        measures: number of values per map.
        height: height of the maps.
        width: width of the maps.

    Attributes:
        moments: moments of the measures.
        maps: number of maps.
        undefined: number of them without positive evidence.
        summed: the sum of the defined maps, as distributions.
    """

    def __init__(self, labels: int, texts: int, measures: int, height: int, width: int) -> None:
        self.moments = Moments.nothing(labels, texts, measures)
        self.maps = np.zeros((labels, texts), dtype=np.int64)
        self.undefined = np.zeros((labels, texts), dtype=np.int64)
        self.summed = np.zeros((labels, texts, height, width))

    def add(
        self,
        label: Int[np.ndarray, " n"],
        text: Int[np.ndarray, " n"],
        values: Float[np.ndarray, "n measures"],
        p: Float[np.ndarray, "n h w"],
        undefined: Bool[np.ndarray, " n"],
    ) -> None:
        """Add some maps, with their class, text and measures."""
        used, place = np.unique(label * self.maps.shape[1] + text, return_inverse=True)
        # Adding up by cell is a product with a matrix of zeros and ones: a one where a row belongs to a cell.
        member = scipy.sparse.csr_matrix((np.ones(len(place)), (place, np.arange(len(place)))))
        cell = np.unravel_index(used, self.maps.shape)
        moments = _moments(member, place, values)
        old = self.moments
        joined = Moments(old.n[cell], old.mean[cell], old.squares[cell]) + moments
        old.n[cell], old.mean[cell], old.squares[cell] = joined.n, joined.mean, joined.squares
        self.maps[cell] += np.bincount(place)
        self.undefined[cell] += np.bincount(place[undefined], minlength=len(used))
        defined = np.where(undefined[:, None], 0, p.reshape(len(p), -1))
        self.summed[cell] += (member @ defined).reshape(-1, *p.shape[1:])


def _moments(
    member: scipy.sparse.csr_matrix, place: Int[np.ndarray, " n"], values: Float[np.ndarray, "n measures"]
) -> Moments:
    known = np.isfinite(values)
    n = member @ known.astype(np.float64)
    mean = (member @ np.where(known, values, 0)) / np.maximum(n, 1)
    apart = np.where(known, values - mean[place], 0)
    return Moments(n, mean, member @ apart**2)
