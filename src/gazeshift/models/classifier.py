"""The core: ``classify(encode_image(images), encode_text(tokens))``. The text never enters the image trunk."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor, nn

from gazeshift.errors import UsageError
from gazeshift.models.affine import Affine
from gazeshift.models.bottleneck import Attending, Bottleneck
from gazeshift.models.face import Heard
from gazeshift.models.features import ImageFeatures, TextFeatures, TokenPlaces, Tokens, no_tokens
from gazeshift.models.fingerprint import known_digest
from gazeshift.models.folded import ready
from gazeshift.models.fusions import HEADS, Structure, Widths
from gazeshift.models.modes import evaluating
from gazeshift.models.origin import Origin
from gazeshift.models.spec import ModelSpec
from gazeshift.models.step import coarsest_step
from gazeshift.models.text import Encoder
from gazeshift.models.token_endings import See
from gazeshift.models.tokenizer import TextTokenizer
from gazeshift.models.trunk import Trunk, pools_first
from gazeshift.registry import lookup
from gazeshift.rounding import ROUNDING

_TRIALS = 4
_TOKENS = 3
_TEXTS_AT_ONCE = 128  # more gain nothing on a CPU, and a sentence encoder's inner layers are wide


class Classifier(nn.Module):
    """An image trunk, a text encoder and a head, split where the text enters.

    Training calls the same three functions as an explanation. A model with one modality is a head that ignores the other.

    Attributes:
        spec: its specification.
        origin: how it came to be.
        structure: what its head can and cannot do.
        widths: what its head is built for.
        pools_first: whether everything after the tap depends on the grid only through its mean, so that a 1 x 1 grid of the
            means gives the same logits and maps of any number of texts have a closed form.
    """

    def __init__(self, spec: ModelSpec, trunk: Trunk, encoder: Encoder, tokenizer: TextTokenizer | None) -> None:
        super().__init__()
        self.spec = spec
        self.origin = Origin()
        self.trunk = trunk
        self.encoder = encoder
        self.tokenizer = tokenizer
        head = lookup(HEADS, spec.head.head, "head")
        self.structure: Structure = head.structure
        # One black image gives the widths; nothing here is random, so building a model draws no random numbers but its head's own.
        with evaluating(trunk), torch.no_grad():
            example = trunk.encode(torch.zeros(1, 3, spec.preprocessing.size, spec.preprocessing.size))
            vector = trunk.pool(example).shape[1]
        channels, cells = example.grid.shape[1], example.grid[0, 0].numel() if example.grid.shape[1] else 0
        self.widths = Widths(vector, channels, cells, encoder.width, len(spec.classes))
        self.head = head.build(self.widths, spec.head)
        self.pools_first = self.head.pooled is not None and pools_first(trunk, example)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.spec.classes

    @property
    def name(self) -> str:
        """Of its specification."""
        return self.spec.name

    @property
    def sees_image(self) -> bool:
        """From its structure."""
        return self.structure.sees_image

    @property
    def reads_text(self) -> bool:
        """From its structure."""
        return self.structure.reads_text

    @property
    def mask_token(self) -> str | None:
        """Of its tokenizer."""
        return None if self.tokenizer is None else self.tokenizer.mask_token

    def digest(self) -> str:
        """Fingerprint of specification, vocabulary and weights."""
        return known_digest(self)

    def identity(self) -> str:
        """Its specification and its vocabulary."""
        words = [] if self.tokenizer is None else [json.dumps(sorted(self.tokenizer.tokenizer.get_vocab().items()))]
        return "".join([self.spec.model_dump_json(), *words])

    def marks(self) -> tuple[object, ...]:
        """Its specification and the size of its vocabulary."""
        return self.spec, 0 if self.tokenizer is None else len(self.tokenizer.tokenizer)

    @property
    def enough(self) -> int | None:
        """Of its preprocessing."""
        return self.spec.preprocessing.enough

    def about(self, picture: Image.Image, text: str) -> "Classifier":
        """Itself: its outputs are the same for every picture and text."""
        return self

    def heard(self, texts: Sequence[str]) -> Heard:
        """Which texts are cut, and in which the tokenizer knows nothing."""
        tokens = self.tokenize(texts)
        return Heard(tokens.truncated, tokens.unread)

    @property
    def device(self) -> torch.device:
        """Where the head's weights are."""
        return next(self.head.parameters()).device

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
        return self.head(image, self.trunk.pool, text)

    def forward(
        self, images: Float[Tensor, "b 3 H W"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]
    ) -> Float[Tensor, "b classes"]:
        """``classify(encode_image(images), encode_text(ids, mask))``."""
        return self.classify(self.encode_image(images), self.encode_text(ids, mask))

    def view(self, picture: Image.Image) -> Image.Image:
        """The part of a picture that the model sees, and a map covers."""
        return self.spec.preprocessing.crop_image(picture.convert("RGB"))

    def trials(self) -> Iterator[tuple["BoundClassifier", int]]:
        """Random grids with random vectors of texts: the head is asked about more than any encoder could give."""
        generator = torch.Generator().manual_seed(0)
        size = self.spec.preprocessing.size
        with torch.no_grad(), evaluating(self):
            example = self.encode_image(torch.zeros(1, 3, size, size, device=self.device))
        for _ in range(_TRIALS):
            grid = torch.randn(example.grid.shape, generator=generator).to(self.device)
            words = torch.randn(_TRIALS, _TOKENS, self.encoder.width, generator=generator).to(self.device)
            real = torch.ones(_TRIALS, _TOKENS, dtype=torch.bool, device=self.device)
            text = TextFeatures(words, real, words.mean(1))
            yield BoundClassifier(self, ImageFeatures(grid, example.prefix), text), _TRIALS

    def see(self, pictures: Sequence[Image.Image]) -> Callable[[Sequence[str]], "BoundClassifier"]:
        """Pictures at the tap, in evaluation mode and without gradients, ready for any texts: the trunk runs once."""
        preprocessing = self.spec.preprocessing
        crops = torch.from_numpy(np.stack([preprocessing.crop(picture) for picture in pictures]))
        images = preprocessing.normalise(crops).to(self.device)
        seen = encode_images(self, images)
        return lambda texts: BoundClassifier(self, seen, encode_texts(self, texts), images)

    def bind(self, pictures: Sequence[Image.Image], texts: Sequence[str]) -> "BoundClassifier":
        """Pictures at the tap and encoded texts, in evaluation mode and without gradients, ready to be explained."""
        return self.see(pictures)(texts)

    @property
    def precision(self) -> torch.dtype:
        """Of the head's weights."""
        return next(self.head.parameters()).dtype


@dataclass(frozen=True, eq=False)
class BoundClassifier:
    """A classifier bound to encoded images and texts: ``gazeshift.models.bound.Bound``.

    Attributes:
        model: the classifier.
        image: encoded images.
        text: encoded texts.
        images: the images as input to the trunk; only methods that change them need these.
        notes: none.
        tolerance: unlimited: it keeps no state.
    """

    model: Classifier
    image: ImageFeatures
    text: TextFeatures
    images: Float[Tensor, "n 3 H W"] | None = None
    notes: tuple[str, ...] = ()
    tolerance: float = math.inf

    @property
    def grid(self) -> Float[Tensor, "n c h w"]:
        """What the trunk gave at the tap."""
        return self.image.grid

    @property
    def pools_first(self) -> bool:
        """Of the classifier."""
        return self.model.pools_first

    @property
    def bottleneck(self) -> Bottleneck | None:
        """All of the trunk and the head's image side, and the rest of the head; None if the text meets the grid."""
        head = self.model.head.pooled
        if head is None:
            return None

        def see(grids: Tensor, grid_row: Tensor) -> Tensor:
            return head.see(self.model.trunk.pool(self._with(grids, grid_row)))

        def fuse(seen: Tensor, grid_row: Tensor, text: Tensor) -> Tensor:
            return head.fuse(seen, self.text.rows(text))

        return Bottleneck(see, fuse, partial(self._attend, head.see))

    @property
    def affine(self) -> Affine:
        """The affine between the trunk's own grid and the tap."""
        return self.model.trunk.affine

    @property
    def step(self) -> float:
        """The coarsest relative precision of ``classify``; no head convolves."""
        step = coarsest_step([self.grid.dtype], self.grid.device, convolves=not self.pools_first)
        return max(step, ROUNDING) * self.model.head.amplification

    def places(self) -> TokenPlaces:
        """Positions of the grid's cells among the tokens that attend to each other after the tap.

        Raises:
            UsageError: the text meets the grid, so that its tokens attend to the cells, or nothing attends any more.
        """
        if self.model.head.pooled is None:
            raise UsageError(
                f"attention methods follow the attention of cells to cells, and in {self.model.spec.head.head!r} the text meets the cells: "
                "choose a gradient method such as hires-cam."
            )
        return self.image.places

    @property
    def passes(self) -> int:
        """One for all classes."""
        return 1

    def modules(self) -> Iterator[nn.Module]:
        """The classifier's."""
        return self.model.modules()

    def eval(self) -> object:
        """The classifier in evaluation mode."""
        return self.model.eval()

    def known_logits(self, grid_row: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> None:
        """None: they have yet to be computed."""

    def grid_rows(self, image: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Int[Tensor, " p"]:
        """One grid per image: no text enters before the tap."""
        return image

    def logits(
        self, grids: Float[Tensor, "r c y x"], grid_row: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        """``classify`` with other grids; the tokens besides the grid are the image's own."""
        return self.model.classify(self._with(grids, grid_row), self.text.rows(text))

    def _with(self, grids: Float[Tensor, "r c y x"], grid_row: Int[Tensor, " r"]) -> ImageFeatures:
        """Other grids, with the images' own tokens besides."""
        return ImageFeatures(grids, None if self.image.prefix is None else self.image.prefix[grid_row])

    def _attend(self, see: See, grid_row: Int[Tensor, " n"]) -> Attending | None:
        asked = tuple(grid_row.tolist())
        if asked not in self._attended:
            self._attended.clear()
            with torch.inference_mode(False), torch.no_grad():
                self._attended[asked] = self.model.trunk.attend(self.image.rows(grid_row), see)
        return self._attended[asked]

    @cached_property
    def _attended(self) -> dict[tuple[int, ...], Attending | None]:
        """Of the images that were asked about last: for their logits, then for their maps."""
        return {}

    def pixels(self, grid_row: int) -> Float[Tensor, "3 H W"]:
        """The image as input to the trunk.

        Raises:
            UsageError: only its features were kept.
        """
        if self.images is None:
            raise UsageError(
                "this method changes the image itself, and only its features are at hand: give its pixels."
            )
        return self.images[grid_row]

    @torch.no_grad()
    def look_again(
        self, images: Float[Tensor, "m 3 H W"], grid_row: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        """Logits of other images: the trunk runs once per image, whatever the number of texts."""
        features = encode_images(self.model, images)
        features = features.averaged() if self.pools_first else features
        which = torch.arange(len(images), device=text.device).repeat(len(text))
        logits = self.model.classify(features.rows(which), self.text.rows(text.repeat_interleave(len(images))))
        return logits.view(len(text), len(images), -1)


@torch.no_grad()
def encode_images(model: Classifier, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
    """Image features as the head gets them, in evaluation mode and the head's precision.

    The trunk runs with its batch norms folded into its convolutions (``gazeshift.models.folded``), so it takes less time than
    ``model.encode_image``, which training calls; the features differ by rounding.
    """
    features = ready(model.trunk, images).trunk.encode(images)
    # Under autocast the trunk may answer in half precision; the head and the map stay in the head's own.
    return features.to(model.precision)


@torch.no_grad()
def encode_texts(model: Classifier, texts: Sequence[str]) -> TextFeatures:
    """Text features as the head gets them, in evaluation mode, the head's precision and bounded memory.

    All are padded to the longest, as in one batch.
    """
    with evaluating(model):
        tokens = model.tokenize(texts)
        parts = [
            model.encode_text(tokens.ids[start : start + _TEXTS_AT_ONCE], tokens.mask[start : start + _TEXTS_AT_ONCE])
            for start in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
    return TextFeatures.joined(parts).with_precision(model.precision)
