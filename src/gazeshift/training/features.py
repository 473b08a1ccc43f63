"""The features of a split from a frozen trunk and a frozen text encoder, computed once and cached."""

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.arrays import atomic_array
from gazeshift.data.loader import as_size
from gazeshift.data.on_the_fly import Crops, update_digest
from gazeshift.errors import TrainingError
from gazeshift.models import Classifier, ImageFeatures, TextFeatures, evaluating
from gazeshift.models.stem import Stem
from gazeshift.models.trunk import Trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.training.device import on_device
from gazeshift.training.encoding import Encoding, Spread
from gazeshift.training.progress import tracked
from gazeshift.training.ranks import gathered, in_turn, ranks, wait
from gazeshift.training.split import weights_digest

_TAPS = 3
"""Increased when a trunk's tap moves, so that cached files of the earlier tap are not mistaken for the current one."""
FEATURE_BYTES = 8e9
"""Features of a frozen trunk are kept up to this many bytes for each split; beyond it, each step encodes its pictures."""


@dataclass(frozen=True, eq=False)
class CachedImages:
    """The features at the tap of a split's images.

    Attributes:
        grid: 1 x 1 if the trunk pools first, else the whole grid; may be a memory-mapped file.
        prefix: the tokens besides the grid, or None.
        trunk: digest of the weights that made them; features of another trunk are refused.
    """

    grid: Float[np.ndarray, "n c h w"]
    prefix: Float[np.ndarray, "n p c"] | None
    trunk: str

    def __len__(self) -> int:
        return len(self.grid)

    def pooled(self) -> Float[Tensor, "n c"]:
        """Mean over the grid, one row per image, as needed by ``gazeshift.models.set_affine``."""
        return torch.from_numpy(np.asarray(self.grid.mean((2, 3))))

    def check(self, model: Classifier, count: int) -> None:
        """Refuse features that are not this model's.

        Raises:
            TrainingError: from a different trunk, or not one per pair.
        """
        self.check_made_by(model.trunk, count)

    def check_made_by(self, trunk: nn.Module, count: int) -> None:
        """Refuse features from a different trunk (or different first layers).

        Raises:
            TrainingError: from different weights, or not one per pair.
        """
        _check_count("images", len(self), count)
        if self.trunk != weights_digest(trunk):
            raise TrainingError(
                "the image features were computed by a trunk other than the model's (or before its affine was set); compute them again."
            )

    def take(self, rows: np.ndarray) -> ImageFeatures:
        """The features of some images."""
        return ImageFeatures(_rows(self.grid, rows), None if self.prefix is None else _rows(self.prefix, rows))

    def encode(self, model: Classifier, part: ImageFeatures) -> ImageFeatures:
        """Nothing to do: they are already encoded."""
        return part.to(model.device)


@dataclass(frozen=True, eq=False)
class CachedTexts:
    """The vectors of a split's texts.

    Attributes:
        features: of each text its pooled vector, and those of its tokens where a model reads them.
        encoder: digest of the weights that made them; vectors of another encoder are refused.
    """

    features: TextFeatures
    encoder: str

    def __len__(self) -> int:
        return len(self.features)

    def check(self, model: Classifier, count: int) -> None:
        """Refuse vectors that are not this model's.

        Raises:
            TrainingError: from a different encoder, or not one per pair.
        """
        _check_count("texts", len(self), count)
        if self.encoder != weights_digest(model.encoder):
            raise TrainingError(
                "the text features were computed by a text encoder other than the model's; compute them again."
            )

    def take(self, rows: np.ndarray) -> TextFeatures:
        """The vectors of some texts."""
        return self.features.rows(torch.from_numpy(rows))

    def encode(self, model: Classifier, part: TextFeatures, rows: slice) -> TextFeatures:
        """Choose some: they are already encoded."""
        return part.rows(rows).to(model.device)


def in_turns(encoding: Encoding) -> Generator[ImageFeatures, None, None]:
    """Computed here; processes that train together each compute their share."""
    with on_device(encoding.trunk, encoding.device):  # once, not for every step
        yield from in_turn(encoding.steps, encoding)


def image_features(
    trunk: Trunk | Stem,
    images: Crops,
    preprocessing: Preprocessing,
    *,
    pools_first: bool,
    folder: Path | None = None,
    batch_size: int = 64,
    device: torch.device | str | None = None,
    progress: bool = True,
    tell: Callable[[str], None] | None = None,
    spread: Spread = in_turns,
) -> CachedImages:
    """Features at the tap, in evaluation mode; no classifier is needed yet.

    Processes that train together (``joined``) compute one batch each in turn and pass it to the others, so all must call this.

    Args:
        trunk: as built by ``build_trunk``, or its first layers; shared by all models that do not train it.
        images: crops.
        preprocessing: that of the study.
        pools_first: keep the mean over the grid only (``Classifier.pools_first``); whole grids are large.
        folder: cache them there in memory-mapped files, indexed by the digest of trunk, images and preprocessing; None: in memory.
        batch_size: images per step.
        device: None for the accelerator, if there is one.
        progress: show a progress line.
        tell: called, before a file is written, with a line that says how large it will be.
        spread: who computes them.

    Example:
        >>> from gazeshift.models import ImageSpec, build_trunk
        >>> trunk, crops = build_trunk(ImageSpec(name="small_cnn"), 32), np.zeros((5, 3, 32, 32), np.uint8)
        >>> image_features(trunk, crops, Preprocessing(size=32), pools_first=True, progress=False).grid.shape
        (5, 256, 1, 1)
    """
    digest = weights_digest(trunk)
    names = _Files(folder, _key(digest, images, preprocessing, pools_first)) if folder is not None else None
    if names is not None and all(gathered(names.grid.is_file())):
        return CachedImages(*names.open(), digest)
    encoding = Encoding(trunk, images, preprocessing, pools_first, batch_size, device)
    with closing(spread(encoding)) as steps:
        coming = tracked(steps, "Image features", encoding.steps, progress)
        if names is None:
            return CachedImages(*_in_memory(len(images), coming), digest)
        if tell and (size := features_bytes(trunk, len(images), preprocessing, pools_first=pools_first)):
            tell(f"keeping features of {len(images):,} pictures, {as_size(size)}, in {names.grid.parent}")
        if ranks().local_rank == 0:  # one for each machine, in case they share no disk
            names.write(len(images), coming)
        else:
            deque(coming, maxlen=0)
    wait()
    return CachedImages(*names.open(), digest)


def features_bytes(trunk: Trunk | Stem, count: int, preprocessing: Preprocessing, *, pools_first: bool) -> int:
    """The bytes that the features of some images take."""
    here = next((value.device for value in trunk.parameters()), None)
    with evaluating(trunk), torch.inference_mode():
        one = trunk.encode(torch.zeros(1, 3, preprocessing.size, preprocessing.size, device=here))
        parts = _parts((one.averaged() if pools_first else one).to("cpu"))
    return 4 * count * sum(part.size for part in parts.values())


def after_affine(features: CachedImages, trunk: Trunk) -> CachedImages:
    """The trunk's features after ``set_affine``, without another pass over the images.

    Args:
        features: features of the same trunk with the identity affine.
        trunk: with its affine set.

    Raises:
        TrainingError: the features are not this trunk's plain ones.
    """
    affine, digest = trunk.affine, weights_digest(trunk)
    if features.trunk == digest:
        return features
    plain = {"mean": affine.identity.mean, "deviation": affine.identity.deviation}  # a trunk's own names of them
    if features.trunk != weights_digest(trunk, plain):
        raise TrainingError("after_affine: these are not the plain features of this trunk; compute them again.")
    mean, deviation = (value.detach().cpu().numpy()[:, None, None] for value in (affine.mean, affine.deviation))
    return CachedImages((features.grid - mean) / deviation, features.prefix, digest)


def text_features(
    model: Classifier,
    texts: Sequence[str],
    *,
    batch_size: int = 256,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> CachedTexts:
    """Vectors of texts, in evaluation mode. Equal texts are encoded once, and texts of similar length together.

    Those of the tokens are kept only if the model's fusion reads them.

    Processes that train together (``joined``) share the work, as in ``image_features``.

    Args:
        model: its tokenizer and text encoder are used, its head is not.
        texts: any number.
        batch_size: texts per step.
        device: None for the accelerator, if there is one.
        progress: show a progress line.
    """
    unique = sorted(set(texts), key=lambda text: (len(text), text))
    place = {text: row for row, text in enumerate(unique)}
    starts = range(0, len(unique), batch_size)

    def encode(step: int) -> TextFeatures:
        tokens = model.tokenize(unique[starts[step] : starts[step] + batch_size])
        found = model.encode_text(tokens.ids, tokens.mask).with_precision(torch.float32).to("cpu")
        return found if model.structure.text == "tokens" else TextFeatures.from_pooled(found.pooled)

    with evaluating(model), torch.inference_mode(), on_device(model, device):
        coming = tracked(in_turn(len(starts), encode), "Text features", len(starts), progress)
        parts = [TextFeatures.from_pooled(torch.zeros(0, model.encoder.width)), *coming]
    rows = torch.tensor([place[text] for text in texts], dtype=torch.long)
    # Tensors made in inference mode may not be saved for a backward pass; rows taken outside of it are copies that may.
    return CachedTexts(TextFeatures.joined(parts).rows(rows), weights_digest(model.encoder))


class _Files:
    """Where the features of one (trunk, images, preprocessing) are cached."""

    def __init__(self, folder: Path, key: str) -> None:
        self.grid = folder / f"{key}.grid.npy"
        self.prefix = folder / f"{key}.prefix.npy"

    def open(self) -> tuple[np.ndarray, np.ndarray | None]:
        prefix = np.load(self.prefix, mmap_mode="r") if self.prefix.is_file() else None
        return np.load(self.grid, mmap_mode="r"), prefix

    def write(self, count: int, coming: Iterable[ImageFeatures]) -> None:
        paths, append = {"grid": self.grid, "prefix": self.prefix}, dict[str, Callable[[np.ndarray], None]]()
        # The grid's name is the mark of a complete pair of files: begun first, it takes its name last.
        with ExitStack() as files:
            for features in coming:
                for name, part in _parts(features).items():
                    if name not in append:
                        file = atomic_array(paths[name], (count, *part.shape[1:]), np.float32)
                        append[name] = files.enter_context(file)
                    append[name](part)


def _in_memory(count: int, coming: Iterable[ImageFeatures]) -> tuple[np.ndarray, np.ndarray | None]:
    arrays, filled = dict[str, np.ndarray](), 0
    for features in coming:
        for name, part in _parts(features).items():
            if name not in arrays:
                arrays[name] = np.empty((count, *part.shape[1:]), np.float32)
            arrays[name][filled : filled + len(part)] = part
        filled += len(features)
    return arrays["grid"], arrays.get("prefix")


def _parts(features: ImageFeatures) -> dict[str, np.ndarray]:
    """The cached part of a batch, the grid first."""
    parts = {"grid": features.grid, "prefix": features.prefix}
    return {name: part.float().numpy() for name, part in parts.items() if part is not None}


def _key(trunk: str, images: Crops, preprocessing: Preprocessing, pools_first: bool) -> str:
    sha = hashlib.blake2b(repr((_TAPS, trunk, preprocessing, pools_first, images.shape)).encode())
    update_digest(sha, images)
    return sha.hexdigest()[:32]


def _rows(array: np.ndarray, rows: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(array[rows]))


def _check_count(what: str, have: int, want: int) -> None:
    if have != want:
        raise TrainingError(f"there are features of {have} {what}, but {want} pairs; compute them from the same split.")
