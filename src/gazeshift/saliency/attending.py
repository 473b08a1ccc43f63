"""The closed form of an attention that alone hears the cells: how its result changes with a cell, for all texts at once.

With ``o = sum_i p_i v_i`` and ``p = softmax(s)``, a head and a query at a time: a change ``dA_i`` of cell i moves its score by
``ds_i``, its value by ``dv_i``, and ``o`` by ``p_i (dv_i + ds_i (v_i - o))``. HiResCAM asks for ``dA_i = A_i``. Grad-CAM weighs
``A_i`` by the gradient's mean over the cells: ``sum_j p_j (dv_j + ds_j (v_j - o)) / cells``, with cell j's value and score moved in
the direction ``A_i``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.models.bottleneck import Attending

_SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Tangents:
    """Maps of every component of a vector: a logit's map is their sum, weighted by its slopes at the vector.

    Attributes:
        values: of every component.
        terms: size of what each value sums, cell by cell: its value if none of it cancelled.
        order: how terms of several components add up: 1, or 2 where their roundings are independent.
    """

    values: Float[Tensor, "n d cells"]
    terms: Float[Tensor, "n d cells"]
    order: int


def cell_by_cell(attending: Attending) -> Tangents:
    """Of HiResCAM: how the result changes as a cell is scaled."""
    along, shares = _Along.of(attending), attending.shares[..., None]
    moved = along.scores[..., None] * _apart(attending)
    value = along.values[:, :, None]
    return _tangents(shares * (value + moved), shares * (value.abs() + moved.abs()))


def by_mean(attending: Attending) -> Tangents:
    """Of Grad-CAM: how the result changes as every cell moves a little in a cell's direction, divided by the number of cells."""
    along, shares = _Along.of(attending), attending.shares
    weights = shares[..., None] * _apart(attending)
    value = along.values[:, :, None] * shares.sum(3)[..., None, None]
    moved, terms = along.everywhere(weights)
    cells = shares.shape[3]
    return _tangents((value + moved) / cells, (value.abs() + terms) / cells)


def _apart(attending: Attending) -> Float[Tensor, "n heads q cells d"]:
    """``v_i - o``."""
    return attending.values[:, :, None] - attending.result[:, :, :, None]


def _tangents(values: Float[Tensor, "n heads q cells d"], terms: Float[Tensor, "n heads q cells d"]) -> Tangents:
    return Tangents(values.movedim(3, 4).flatten(1, 3), terms.movedim(3, 4).flatten(1, 3), order=1)


@dataclass(frozen=True, eq=False)
class _Along:
    """What a cell's score and value change by in the direction of the cell itself, and what they change by in those of all cells.

    Attributes:
        attending: the attention.
        alike: whether scores are affine in a cell, everywhere in the same way; then no gradient is needed.
        scores: in the direction of each cell itself.
        values: the same.
    """

    attending: Attending
    alike: bool
    scores: Float[Tensor, "n heads q cells"]
    values: Float[Tensor, "n heads cells d"]

    @classmethod
    def of(cls, attending: Attending) -> "_Along":
        alike = _alike(attending)
        scores, values = attending.hear(torch.zeros_like(attending.cells[:, :1] if alike else attending.cells))
        if alike:
            along = attending.scores - scores
        else:
            along = torch.empty_like(attending.scores)
            for head, query, slopes in _slopes(attending):
                along[:, head, query] = (slopes * attending.cells).sum(2)
        return cls(attending, alike, along, attending.values - values)

    def everywhere(
        self, weights: Float[Tensor, "n heads q cells d"]
    ) -> tuple[Float[Tensor, "n heads q cells d"], Float[Tensor, "n heads q cells d"]]:
        """``sum_j w_j ds_j`` where ``ds_j`` is what cell j's score changes by in the direction of each cell; and the size of its terms."""
        if self.alike:
            along = self.scores[..., None]
            return weights.sum(3, keepdim=True) * along, weights.abs().sum(3, keepdim=True) * along.abs()
        moved, terms, cells = torch.empty_like(weights), torch.empty_like(weights), self.attending.cells
        for head, query, slopes in _slopes(self.attending):
            mine = weights[:, head, query].mT
            moved[:, head, query] = cells @ (mine @ slopes).mT
            terms[:, head, query] = cells.abs() @ (mine.abs() @ slopes.abs()).mT
        return moved, terms


def _alike(attending: Attending) -> bool:
    """Try it: with two cells, their sum and nothing, in several places."""
    first, second = attending.cells[:, :1], attending.cells[:, 1:2]
    tokens = torch.cat([torch.zeros_like(first), first, second, first + second, first], dim=1)
    try:
        nothing, one, other, both, again = attending.hear(tokens)[0].unbind(3)
    except RuntimeError:  # only takes as many cells as there are
        return False
    missed = torch.stack([both - one - other + nothing, again - one]).abs().amax()
    return bool(missed <= _SAME * (one - nothing).abs().amax())


def _slopes(attending: Attending) -> Iterator[tuple[int, int, Float[Tensor, "n cells c"]]]:
    """Gradients of every cell's own score, head by head and query by query."""
    with torch.enable_grad():
        leaf = attending.cells.detach().clone().requires_grad_()
        scores = attending.hear(leaf)[0]
        for head in range(scores.shape[1]):
            for query in range(scores.shape[2]):
                (slopes,) = torch.autograd.grad(scores[:, head, query].sum(), leaf, retain_graph=True)
                yield head, query, slopes
