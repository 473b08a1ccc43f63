"""Fusions in which the text meets the cells of the grid."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.fusions.fusion import Gaze, Gazing, GridFusion, Pool, Structure, Widths, cells_of
from gazeshift.models.fusions.layers import Attention, attention_width, let_through, linear, tokens_of
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
        mediator="scales of the channels",
    ),
)
class FiLM(GridFusion):
    """The text scales and shifts every channel of the grid before a ReLU; then the cells are averaged."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.image = nn.Linear(widths.channels, spec.hidden)
        self.text = nn.Linear(widths.text, 2 * spec.hidden)
        self.classes = linear(spec.hidden, widths.classes, spec.dropout)
        self.gazing = Gazing(self.scales, self.answer)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        return self._modulated(cells_of(image), *self._modulation(text))

    def scales(self, cells: Float[Tensor, "b cells c"], text: TextFeatures) -> Gaze:
        """The scale of every channel; the shift, which no cell changes, stays with the text."""
        return self._modulation(text)[:1]

    def answer(self, cells: Float[Tensor, "b cells c"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """Logits with these scales."""
        (scale,) = gaze
        return self._modulated(cells, scale, self._modulation(text)[1])

    def _modulation(self, text: TextFeatures) -> tuple[Float[Tensor, "b 1 m"], Float[Tensor, "b 1 m"]]:
        scale, shift = self.text(text.pooled)[:, None].chunk(2, dim=2)
        return scale, shift

    def _modulated(
        self, cells: Float[Tensor, "b cells c"], scale: Float[Tensor, "b 1 m"], shift: Float[Tensor, "b 1 m"]
    ) -> Float[Tensor, "b classes"]:
        hidden = ((1 + scale) * self.image(cells) + shift).relu()
        return self.classes(hidden.mean(1))


@fusion(
    "text-to-image-attention",
    Structure(
        True, True, False, GRID, "tokens", f"Lu et al., ViLBERT, 2019, after {_VASWANI}", "attention over the grid"
    ),
)
class TextAttendsToImage(GridFusion):
    """Every token looks at the cells; what they see is averaged and classified together with the text."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        width = attention_width(spec)
        self.attention = Attention(widths.text, widths.channels, width)
        self.classes = linear(width + widths.text, widths.classes, spec.dropout)
        self.gazing = Gazing(self.look, self.answer)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        cells = cells_of(image)
        return self.answer(cells, text, self.look(cells, text))

    def look(self, cells: Float[Tensor, "b cells c"], text: TextFeatures) -> Gaze:
        """How every token attends to the cells, and which tokens are real."""
        tokens, real = tokens_of(text)
        return *self.attention.pattern(tokens, cells), real

    def answer(self, cells: Float[Tensor, "b cells c"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """Logits of what is seen under this attention, and of the text."""
        *pattern, real = gaze
        seen = masked_mean(self.attention.hear(tuple(pattern), cells), real)
        return self.classes(torch.cat([seen, text.pooled], dim=1))


@fusion(
    "image-to-text-attention",
    Structure(True, True, False, GRID, "tokens", f"Lu et al., ViLBERT, 2019, after {_VASWANI}", "gates of the cells"),
)
class ImageAttendsToText(GridFusion):
    """Every cell reads the tokens and keeps what it is; a hidden ReLU layer on each, then the cells are averaged."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        width = attention_width(spec)
        self.image = nn.Linear(widths.channels, width)
        self.attention = Attention(widths.channels, widths.text, width)
        self.classes = linear(width, widths.classes, spec.dropout)
        self.gazing = Gazing(self.open_units, self.answer)

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        return self.classes(self._read(cells_of(image), text).relu().mean(1))

    def open_units(self, cells: Float[Tensor, "b cells c"], text: TextFeatures) -> Gaze:
        """Which hidden units are open in which cell; shares of attention among the tokens of one text mean nothing in another."""
        return (self._read(cells, text) > 0,)

    def answer(self, cells: Float[Tensor, "b cells c"], text: TextFeatures, gaze: Gaze) -> Float[Tensor, "b classes"]:
        """Logits with these units open."""
        return self.classes(let_through(self._read(cells, text), *gaze).mean(1))

    def _read(self, cells: Float[Tensor, "b cells c"], text: TextFeatures) -> Float[Tensor, "b cells m"]:
        """Every cell with what it has read."""
        return self.image(cells) + self.attention(cells, *tokens_of(text))


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
