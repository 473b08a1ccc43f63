"""A model's inputs: pixels or features of the image, texts or vectors of the text. Composed, so that no other code needs to know which."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from gazeshift.data.on_the_fly import Crops
from gazeshift.errors import DataError
from gazeshift.models import Classifier, ImageFeatures, TextFeatures
from gazeshift.models.stem import Stem
from gazeshift.training.augment import Augmentation
from gazeshift.training.features import CachedImages, CachedTexts
from gazeshift.training.keyed import draws, hash_keys, order
from gazeshift.training.shares import Division, Share
from gazeshift.training.split import Split

Part = TypeVar("Part")
Encoded_co = TypeVar("Encoded_co", covariant=True)


class Side(Protocol, Generic[Part, Encoded_co]):
    """The images of a split: gives those of a share of a batch (in a worker) and encodes them with a model (on the model's device)."""

    def __len__(self) -> int: ...
    def check(self, model: Classifier, count: int) -> None: ...  # noqa: D102
    def take(self, rows: np.ndarray) -> Part: ...  # noqa: D102
    def encode(self, model: Classifier, part: Part) -> Encoded_co: ...  # noqa: D102


class TextSide(Protocol, Generic[Part, Encoded_co]):
    """The texts of a split: gives those of a whole batch, which decide how far each is padded, and encodes a share of them."""

    def __len__(self) -> int: ...
    def check(self, model: Classifier, count: int) -> None: ...  # noqa: D102
    def take(self, rows: np.ndarray) -> Part: ...  # noqa: D102
    def encode(self, model: Classifier, part: Part, rows: slice) -> Encoded_co: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Pixels:
    """Crops, normalised on the model's device and encoded by its trunk."""

    images: Crops

    def __len__(self) -> int:
        return len(self.images)

    def check(self, model: Classifier, count: int) -> None:
        """Refuse crops of a different size.

        Raises:
            DataError: their size differs from the model's preprocessing.
        """
        size = model.spec.preprocessing.size
        if self.images.shape[2:] != (size, size):
            height, width = self.images.shape[2:]
            raise DataError(f"the crops are {width} x {height} px, the model's preprocessing makes {size} x {size}.")

    def take(self, rows: np.ndarray) -> UInt8[Tensor, "b 3 H W"]:
        """Some crops."""
        return torch.from_numpy(np.asarray(self.images[rows]))

    def encode(self, model: Classifier, part: UInt8[Tensor, "b 3 H W"]) -> ImageFeatures:
        """Normalise and encode."""
        return model.encode_image(model.spec.preprocessing.normalise(part.to(model.device)))


@dataclass(frozen=True, eq=False)
class StemImages:
    """The features of a split from a trunk's frozen first layers; the rest of the trunk runs at every step.

    Attributes:
        kept: their output.
        stem: of the model that is trained.
    """

    kept: CachedImages
    stem: Stem

    def __len__(self) -> int:
        return len(self.kept)

    def check(self, model: Classifier, count: int) -> None:
        """Refuse features from different first layers.

        Raises:
            TrainingError: from different weights, or not one per pair.
        """
        self.kept.check_made_by(self.stem, count)

    def take(self, rows: np.ndarray) -> ImageFeatures:
        """The features of some images."""
        return self.kept.take(rows)

    def encode(self, model: Classifier, part: ImageFeatures) -> ImageFeatures:
        """The rest of the trunk, up to its tap."""
        return self.stem.finish(part.to(model.device))


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts, tokenised batch by batch and encoded by the model's text encoder."""

    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def check(self, model: Classifier, count: int) -> None:
        """Nothing to check: every text can be read."""

    def take(self, rows: np.ndarray) -> list[str]:
        """Some texts."""
        return [self.texts[row] for row in rows]

    def encode(self, model: Classifier, part: list[str], rows: slice) -> TextFeatures:
        """Tokenise all and encode some."""
        tokens = model.tokenize(part)
        return model.encode_text(tokens.ids[rows], tokens.mask[rows])


@dataclass(frozen=True, eq=False)
class Batch:
    """A share of a batch of pairs; its parts come from the two sides of ``Inputs``."""

    labels: Int[Tensor, " b"]
    images: Any  # crops or ImageFeatures
    texts: Any  # texts or their vectors, those of the whole batch
    share: Share
    uniform: Float[Tensor, " b"] | None = (
        None  # a number in [0, 1) for each pair, of the epoch; None outside of training
    )


@dataclass(frozen=True, eq=False)
class Inputs:
    """A split in the form of a model's inputs."""

    keys: Sequence[str]
    labels: Int[Tensor, " n"]
    images: Side[Any, ImageFeatures]
    texts: TextSide[Any, TextFeatures]

    @classmethod
    def of(
        cls, split: Split, images: CachedImages | StemImages | None = None, texts: CachedTexts | None = None
    ) -> "Inputs":
        """Pixels and texts, or features instead of either."""
        return cls(split.keys, split.labels, images or Pixels(split.images), texts or Texts(split.texts))

    def check(self, model: Classifier) -> None:
        """Refuse inputs that do not fit this model.

        Raises:
            DataError: no pairs, a label that is not a class, crops of a different size.
            TrainingError: features from a different trunk or text encoder.
        """
        if not len(self.labels):
            raise DataError("the split holds no pairs.")
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= len(model.classes):
            wrong = low if low < 0 else high
            raise DataError(f"label {wrong} is not a class: the model has {len(model.classes)}, counted from 0.")
        self.images.check(model, len(self.labels))
        self.texts.check(model, len(self.labels))

    def batch(self, rows: np.ndarray, share: Share | None = None) -> Batch:
        """The pairs of some rows, or a share of them, unchanged."""
        share = share or Share.of(len(rows))
        own = rows[share.rows]
        return Batch(self.labels[torch.from_numpy(own)], self.images.take(own), self.texts.take(rows), share)

    def encoded(self, model: Classifier, batch: Batch) -> tuple[ImageFeatures, TextFeatures]:
        """Both sides as the fusion gets them."""
        return self.images.encode(model, batch.images), self.texts.encode(model, batch.texts, batch.share.rows)

    def logits(self, model: Classifier, batch: Batch) -> Float[Tensor, "b classes"]:
        """Encode both sides and classify."""
        return model.classify(*self.encoded(model, batch))


@dataclass(frozen=True, eq=False)
class Request:
    """What a batch is made from.

    Attributes:
        epoch: counted from 0.
        rows: of the whole batch.
        share: of it, to be made.
    """

    epoch: int
    rows: np.ndarray
    share: Share


class PairBatches(Dataset[Batch]):
    """Batches by request: a worker needs nothing else, so any worker can build any batch."""

    def __init__(self, inputs: Inputs, augmentation: Augmentation, seed: int) -> None:
        self.inputs, self.augmentation, self.seed = inputs, augmentation, seed
        self.hashes = hash_keys(inputs.keys)

    def __getitem__(self, request: Request) -> Batch:
        batch = self.inputs.batch(request.rows, request.share)
        count = self.augmentation.count  # one number more, the last, decides what is dropped
        uniform = draws(self.hashes[request.rows], self.seed, request.epoch, count + 1)
        own = uniform[request.share.rows]
        images = self.augmentation.images(batch.images, own[:, :count])
        texts = self.augmentation.texts(batch.texts, uniform[:, :count])
        return replace(batch, images=images, texts=texts, uniform=own[:, count])


class Requests(Sampler[Request]):
    """The requests of one epoch: this process's shares of every batch."""

    def __init__(self, count: int, batch_size: int, seed: int | None, epoch: int, division: Division) -> None:
        """``seed``: of the shuffled order; None: in order. ``epoch``: the first one, which workers start before ``set_epoch``."""
        self.count, self.batch_size, self.seed, self.epoch, self.division = count, batch_size, seed, epoch, division

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch of training."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size) * self.division.parts

    def __iter__(self) -> Iterator[Request]:
        rows = torch.arange(self.count) if self.seed is None else order(self.count, self.seed, self.epoch)
        for start in range(0, self.count, self.batch_size):
            batch = rows[start : start + self.batch_size].numpy()
            for share in self.division.shares(len(batch)):
                yield Request(self.epoch, batch, share)
