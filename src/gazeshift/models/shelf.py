"""Weights that many models share, kept once: the frozen trunks and encoders of a study's models are the same file under several names."""

import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from gazeshift.atomic import atomic_write

_READ_ONLY = 0o444


@dataclass(frozen=True)
class Shelf:
    """Where weights that several models share are kept, and which of a model's they are.

    Attributes:
        folder: holds a file for each set of weights, named by its digest; it may be deleted at any time, and models stay whole.
        names: of the weights in the model's state dict.
    """

    folder: Path
    names: Collection[str]


def lend(state: Mapping[str, Tensor], shelf: Path, file: Path) -> None:
    """Give a model the file of some weights: a second name (hard link) of the one on the shelf, or a copy where a disk has no such names.

    The file is read-only, because writing into it would change every model that has it; replacing or deleting it changes one model.

    Args:
        state: the weights by name, on the CPU.
        shelf: the folder in which files are kept by digest; created if missing.
        file: the new name.

    Raises:
        DataError: it cannot be written, for example because the disk is full.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     one, two = Path(folder) / "one", Path(folder) / "two"
        ...     for each in (one, two):
        ...         lend({"weight": torch.ones(3)}, Path(folder) / "shelf", each)
        ...     one.samefile(two)
        True
    """
    kept = shelf / f"{_digest(state)}.safetensors"
    if not kept.is_file():
        with atomic_write(kept, parents=True, shared=True) as draft:
            save_file(dict(state), draft, metadata={"format": "pt"})
        kept.chmod(_READ_ONLY)
    try:
        os.link(kept, file)
    except OSError:
        with atomic_write(file) as draft:
            shutil.copyfile(kept, draft)


def _digest(state: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name, value in sorted(state.items()):
        sha.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        sha.update(value.flatten().view(torch.uint8).numpy().data)  # bytes: numpy knows no bfloat16
    return sha.hexdigest()
