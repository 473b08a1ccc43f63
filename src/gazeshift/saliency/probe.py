"""The only place that uses autograd: it provides what methods need from a bound model at the tap."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import UsageError, listed
from gazeshift.models.bound import Bound
from gazeshift.models.features import TokenPlaces
from gazeshift.saliency.descent import after, among_tokens
from gazeshift.saliency.recording import AttentionRecorder

CHUNK_BYTES = 4 * 2**20
"""Memory for the grids at the tap per chunk, on a CPU. What follows the tap can take thirty times as much (a transformer's last block), and
larger chunks are no faster there."""
_ROWS_THAT_ATTEND = 8  # fewer than any adapter runs at once, so that each attention of a pass holds all of them
_TRUNK_BATCH = 16  # images a trunk sees at once; larger batches gain little on a CPU and cost memory


def chunk(values: int, device: torch.device) -> int:
    """How many rows with this many values at the tap are computed at once; an accelerator needs, and holds, more than a CPU."""
    return max(1, CHUNK_BYTES * (1 if device.type == "cpu" else 16) // (4 * max(1, values)))


@dataclass(frozen=True)
class Rows:
    """What to explain: row i asks for the map of class ``target[i]`` on grid ``image[i]`` with text ``text[i]`` (all indices)."""

    image: Int[Tensor, " r"]
    text: Int[Tensor, " r"]
    target: Int[Tensor, " r"]

    def part(self, start: int, stop: int) -> "Rows":
        """A consecutive part of the rows."""
        return Rows(self.image[start:stop], self.text[start:stop], self.target[start:stop])

    def chosen(self, index: Int[Tensor, " m"]) -> "Rows":
        """Some of the rows."""
        return Rows(self.image[index], self.text[index], self.target[index])

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Attention:
    """One self-attention after the tap, of every row.

    Attributes:
        weights: after the softmax; the last axis sums to 1. ``n`` tokens: those besides the grid first, then its cells row by row.
        gradients: of each row's logit with respect to ``weights``.
    """

    weights: Float[Tensor, "r heads n n"]
    gradients: Float[Tensor, "r heads n n"]


def _over_tokens(weights: Tensor, rows: int, tokens: int) -> bool:
    """Whether all tokens attend to each other in this many rows, with heads on a separate axis or folded into the rows."""
    whole = len(weights) == rows if weights.ndim == len("bhqk") else len(weights) % rows == 0
    return whole and weights.shape[-2:] == (tokens, tokens)


def _no_attention(seen: list[Tensor], places: TokenPlaces) -> str:
    sizes = sorted({f"{weights.shape[-2]} x {weights.shape[-1]}" for weights in seen})
    found = f"what follows attends {listed(sizes, 3)}" if sizes else "what follows attends to nothing"
    if any(weights.shape[-1] == places.tokens for weights in seen):
        found += (
            ": a text or learned queries look at the cells (cross-attention), which attention methods do not follow"
        )
    return (
        f"no attention over the grid after the tap ({places.tokens} tokens, {len(places.cells)} of them cells); {found}; tap earlier, "
        "where those tokens receive attention, or choose a gradient method such as hires-cam."
    )


class Probe:
    """A bound model seen from the tap, for some images, texts and classes.

    The trunk has already run, once per image. The tap becomes a leaf and the logits are computed from there, so the text-free trunk is
    never run again and no hook is needed. If the model pools first, the leaf is the grid's mean: one small vector per row.
    Works with frozen parameters, inside ``no_grad`` and inside ``inference_mode``; touches no ``.grad``. The model must be in evaluation
    mode.

    Args:
        bound: the model with its images and texts.
        rows: which grid, text and class each row explains.
    """

    def __init__(self, bound: Bound, rows: Rows) -> None:
        self.bound = bound
        self.rows = rows

    def of(self, index: Int[Tensor, " m"]) -> "Probe":
        """The same question for some of the rows."""
        return Probe(self.bound, self.rows.chosen(index))

    @property
    def grid(self) -> Float[Tensor, "n c h w"]:
        """The model's grids."""
        return self.bound.grid

    @cached_property
    def tap(self) -> Float[Tensor, "n c y x"]:
        """What is replaced and differentiated: the grids, or their means (1 x 1) if the model pools first."""
        return self.grid.mean((2, 3), keepdim=True) if self.bound.pools_first else self.grid

    @property
    def batch(self) -> int:
        """How many grids of ``tap`` are held at once."""
        return chunk(self.tap[0].numel(), self.tap.device)

    @property
    def scores(self) -> Float[Tensor, " r"]:
        """The explained logit of each row; available with the slopes, otherwise from one forward pass."""
        return self._scores_and_slopes[0] if "_scores_and_slopes" in self.__dict__ else self._forward_scores

    @cached_property
    def slopes(self) -> Float[Tensor, "r c y x"]:
        """Gradient of each row's logit at the tap; 1 x 1 if it is the same in every cell (the model pools first)."""
        return self._scores_and_slopes[1]

    @property
    def gradients(self) -> Float[Tensor, "r c h w"]:
        """``slopes`` on the whole grid. Under mean pooling an expanded view: it takes the memory of one cell."""
        return self.slopes.expand(-1, -1, *self.grid.shape[2:])

    def slopes_at(self, grids: Float[Tensor, "r c y x"]) -> Float[Tensor, "r c y x"]:
        """``slopes`` for other grids at the tap, shaped like those of ``tap``, one per row."""
        return self._differentiate(grids)[1]

    @torch.no_grad()
    def score(self, grids: Float[Tensor, "m c y x"], rows: Int[Tensor, " m"]) -> Float[Tensor, " m"]:
        """Logit of row ``rows[i]`` with ``grids[i]``, shaped like those of ``tap``, at the tap; in chunks."""
        asked = self.rows.chosen(rows)
        parts = []
        for start in range(0, len(rows), self.batch):
            part = asked.part(start, start + self.batch)
            logits = self.bound.logits(grids[start : start + self.batch], part.image, part.text)
            parts.append(logits.gather(1, part.target[:, None])[:, 0])
        return torch.cat(parts)

    @property
    def logit_size(self) -> Float[Tensor, " r"]:
        """The largest logit of any class, without its sign: how large the terms of each row's logit are, also where they cancel."""
        return self._forward_logits.abs().amax(1)

    @torch.no_grad()
    def rescore(self, images: Float[Tensor, "m 3 H W"], rows: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
        """Logits of rows of one grid for its image, changed: where no text reaches the trunk it runs once per image."""
        asked = self.rows.chosen(rows)
        parts = []
        for start in range(0, len(images), _TRUNK_BATCH):
            part = images[start : start + _TRUNK_BATCH]
            logits = self.bound.look_again(part, int(asked.image[0]), asked.text)
            parts.append(logits.gather(2, asked.target[:, None, None].expand(-1, len(part), 1))[:, :, 0])
        return torch.cat(parts, dim=1)

    def weigh(
        self, weights: Float[Tensor, "r c"], grids: Float[Tensor, "n c h w"] | None = None
    ) -> Float[Tensor, "r h w"]:
        """``sum_c weights[r, c] A[grid of r, c]``: each row's weighted sum of its grid's channels, one product per grid.

        Args:
            weights: one per row and channel.
            grids: instead of the model's own.
        """
        grids = self.grid if grids is None else grids
        height, width = grids.shape[2:]
        out = weights.new_empty(len(self.rows), height, width)
        for index, mine in self.by_image():
            out[mine] = (weights[mine] @ grids[index].flatten(1)).view(-1, height, width)
        return out

    def contract(
        self, weights: Float[Tensor, "r c y x"], grids: Float[Tensor, "n c h w"] | None = None
    ) -> Float[Tensor, "r h w"]:
        """``sum_c weights[r, c] * A[grid of r, c]`` cell by cell; weights of 1 x 1 apply to every cell."""
        if weights.shape[2:] == (1, 1):
            return self.weigh(weights[:, :, 0, 0], grids)
        grids = self.grid if grids is None else grids
        out = torch.empty_like(weights[:, 0])
        for index, mine in self.by_image():
            out[mine] = (weights[mine] * grids[index]).sum(1)
        return out

    def by_image(self) -> list[tuple[int, Int[Tensor, " r"]]]:
        """Every requested grid, with the indices of its rows."""
        return [(index, (self.rows.image == index).nonzero()[:, 0]) for index in sorted(set(self.rows.image.tolist()))]

    @cached_property
    def places(self) -> TokenPlaces:
        """Positions of the grid's cells among the tokens that attend to each other after the tap."""
        return self.bound.places()

    @cached_property
    def attention(self) -> tuple[Attention, ...]:
        """Every self-attention over the grid's cells (and the other tokens) between tap and logit, in order.

        Raises:
            UsageError: there is none.
        """
        parts = [self._attention(start) for start in range(0, len(self.rows), _ROWS_THAT_ATTEND)]
        return tuple(
            Attention(torch.cat([one.weights for one in step]), torch.cat([one.gradients for one in step]))
            for step in zip(*parts, strict=True)
        )

    def _attention(self, start: int) -> list[Attention]:
        rows = self.rows.part(start, start + _ROWS_THAT_ATTEND)
        part = Probe(self.bound, rows)
        with torch.inference_mode(False), torch.enable_grad():
            with AttentionRecorder() as recorder:
                leaf, scores = part._leaf_and_scores(self.tap[rows.image])
            kept = among_tokens(
                recorder.weights, leaf, lambda weights: _over_tokens(weights, len(rows), self.places.tokens)
            )
            if not kept:
                raise UsageError(_no_attention(after(recorder.weights, leaf), self.places))
            slopes = torch.autograd.grad(scores.sum(), kept, allow_unused=True, materialize_grads=True)
        weights, gradients = (part._own_pass(each) for each in (kept, slopes))
        return [Attention(*pair) for pair in zip(weights, gradients, strict=True)]

    def _own_pass(self, found: Sequence[Tensor]) -> list[Float[Tensor, "r heads n n"]]:
        """Of the attentions of all passes, or of their gradients, those of the pass that gives each row's logit.

        Raises:
            UsageError: a row's logit is made of several passes.
        """
        rows, passes = torch.arange(len(self.rows), device=self.rows.target.device), self.bound.passes
        if passes > 1 and int(self.rows.target.max()) >= passes:
            raise UsageError(
                f"attention methods follow one pass of the model, and each of {passes} options is a pass of its own: give one option as "
                "the target, or choose a gradient method such as hires-cam."
            )
        by_row = [each.detach().reshape(len(rows), -1, *each.shape[-2:]) for each in found]
        if passes == 1:
            return by_row
        steps = len(by_row) // passes
        return [torch.stack(by_row[step::steps])[self.rows.target, rows] for step in range(steps)]

    @property
    def _forward_scores(self) -> Float[Tensor, " r"]:
        return self._forward_logits.gather(1, self.rows.target[:, None])[:, 0]

    @cached_property
    @torch.no_grad()
    def _forward_logits(self) -> Float[Tensor, "r classes"]:
        parts = [self.rows.part(start, start + self.batch) for start in range(0, len(self.rows), self.batch)]
        return torch.cat([self.bound.logits(self.tap[part.image], part.image, part.text) for part in parts])

    @cached_property
    def _scores_and_slopes(self) -> tuple[Float[Tensor, " r"], Float[Tensor, "r c y x"]]:
        return self._differentiate(self.tap[self.rows.image])

    def _differentiate(self, grids: Float[Tensor, "r c y x"]) -> tuple[Float[Tensor, " r"], Float[Tensor, "r c y x"]]:
        with torch.inference_mode(False), torch.enable_grad():
            leaf, scores = self._leaf_and_scores(grids)
            (slopes,) = torch.autograd.grad(scores.sum(), leaf)
        # A cell moves the mean by its share of the grid; 1 where the tap is the grid itself.
        share = self.tap[0, 0].numel() / self.grid[0, 0].numel()
        return scores.detach(), slopes * share

    def _leaf_and_scores(self, grids: Float[Tensor, "r c y x"]) -> tuple[Float[Tensor, "r c y x"], Float[Tensor, " r"]]:
        # This copy also turns a tensor made in inference mode into an ordinary one.
        leaf = grids.detach().clone().requires_grad_()
        # The product gives the model a tensor of its own, so that an in-place ReLU right after the tap cannot spoil the leaf.
        logits = self.bound.logits(leaf * 1, self.rows.image, self.rows.text)
        return leaf, logits.gather(1, self.rows.target[:, None].clone())[:, 0]
