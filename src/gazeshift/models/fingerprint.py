"""A model's fingerprint: two models with the same one give the same numbers."""

import hashlib
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

_SAMPLED = 256  # how many values of a tensor are checked for changes that bypass autograd's counters


@runtime_checkable
class Fingerprinted(Protocol):
    """A model with a fingerprint."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """Its weights."""

    def identity(self) -> str:
        """What it is besides its weights: its spec, its vocabulary."""

    def marks(self) -> tuple[object, ...]:
        """What changes whenever its identity does, and is cheap to compare."""


def digest(model: Fingerprinted) -> str:
    """sha256 over a model's spec, vocabulary and weights: two models with the same digest give the same numbers."""
    sha = hashlib.sha256(model.identity().encode())
    for name, value in sorted(model.state_dict().items()):
        sha.update(name.encode())
        sha.update(
            value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
        )  # bytes: numpy knows no bfloat16
    return sha.hexdigest()


@dataclass(frozen=True)
class _Known:
    """A digest, and the state of the model at that time."""

    seen: tuple[object, ...]
    digest: str


_known: "weakref.WeakKeyDictionary[Fingerprinted, _Known]" = weakref.WeakKeyDictionary()


def known_digest(model: Fingerprinted) -> str:
    """``digest(model)``, recomputed only when the model has changed; for callers that need it for every image.

    A change is detected from the address, shape and version counter of every tensor, and from up to 256 of its values. Every way to
    train, load, move, cast or replace weights is detected. Only a write that bypasses autograd's counters (through ``.data`` or shared
    memory) to a few single
    values of a large tensor can go unnoticed: call ``digest`` after such changes.

    Example:
        >>> from gazeshift.models import digest, load
        >>> model = load("model")  # doctest: +SKIP
        >>> known_digest(model) == digest(model)  # doctest: +SKIP
        True
    """
    seen = (*model.marks(), *state_of(model.state_dict()))
    known = _known.get(model)
    if known is None or known.seen != seen:
        known = _known[model] = _Known(seen, digest(model))
    return known.digest


@torch.no_grad()
def state_of(tensors: Mapping[str, Tensor]) -> tuple[object, ...]:
    """What differs once any of some tensors has changed, and is cheap to get; ``known_digest`` says what goes unnoticed.

    Args:
        tensors: a state dict.
    """
    places = tuple((name, _place(value)) for name, value in tensors.items())
    samples = [_sample(value) for value in tensors.values()]
    # One transfer for all of a device and type, as bytes: not even a NaN differs from itself there.
    kinds = sorted({(str(each.device), str(each.dtype)) for each in samples})
    values = tuple(
        torch.cat([each for each in samples if (str(each.device), str(each.dtype)) == kind])
        .cpu()
        .view(torch.uint8)
        .numpy()
        .tobytes()
        for kind in kinds
    )
    return places, values


def _place(value: Tensor) -> tuple[object, ...]:
    # Tensors made in inference mode count no versions.
    version = None if value.is_inference() else value._version
    return value.data_ptr(), version, value.shape, value.stride(), value.dtype, value.device


def _sample(value: Tensor) -> Tensor:
    """Values spread over a tensor, without a copy of it whatever its memory layout."""
    dense = value.is_contiguous() or value.is_contiguous(memory_format=torch.channels_last)
    step = max(1, value.numel() // _SAMPLED)
    if not dense or not value.numel():
        return value.flatten()[::step]
    return value.as_strided((-(-value.numel() // step),), (step,))
