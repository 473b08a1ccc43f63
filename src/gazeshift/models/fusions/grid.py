"""Fusions in which the text meets the cells of the grid."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.fusions.fusion import GridFusion, Pool, Structure, Widths, cells_of
from gazeshift.models.fusions.layers import Attention, attention_width, linear, tokens_of
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.fusions.sentences import GRID
from gazeshift.models.spec import HeadSpec
from gazeshift.models.text import masked_mean

_VASWANI = "Vaswani et al., Attention is all you need, 2017"


@fusion(
    "film",
    Structure(
        True,
        True,
        False,
        GRID,
        reference="Perez et al., FiLM: visual reasoning with a general conditioning layer, AAAI 2018",
    ),
)
class FiLM(GridFusion):
    """The text scales and shifts every channel of the grid before a ReLU; then the cells are averaged."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.image = nn.Linear(widths.channels, spec.hidden)
        self.text = nn.Linear(widths.text, 2 * spec.hidden)
        self.classes = linear(spec.hidden, widths.classes, spec.dropout)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        scale, shift = self.text(text.pooled)[:, None].chunk(2, dim=2)
        cells = ((1 + scale) * self.image(cells_of(image)) + shift).relu()
        return self.classes(cells.mean(1))


@fusion(
    "text-to-image-attention",
    Structure(True, True, False, GRID, "tokens", f"Lu et al., ViLBERT, 2019, after {_VASWANI}"),
)
class TextAttendsToImage(GridFusion):
    """Every token looks at the cells; what they see is averaged and classified together with the text."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        width = attention_width(spec)
        self.attention = Attention(widths.text, widths.channels, width)
        self.classes = linear(width + widths.text, widths.classes, spec.dropout)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        tokens, real = tokens_of(text)
        seen = masked_mean(self.attention(tokens, cells_of(image)), real)
        return self.classes(torch.cat([seen, text.pooled], dim=1))


@fusion(
    "image-to-text-attention",
    Structure(True, True, False, GRID, "tokens", f"Lu et al., ViLBERT, 2019, after {_VASWANI}"),
)
class ImageAttendsToText(GridFusion):
    """Every cell reads the tokens and keeps what it is; a hidden ReLU layer on each, then the cells are averaged."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        width = attention_width(spec)
        self.image = nn.Linear(widths.channels, width)
        self.attention = Attention(widths.channels, widths.text, width)
        self.classes = linear(width, widths.classes, spec.dropout)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        cells = cells_of(image)
        return self.classes((self.image(cells) + self.attention(cells, *tokens_of(text))).relu().mean(1))


@fusion(
    "co-attention",
    Structure(True, True, False, GRID, "tokens", "Lu et al., Hierarchical question-image co-attention, NeurIPS 2016"),
)
class CoAttention(GridFusion):
    """Cells read tokens and tokens look at cells, each with what it was; both are averaged and classified together."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        width = attention_width(spec)
        self.image, self.text = nn.Linear(widths.channels, width), nn.Linear(widths.text, width)
        self.reading = Attention(widths.channels, widths.text, width)
        self.looking = Attention(widths.text, widths.channels, width)
        self.classes = linear(2 * width, widths.classes, spec.dropout)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        cells, (tokens, real) = cells_of(image), tokens_of(text)
        seen = (self.image(cells) + self.reading(cells, tokens, real)).relu().mean(1)
        said = (self.text(tokens) + self.looking(tokens, cells)).relu()
        return self.classes(torch.cat([seen, masked_mean(said, real)], dim=1))
