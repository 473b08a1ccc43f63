"""The order in which many pairs are read: shuffled by a seed, shared out over processes, and kind to what is read as a whole."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from jaxtyping import Int

from gazeshift.errors import UsageError
from gazeshift.pairs import ImageReference, Pair

MIXED = 2
"""Blocks, such as the row groups of a Parquet file, whose pairs are mixed; ``references.GROUPS_KEPT`` is larger, so each is read once."""


def reading_order(
    pairs: Sequence[Pair], seed: int | None, epoch: int = 0, *, rank: int = 0, ranks: int = 1
) -> Int[np.ndarray, " r"]:
    """Which pairs one of several processes reads, and in which order.

    For any number of processes, their parts together are every pair once, and sizes differ by at most one; a part depends on nothing but
    the arguments. Where any picture can be read alone (files, tar shards, data sets of Hugging Face), every order of all pairs is equally
    likely. Where whole blocks are read (Parquet), the blocks are shuffled, a process takes a run of them, and pairs are mixed within
    ``MIXED`` blocks at a time, so that no process reads more than its share and two blocks at the edges.

    Args:
        pairs: all pairs, the same in every process.
        seed: of the shuffle; None: the order of the pairs.
        epoch: each has its own order.
        rank: number of this process, counted from 0.
        ranks: number of processes.

    Returns:
        Positions in ``pairs``.

    Raises:
        UsageError: a rank that there is not.

    Example:
        >>> pairs = [Pair(f"{i}.png", b"x", "", "pie", "train") for i in range(5)]
        >>> sorted(int(row) for rank in (0, 1) for row in reading_order(pairs, 0, rank=rank, ranks=2))
        [0, 1, 2, 3, 4]
    """
    if not 0 <= rank < ranks:
        raise UsageError(f"rank: {rank} of {ranks} processes; give 0 to {ranks - 1}.")
    first, last = (len(pairs) * edge // ranks for edge in (rank, rank + 1))
    if seed is None:
        return np.arange(first, last)
    random = np.random.default_rng([seed, epoch])
    blocks = _blocks(pairs)
    if len(blocks) == len(pairs):
        return random.permutation(len(pairs))[first:last]
    shuffled = [blocks[index] for index in random.permutation(len(blocks))]
    groups = [np.concatenate(shuffled[start : start + MIXED]) for start in range(0, len(shuffled), MIXED)]
    mixed = [random.permutation(group) for group in groups]
    return np.concatenate([*mixed, np.arange(0)])[first:last]


def _blocks(pairs: Sequence[Pair]) -> list[np.ndarray]:
    """Positions of pairs that are read together: runs of one block, and every other pair alone."""

    def block(index: int) -> str | int:
        image = pairs[index].image
        found = image.block if isinstance(image, ImageReference) else None
        return index if found is None else found

    return [np.array(list(members)) for _, members in groupby(range(len(pairs)), key=block)]
