"""What passes between the parts of a classifier: encoded images, tokens and encoded texts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class TokenPlaces:
    """The positions of a grid's cells among the tokens that attend to each other after the tap.

    Attributes:
        tokens: number of tokens, cells and others (class token, registers, words).
        cells: indices of the cells among them, row by row.
    """

    tokens: int
    cells: Int[Tensor, " n"]


@dataclass(frozen=True)
class ImageFeatures:
    """Images at the tap: the last place where the trunk still has a spatial grid.

    Attributes:
        grid: always ``b c h w``; adapters of other layouts convert once.
        prefix: tokens besides the grid (class token, registers), ``b p c``; None if there are none.
    """

    grid: Float[Tensor, "b c h w"]
    prefix: Float[Tensor, "b p c"] | None = None

    @property
    def places(self) -> TokenPlaces:
        """Token positions for a trunk that keeps its other tokens here: these first, then the cells."""
        before, cells = 0 if self.prefix is None else self.prefix.shape[1], math.prod(self.grid.shape[2:])
        return TokenPlaces(before + cells, torch.arange(before, before + cells, device=self.grid.device))

    def rows(self, index: Int[Tensor, " r"]) -> "ImageFeatures":
        """The features of chosen images, one per entry of ``index``."""
        return ImageFeatures(self.grid[index], None if self.prefix is None else self.prefix[index])

    def averaged(self) -> "ImageFeatures":
        """The same images on a 1 x 1 grid; a trunk that pools first cannot tell the difference."""
        return ImageFeatures(self.grid.mean((2, 3), keepdim=True), self.prefix)

    def to(self, place: torch.device | torch.dtype | str) -> "ImageFeatures":
        """The same features on another device or in another precision."""
        return ImageFeatures(self.grid.to(place), None if self.prefix is None else self.prefix.to(place))

    def __len__(self) -> int:
        return len(self.grid)


@dataclass(frozen=True)
class Tokens:
    """Texts as token ids.

    Attributes:
        ids: padded to the longest text of the batch.
        mask: True at real tokens.
        truncated: per text, whether it was longer than the tokenizer's limit and was cut.
        unread: per text, whether it is not empty but the tokenizer knows none of its pieces, or its cleaning leaves nothing.
    """

    ids: Int[Tensor, "b l"]
    mask: Bool[Tensor, "b l"]
    truncated: tuple[bool, ...]
    unread: tuple[bool, ...]

    def to(self, device: torch.device | str) -> "Tokens":
        """The same tokens on another device."""
        return Tokens(self.ids.to(device), self.mask.to(device), self.truncated, self.unread)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class TextFeatures:
    """Encoded texts: one vector per token, and one per text.

    Attributes:
        tokens: ``b l d``; may be empty (``l = 0``) if only the pooled vector was kept.
        mask: True at real tokens.
        pooled: one vector per text; width 0 for a model that reads no text.
    """

    tokens: Float[Tensor, "b l d"]
    mask: Bool[Tensor, "b l"]
    pooled: Float[Tensor, "b d"]

    @classmethod
    def from_pooled(cls, pooled: Float[Tensor, "b d"]) -> "TextFeatures":
        """Features with only the pooled vectors, as in a feature cache."""
        batch, width = pooled.shape
        return cls(pooled.new_zeros(batch, 0, width), pooled.new_zeros(batch, 0, dtype=torch.bool), pooled)

    @classmethod
    def joined(cls, parts: Sequence["TextFeatures"]) -> "TextFeatures":
        """Several as one, all padded to the longest; at least one.

        Example:
            >>> short, long = (TextFeatures(torch.ones(1, n, 2), torch.ones(1, n).bool(), torch.ones(1, 2)) for n in (1, 3))
            >>> TextFeatures.joined([short, long]).mask.tolist()
            [[True, False, False], [True, True, True]]
        """
        longest = max(part.tokens.shape[1] for part in parts)
        tokens = [functional.pad(part.tokens, (0, 0, 0, longest - part.tokens.shape[1])) for part in parts]
        masks = [functional.pad(part.mask, (0, longest - part.mask.shape[1])) for part in parts]
        return cls(torch.cat(tokens), torch.cat(masks), torch.cat([part.pooled for part in parts]))

    def rows(self, index: Int[Tensor, " r"] | slice) -> "TextFeatures":
        """The features of chosen texts, one per entry of ``index``."""
        return TextFeatures(self.tokens[index], self.mask[index], self.pooled[index])

    def averaged(self) -> "TextFeatures":
        """One text that stands for all of these: the mean of their vectors, and of their tokens' as its only token."""
        pooled = self.pooled.mean(0, keepdim=True)
        if not self.tokens.shape[1]:
            return TextFeatures.from_pooled(pooled)
        token = self.tokens[self.mask].mean(0)[None, None]
        return TextFeatures(token, torch.ones_like(token[..., 0], dtype=torch.bool), pooled)

    def trimmed(self) -> "TextFeatures":
        """Without the padding that all texts share."""
        real = self.mask.any(0).nonzero()[:, 0]
        length = int(real[-1]) + 1 if len(real) else 0
        return TextFeatures(self.tokens[:, :length], self.mask[:, :length], self.pooled)

    def to(self, device: torch.device | str) -> "TextFeatures":
        """The same features on another device."""
        return TextFeatures(self.tokens.to(device), self.mask.to(device), self.pooled.to(device))

    def with_precision(self, dtype: torch.dtype) -> "TextFeatures":
        """The same features in another precision."""
        return TextFeatures(self.tokens.to(dtype), self.mask, self.pooled.to(dtype))

    def __len__(self) -> int:
        return len(self.pooled)


def no_tokens(texts: Sequence[str]) -> Tokens:
    """Tokens of a model that reads no text: length 0, nothing truncated, nothing unread.

    Example:
        >>> no_tokens(["a", "b"]).ids.shape
        torch.Size([2, 0])
    """
    empty = torch.zeros(len(texts), 0, dtype=torch.long)
    return Tokens(empty, empty.bool(), (False,) * len(texts), (False,) * len(texts))
