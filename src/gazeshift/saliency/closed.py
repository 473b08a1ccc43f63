"""Maps in closed form, where everything that an image says reaches the text through one vector: a row costs one small product.

A logit's gradient at the grid is ``sum_d u_d dv_d / dA``, with the vector ``v`` and the logit's slopes ``u = dy / dv``; so the map of a
method that is linear in the gradient is ``sum_d u_d M_d``, and ``M_d``, the map of the vector's component d, knows nothing of the text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.models.bottleneck import Attending, Bottleneck
from gazeshift.models.bound import Bound
from gazeshift.saliency.attending import Tangents, by_mean, cell_by_cell
from gazeshift.saliency.probe import Rows


@dataclass(frozen=True)
class Rule:
    """A method that is linear in the gradient.

    Attributes:
        heard: maps of the components of an attention's result, in closed form.
        local: the map of one component from its gradient at the grids, and the size of the map's terms.
    """

    heard: Callable[[Attending], Tangents]
    local: Callable[
        [Float[Tensor, "n c cells"], Float[Tensor, "n c cells"]],
        tuple[Float[Tensor, "n cells"], Float[Tensor, "n cells"]],
    ]


def _product(slopes: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    terms = slopes * grid
    return terms.sum(1), terms.abs().sum(1)


def _mean_product(slopes: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    mean, size = slopes.mean(2, keepdim=True), slopes.abs().mean(2, keepdim=True)
    return (mean * grid).sum(1), (size * grid.abs()).sum(1)


RULES = {"hires-cam": Rule(cell_by_cell, _product), "grad-cam": Rule(by_mean, _mean_product)}
"""The methods that have a closed form."""


@dataclass(frozen=True, eq=False)
class Closed:
    """Some rows of a bound model in closed form.

    Attributes:
        narrow: the model's tail in two steps.
        grid: of the images asked about.
        images: their grid rows.
        place: each row's image among these.
        text: of each row.
        target: of each row.
        attending: the attention that alone hears the cells; None if there is none, and then the vector is the one that the text meets.
        seen: the vector that the text meets.
    """

    narrow: Bottleneck
    grid: Float[Tensor, "n c h w"]
    images: Int[Tensor, " n"]
    place: Int[Tensor, " r"]
    text: Int[Tensor, " r"]
    target: Int[Tensor, " r"]
    attending: Attending | None
    seen: Float[Tensor, "n m"]

    @classmethod
    def of(cls, bound: Bound, rows: Rows) -> "Closed | None":
        """None where no such vector is known, or where it is wider than each image has rows: then a gradient per row costs less."""
        narrow = bound.bottleneck
        if narrow is None or bound.pools_first:
            return None
        with torch.inference_mode(False), torch.no_grad():
            images, place = torch.unique(rows.image, return_inverse=True)
            attending, grid = narrow.attend(images), bound.grid[images]
            if attending is not None:
                seen = attending.told
            elif len(rows) == len(images):
                return None
            else:
                seen = narrow.see(grid.clone(), images)
            if attending is None and len(rows) <= len(images) * seen.shape[1]:
                return None
            return cls(narrow, grid, images, place, rows.text.clone(), rows.target.clone(), attending, seen)

    @property
    def scores(self) -> Float[Tensor, " r"]:
        """The explained logit of each row."""
        return self._scores_and_slopes[0]

    def maps(self, rule: Rule) -> Float[Tensor, "r h w"]:
        """The map of each row."""
        return self._summed(self._scores_and_slopes[1], self._tangents(rule).values)

    def magnitudes(self, rule: Rule) -> Float[Tensor, "r h w"]:
        """The size of what each map sums: its value if nothing cancelled."""
        found = self._tangents(rule)
        return self._summed(self._scores_and_slopes[1].abs() ** found.order, found.terms**found.order) ** (
            1 / found.order
        )

    def _summed(self, weights: Float[Tensor, "r d"], of: Float[Tensor, "n d cells"]) -> Float[Tensor, "r h w"]:
        out = weights.new_empty(len(weights), of.shape[2])
        for index in range(len(of)):
            mine = (self.place == index).nonzero()[:, 0]
            out[mine] = weights[mine] @ of[index]
        return out.view(-1, *self.grid.shape[2:])

    @cached_property
    def _known(self) -> dict[Rule, Tangents]:
        return {}

    def _tangents(self, rule: Rule) -> Tangents:
        if rule not in self._known:
            with torch.inference_mode(False), torch.no_grad():
                self._known[rule] = self._by_products(rule) if self.attending is None else rule.heard(self.attending)
        return self._known[rule]

    def _by_products(self, rule: Rule) -> Tangents:
        """As many vector-Jacobian products as the vector is wide."""
        maps, terms, cells = torch.empty(0), torch.empty(0), self.grid.flatten(2)
        with torch.enable_grad():
            leaf = self.grid.clone().requires_grad_()
            seen = self.narrow.see(leaf * 1, self.images)
            for index in range(seen.shape[1]):
                (slopes,) = torch.autograd.grad(seen[:, index].sum(), leaf, retain_graph=True)
                found = rule.local(slopes.flatten(2), cells)
                if not index:
                    maps, terms = (cells.new_empty(len(cells), seen.shape[1], cells.shape[2]) for _ in range(2))
                maps[:, index], terms[:, index] = (each.detach() for each in found)
        return Tangents(maps, terms, order=2)

    @cached_property
    def _scores_and_slopes(self) -> tuple[Float[Tensor, " r"], Float[Tensor, "r d"]]:
        """Each row's logit and its slopes at the vector: through what the text meets where that is narrower than there are rows."""
        attending, (images, width) = self.attending, self.seen.shape
        with torch.inference_mode(False), torch.enable_grad():
            if attending is not None and len(self.place) <= images * width:
                leaf = attending.result[self.place].requires_grad_()
                scores = self._scores(attending.tell(leaf, self.place))
            else:
                leaf = self.seen[self.place].requires_grad_()
                scores = self._scores(leaf * 1)
            (slopes,) = torch.autograd.grad(scores.sum(), leaf)
            scores, slopes = scores.detach(), slopes.flatten(1)
            if attending is not None and len(self.place) > images * width:
                slopes = self._through(attending, slopes)
        return scores, slopes

    def _scores(self, seen: Float[Tensor, "r m"]) -> Float[Tensor, " r"]:
        logits = self.narrow.classify(seen, self.images[self.place], self.text)
        return logits.gather(1, self.target[:, None])[:, 0]

    def _through(self, attending: Attending, slopes: Float[Tensor, "r m"]) -> Float[Tensor, "r d"]:
        """Slopes at what the text meets to slopes at the attention's result, by one Jacobian per image."""
        out = slopes.new_empty(len(slopes), attending.result[0].numel())
        for index in range(len(self.images)):
            place = torch.full((slopes.shape[1],), index, device=slopes.device)
            leaf = attending.result[place].requires_grad_()
            (jacobian,) = torch.autograd.grad(attending.tell(leaf, place).diagonal().sum(), leaf)
            mine = (self.place == index).nonzero()[:, 0]
            out[mine] = slopes[mine] @ jacobian.flatten(1)
        return out
