"""Fusions that put cells and tokens into one transformer."""

from collections.abc import Iterable
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.fusions.fusion import Gaze, Gazing, GridFusion, Pool, Structure, Widths, cells_of
from gazeshift.models.fusions.layers import Block, all_real, attention_width, learnt, linear, tokens_of
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.fusions.sentences import GRID
from gazeshift.models.spec import HeadSpec

_LAYERS = 2
_BOTTLENECKS = 4


@fusion(
    "bimodal-transformer",
    Structure(
        True,
        True,
        False,
        GRID,
        "tokens",
        "Kiela et al., Supervised multimodal bitransformers (MMBT), 2019; on the encoded tokens",
    ),
)
class BimodalTransformer(GridFusion):
    """MMBT: the cells become tokens of the text's transformer, which is read at a token of its own.

    In the paper they enter BERT with the words; here blocks of their own follow the text encoder, so that this may stay frozen.
    """

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        width = attention_width(spec)
        self.image, self.text = nn.Linear(widths.channels, width), nn.Linear(widths.text, width)
        self.places, self.read = learnt(widths.cells, width), learnt(1, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(_LAYERS)])
        self.classes = linear(width, widths.classes, spec.dropout)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        tokens, real = tokens_of(text)
        cells = self.image(cells_of(image)) + self.places
        read = self.read.expand(len(cells), -1, -1)
        joined = torch.cat([read, cells, self.text(tokens)], dim=1)
        heard = torch.cat([all_real(read), all_real(cells), real], dim=1)
        for block in self.blocks:
            joined = block(joined, heard)
        return self.classes(joined[:, 0])


@fusion(
    "bottleneck-tokens",
    Structure(
        True,
        True,
        False,
        GRID,
        "tokens",
        "Nagrani et al., Attention bottlenecks for multimodal fusion (MBT), NeurIPS 2021",
        "attention over the grid",
    ),
)
class BottleneckTokens(GridFusion):
    """MBT: cells and tokens each have a transformer; they meet only in a few tokens that both share, averaged after each block."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        width = attention_width(spec)
        self.image, self.text = nn.Linear(widths.channels, width), nn.Linear(widths.text, width)
        self.places, self.read, self.shared = (learnt(count, width) for count in (widths.cells, 2, _BOTTLENECKS))
        self.image_blocks, self.text_blocks = (nn.ModuleList([Block(width) for _ in range(_LAYERS)]) for _ in range(2))
        self.classes = linear(width, widths.classes, spec.dropout)
        self.gazing = Gazing(self.look, self.answer)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """The mean of both transformers' logits."""
        return self._read(cells_of(image), text, None)[0]

    def look(self, cells: Float[Tensor, "b cells c"], text: TextFeatures) -> Gaze:
        """How cells and shared tokens attend to each other, block by block: queries, keys, queries, keys, ..."""
        return self._read(cells, text, None)[1]

    def answer(self, cells: Float[Tensor, "b cells c"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """Logits with this attention in the image's transformer."""
        return self._read(cells, text, gaze)[0]

    def _read(
        self, grid: Float[Tensor, "b cells c"], text: TextFeatures, gaze: Gaze | None
    ) -> tuple[Float[Tensor, "b classes"], Gaze]:
        """Logits, and the image's transformer's own attention."""
        tokens, real = tokens_of(text)
        first, second = self.read[:, None].expand(2, len(tokens), -1)[..., None, :]
        cells = torch.cat([first, self.image(grid) + self.places], dim=1)
        words, real = torch.cat([second, self.text(tokens)], dim=1), torch.cat([all_real(second), real], dim=1)
        shared, found = self.shared.expand(len(tokens), -1, -1), list[Tensor]()
        for look, read in zip(*map(_each, (self.image_blocks, self.text_blocks)), strict=True):
            seen = torch.cat([cells, shared], dim=1)
            found += look.pattern(seen)
            pattern = (found if gaze is None else gaze)[len(found) - 2 : len(found)]
            cells, ours = _apart(look.under(tuple(pattern), seen, all_real(seen)), cells)
            words, theirs = _apart(
                read(torch.cat([words, shared], dim=1), torch.cat([real, all_real(shared)], dim=1)), words
            )
            shared = (ours + theirs) / 2
        return (self.classes(cells[:, 0]) + self.classes(words[:, 0])) / 2, tuple(found)


def _each(blocks: nn.Module) -> Iterable[Block]:
    return cast("Iterable[Block]", blocks)


def _apart(
    done: Float[Tensor, "b m w"], tokens: Float[Tensor, "b n w"]
) -> tuple[Float[Tensor, "b n w"], Float[Tensor, "b s w"]]:
    """A modality's tokens and the shared ones behind them."""
    return done[:, : tokens.shape[1]], done[:, tokens.shape[1] :]
