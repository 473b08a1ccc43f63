"""The pairs of one split, ready for a model: keys, texts, labels and uint8 crops."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from gazeshift.data.on_the_fly import Crops, update_digest
from gazeshift.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """Pairs to train on or to predict.

    Attributes:
        keys: unique names of the pairs.
        texts: one per pair.
        labels: class indices in the model's class order.
        images: crops n x 3 x H x W as ``Preprocessing.crop`` makes them; may be a memory-mapped file, or decoded when asked for.

    Raises:
        DataError: the four do not have the same length, or the images are not crops.

    Example:
        >>> len(Split(("a", "b"), ("red", ""), torch.tensor([0, 1]), np.zeros((2, 3, 8, 8), np.uint8)))
        2
    """

    keys: Sequence[str]
    texts: Sequence[str]
    labels: Int[Tensor, " n"]
    images: Crops

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in ("keys", "texts", "labels", "images")}
        if len(set(lengths.values())) > 1:
            raise DataError(f"a split needs one text, label and image per key; got {lengths}.")
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != np.uint8:
            raise DataError(
                f"a split's images must be uint8 crops n x 3 x H x W; got {self.images.dtype} {self.images.shape}."
            )

    def __len__(self) -> int:
        return len(self.keys)

    def subset(self, rows: Int[np.ndarray, " r"]) -> "Split":
        """Chosen pairs, copied."""
        chosen = [int(row) for row in rows]
        return Split(
            tuple(self.keys[row] for row in chosen),
            tuple(self.texts[row] for row in chosen),
            self.labels[torch.tensor(chosen, dtype=torch.long)],
            np.asarray(self.images[rows]),
        )

    def fingerprint(self) -> str:
        """Digest of keys, texts, labels and all pictures (``update_digest``), so that a corrected picture counts as new data."""
        sha = hashlib.blake2b(
            repr((list(self.keys), list(self.texts), self.labels.tolist(), self.images.shape)).encode()
        )
        update_digest(sha, self.images)
        return sha.hexdigest()[:32]


def weights_digest(module: nn.Module, replaced: dict[str, Tensor] | None = None) -> str:
    """Digest of a module's weights and buffers, to detect features from a different state of it.

    Args:
        module: a trunk or a text encoder.
        replaced: values to use instead of the module's own, by name.
    """
    sha = hashlib.blake2b()
    for name, value in sorted({**module.state_dict(), **(replaced or {})}.items()):
        sha.update(name.encode())
        sha.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return sha.hexdigest()[:32]
