"""The core: ``classify(encode_image(images), encode_text(tokens))``. The text never enters the image trunk."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from gazeshift.models.affine import Affine
from gazeshift.models.features import ImageFeatures, TextFeatures, TokenPlaces, Tokens, no_tokens
from gazeshift.models.heads import HEADS, Structure
from gazeshift.models.modes import evaluating
from gazeshift.models.spec import ModelSpec
from gazeshift.models.step import coarsest_step
from gazeshift.models.text import Encoder
from gazeshift.models.tokenizer import TextTokenizer
from gazeshift.models.trunk import Trunk
from gazeshift.registry import lookup


class Classifier(nn.Module):
    """An image trunk, a text encoder and a head, split where the text enters.

    Training calls the same three functions as an explanation. A model with one modality is a head that ignores the other.

    Attributes:
        spec: its specification.
        structure: what its head can and cannot do.
        pools_first: whether everything after the tap depends on the grid only through its mean, so that a 1 x 1 grid of the
            means gives the same logits and maps of any number of texts have a closed form.
    """

    def __init__(self, spec: ModelSpec, trunk: Trunk, encoder: Encoder, tokenizer: TextTokenizer | None) -> None:
        super().__init__()
        self.spec = spec
        self.trunk = trunk
        self.encoder = encoder
        self.tokenizer = tokenizer
        head = lookup(HEADS, spec.head.head, "head")
        self.structure: Structure = head.structure
        # One black image gives the widths; nothing here is random, so building a model draws no random numbers but its head's own.
        with evaluating(trunk), torch.no_grad():
            example = trunk.encode(torch.zeros(1, 3, spec.preprocessing.size, spec.preprocessing.size))
            width = trunk.pool(example).shape[1]
        self.pools_first = _pools_first(trunk, example)
        self.head = head.build(spec.head, width, encoder.width, len(spec.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.spec.classes

    @property
    def device(self) -> torch.device:
        """Where the head's weights are."""
        return next(self.head.parameters()).device

    @property
    def affine(self) -> Affine:
        """The affine between the trunk's own grid and the tap."""
        return self.trunk.affine

    def step(self, image: ImageFeatures) -> float:
        """The coarsest relative precision of ``classify``; no head convolves."""
        return coarsest_step([image.grid.dtype], image.grid.device, convolves=not self.pools_first)

    def places(self, image: ImageFeatures) -> TokenPlaces:
        """Positions of the grid's cells among the tokens that attend to each other after the tap."""
        return image.places

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Texts to tokens, on the model's device."""
        tokens = no_tokens(texts) if self.tokenizer is None else self.tokenizer(texts)
        return tokens.to(self.device)

    def encode_image(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """The image trunk up to the tap; never receives text."""
        return self.trunk.encode(images)

    def encode_text(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """The text encoder; never receives the image."""
        return self.encoder(ids, mask)

    def classify(self, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """The rest of the trunk, pooling, fusion and head: logits."""
        return self.head(self.trunk.pool(image), text)

    def forward(
        self, images: Float[Tensor, "b 3 H W"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]
    ) -> Float[Tensor, "b classes"]:
        """``classify(encode_image(images), encode_text(ids, mask))``."""
        return self.classify(self.encode_image(images), self.encode_text(ids, mask))


def _pools_first(trunk: Trunk, example: ImageFeatures) -> bool:
    """Test the trunk: does a random grid pool to the same vector as its mean?"""
    if trunk.mixes_cells:
        return False  # even where an untrained layer scale makes that too small to see
    grid = _random_like(example)
    means = grid.averaged()  # before anything else: a tail may work in place
    with evaluating(trunk), torch.no_grad():
        try:
            whole, averaged = trunk.pool(grid), trunk.pool(means)
        except RuntimeError:  # a tail that flattens takes one size of grid only
            return False
    return torch.allclose(whole, averaged, rtol=1e-4, atol=1e-5)


def _random_like(example: ImageFeatures) -> ImageFeatures:
    noise = torch.randn(2, *example.grid.shape[1:], generator=torch.Generator().manual_seed(0))
    return ImageFeatures(noise, None if example.prefix is None else example.prefix.expand(2, -1, -1))
