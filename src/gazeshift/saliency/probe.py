"""The only place that uses autograd: it provides what methods need from a classifier at the tap."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import UsageError, listed
from gazeshift.models import ImageFeatures, TextFeatures
from gazeshift.models.adapters.protocol import Explainable
from gazeshift.models.features import TokenPlaces
from gazeshift.saliency.recording import AttentionRecorder, after, one_sided

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
    """What to explain: row i asks for the map of class ``target[i]`` of image ``image[i]`` with text ``text[i]`` (all indices)."""

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
    return (
        f"no attention over the grid after the tap ({places.tokens} tokens, {len(places.cells)} of them cells); {found}; tap earlier, "
        "where those tokens receive attention, or choose a gradient method such as hires-cam."
    )


class Probe:
    """A classifier seen from the tap, for some images, texts and classes.

    The trunk has already run, once per image. The tap becomes a leaf and ``classify`` runs from there, so the text-free trunk is never run
    again and no hook is needed. If the model pools first, the leaf is the grid's mean: one small vector per row, whatever the grid.
    Works with frozen parameters, inside ``no_grad`` and inside ``inference_mode``; touches no ``.grad``. The model must be in evaluation
    mode.

    Args:
        model: the classifier.
        image: encoded images.
        text: encoded texts.
        rows: which image, text and class each row explains.
        pixels: the images themselves, as input to the trunk; only ``rescore`` needs them.
    """

    def __init__(
        self,
        model: Explainable,
        image: ImageFeatures,
        text: TextFeatures,
        rows: Rows,
        pixels: Float[Tensor, "n 3 H W"] | None = None,
    ) -> None:
        self.model = model
        self.image = image
        self.text = text
        self.rows = rows
        self._pixels = pixels

    def of(self, index: Int[Tensor, " m"]) -> "Probe":
        """The same question for some of the rows."""
        return Probe(self.model, self.image, self.text, self.rows.chosen(index), self._pixels)

    @cached_property
    def tap(self) -> ImageFeatures:
        """What is replaced and differentiated: the images' grids, or their means (1 x 1) if the model pools first."""
        return self.image.averaged() if self.model.pools_first else self.image

    @property
    def step(self) -> float:
        """The coarsest relative step of the numbers that what follows the tap computes with."""
        return self.model.step(self.tap)

    @property
    def batch(self) -> int:
        """How many grids of ``tap`` are held at once."""
        return chunk(self.tap.grid[0].numel(), self.tap.grid.device)

    @property
    def pixels(self) -> Float[Tensor, "n 3 H W"]:
        """The images as input to the trunk.

        Raises:
            UsageError: they were not given.
        """
        if self._pixels is None:
            raise UsageError(
                "this method changes the image itself: give the pixels (compute_maps(..., pixels=images))."
            )
        return self._pixels

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
        return self.slopes.expand(-1, -1, *self.image.grid.shape[2:])

    def slopes_at(self, grids: Float[Tensor, "r c y x"]) -> Float[Tensor, "r c y x"]:
        """``slopes`` for other grids at the tap, shaped like those of ``tap``, one per row."""
        return self._differentiate(grids)[1]

    def score(self, grids: Float[Tensor, "m c y x"], rows: Int[Tensor, " m"]) -> Float[Tensor, " m"]:
        """Logit of row ``rows[i]`` with ``grids[i]``, shaped like those of ``tap``, at the tap; in chunks."""
        image, prefix = self.rows.image[rows], self.tap.prefix
        replaced = ImageFeatures(grids, None if prefix is None else prefix[image])
        return self._score(replaced, torch.arange(len(rows), device=rows.device), rows)

    @torch.no_grad()
    def rescore(self, images: Float[Tensor, "m 3 H W"], rows: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
        """Logits of chosen rows for other images: the trunk runs once per image, whatever the number of rows."""
        parts = []
        for start in range(0, len(images), _TRUNK_BATCH):
            part = images[start : start + _TRUNK_BATCH]
            features = self.model.encode_image(part)
            features = features.averaged() if self.model.pools_first else features
            which = torch.arange(len(part), device=rows.device).repeat(len(rows))
            parts.append(self._score(features, which, rows.repeat_interleave(len(part))).view(len(rows), -1))
        return torch.cat(parts, dim=1)

    def weigh(self, weights: Float[Tensor, "r c"]) -> Float[Tensor, "r h w"]:
        """``sum_c weights[r, c] A[image of r, c]``: each row's weighted sum of its image's channels, one product per image."""
        height, width = self.image.grid.shape[2:]
        out = weights.new_empty(len(self.rows), height, width)
        for index, mine in self.by_image():
            out[mine] = (weights[mine] @ self.image.grid[index].flatten(1)).view(-1, height, width)
        return out

    def contract(self, weights: Float[Tensor, "r c y x"]) -> Float[Tensor, "r h w"]:
        """``sum_c weights[r, c] * A[image of r, c]`` cell by cell; weights of 1 x 1 apply to every cell."""
        if weights.shape[2:] == (1, 1):
            return self.weigh(weights[:, :, 0, 0])
        out = torch.empty_like(weights[:, 0])
        for index, mine in self.by_image():
            out[mine] = (weights[mine] * self.image.grid[index]).sum(1)
        return out

    def by_image(self) -> list[tuple[int, Int[Tensor, " r"]]]:
        """Every requested image, with the indices of its rows."""
        return [(index, (self.rows.image == index).nonzero()[:, 0]) for index in sorted(set(self.rows.image.tolist()))]

    @cached_property
    def places(self) -> TokenPlaces:
        """Positions of the grid's cells among the tokens that attend to each other after the tap."""
        return self.model.places(self.tap)

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
        part = Probe(self.model, self.image, self.text, rows)
        with torch.inference_mode(False), torch.enable_grad():
            with AttentionRecorder() as recorder:
                leaf, scores = part._leaf_and_scores(self.tap.grid[rows.image])
            seen = after(recorder.weights, leaf)
            kept = [weights for weights in seen if _over_tokens(weights, len(rows), self.places.tokens)]
            if not kept:
                raise UsageError(_no_attention(seen, self.places))
            if any(one_sided(weights, leaf) for weights in kept):
                raise UsageError(
                    f"what follows the tap attends {self.places.tokens} x {self.places.tokens}, but a text (or learned queries) of as many "
                    "tokens as the grid takes part: pad the texts to another length, or choose a gradient method such as hires-cam."
                )
            slopes = torch.autograd.grad(scores.sum(), kept, allow_unused=True, materialize_grads=True)
        by_row = [
            [tensor.detach().reshape(len(rows), -1, *tensor.shape[-2:]) for tensor in pair]
            for pair in zip(kept, slopes, strict=True)
        ]
        return [Attention(*pair) for pair in by_row]

    @cached_property
    def _forward_scores(self) -> Float[Tensor, " r"]:
        rows = torch.arange(len(self.rows), device=self.rows.image.device)
        return self._score(self.tap, self.rows.image, rows)

    @cached_property
    def _scores_and_slopes(self) -> tuple[Float[Tensor, " r"], Float[Tensor, "r c y x"]]:
        return self._differentiate(self.tap.grid[self.rows.image])

    @torch.no_grad()
    def _score(self, features: ImageFeatures, which: Int[Tensor, " m"], rows: Int[Tensor, " m"]) -> Float[Tensor, " m"]:
        """Logit of row ``rows[i]`` with ``features[which[i]]``."""
        size, text, target = self.batch, self.rows.text[rows], self.rows.target[rows]
        parts = []
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            logits = self.model.classify(features.rows(which[part]), self.text.rows(text[part]))
            parts.append(logits.gather(1, target[part, None])[:, 0])
        return torch.cat(parts)

    def _differentiate(self, grids: Float[Tensor, "r c y x"]) -> tuple[Float[Tensor, " r"], Float[Tensor, "r c y x"]]:
        with torch.inference_mode(False), torch.enable_grad():
            leaf, scores = self._leaf_and_scores(grids)
            (slopes,) = torch.autograd.grad(scores.sum(), leaf)
        # A cell moves the mean by its share of the grid; 1 where the tap is the grid itself.
        share = self.tap.grid[0, 0].numel() / self.image.grid[0, 0].numel()
        return scores.detach(), slopes * share

    def _leaf_and_scores(self, grids: Float[Tensor, "r c y x"]) -> tuple[Float[Tensor, "r c y x"], Float[Tensor, " r"]]:
        prefix = self.tap.prefix
        # These copies also turn tensors made in inference mode into ordinary ones.
        chosen = None if prefix is None else prefix[self.rows.image]
        text = self.text.rows(self.rows.text)
        leaf = grids.detach().clone().requires_grad_()
        # The product gives classify a tensor of its own, so that an in-place ReLU right after the tap cannot spoil the leaf.
        logits = self.model.classify(ImageFeatures(leaf * 1, chosen), text)
        return leaf, logits.gather(1, self.rows.target[:, None].clone())[:, 0]
