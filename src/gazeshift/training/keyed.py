"""Random numbers that depend on names and not on the order of calls: the basis of training that can be resumed bit for bit."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def keyed_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends only on its parts, the same in every process and version.

    Example:
        >>> keyed_seed("order", 0, 1) == keyed_seed("order", 0, 1) != keyed_seed("order", 0, 2)
        True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def order(count: int, seed: int, epoch: int) -> Int[Tensor, " count"]:
    """The order of the pairs in one epoch.

    Example:
        >>> sorted(order(4, seed=0, epoch=2).tolist())
        [0, 1, 2, 3]
    """
    return torch.randperm(count, generator=torch.Generator().manual_seed(keyed_seed("order", seed, epoch)))


def hash_keys(keys: Sequence[str]) -> np.ndarray:
    """64 bits per key, computed once per data set."""
    digests = b"".join(hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def draws(hashes: np.ndarray, seed: int, epoch: int, count: int) -> Float[Tensor, "b count"]:
    """Uniform numbers in [0, 1), ``count`` per pair, each a function of (seed, epoch, the pair's key) alone.

    They are the outputs of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) started at
    the key's hash: no generator object per pair, and no dependence on what else is in the batch or which worker makes it.

    Args:
        hashes: of the pairs' keys, from ``hash_keys``.
        seed: of the training.
        epoch: counted from 0.
        count: numbers per pair.
    """
    golden = 0x9E3779B97F4A7C15
    start = _mix(hashes ^ np.uint64(keyed_seed("augmentation", seed, epoch)))
    steps = np.array([golden * (step + 1) & 0xFFFFFFFFFFFFFFFF for step in range(count)], dtype=np.uint64)
    bits = _mix(start[:, None] + steps[None, :])
    return torch.from_numpy((bits >> np.uint64(40)).astype(np.float32) / np.float32(2**24))


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
