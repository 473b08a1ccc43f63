"""Pictures of a shard at an address, read in order: one request fetches many, because each costs a journey."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from threading import Lock

from gazeshift.data.remote import BLOCK, stretch

NEAR = 2**20
"""Bytes between two pictures up to which the second counts as next: texts lie between, and threads overtake each other."""
_FILES = 4
"""Files of which a block is kept."""


@dataclass
class Ahead:
    """The block fetched last of each of a few files. A picture that is not next is fetched alone, so reading at random costs no more.

    Attributes:
        size: bytes of a block.
        near: see ``NEAR``.
    """

    size: int = BLOCK
    near: int = NEAR
    _blocks: OrderedDict[str, tuple[int, bytes]] = field(default_factory=OrderedDict)
    _ends: dict[str, int] = field(default_factory=dict)
    _locks: defaultdict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))

    def read(self, address: str, start: int, size: int) -> bytes:
        """Some bytes of a file; fewer if the file is shorter.

        Raises:
            DataError: as ``remote.stretch``.
        """
        with self._locks[address]:  # one thread fetches what the others wait for
            first, block = self._blocks.get(address, (0, b""))
            after = first + len(block)
            if first <= start and start + size <= after:
                return block[start - first : start - first + size]
            ends = (self._ends.get(address, -1), after if block else -1)
            follows = [
                end for end in ends if end >= 0 and (0 <= start - end <= self.near or start <= end < start + size)
            ]
            if not follows:
                self._ends[address] = start + size
                return stretch(address, start, size)
            first = min(start, *follows)
            block = stretch(address, first, max(self.size, start + size - first))
            self._blocks[address] = first, block
            self._blocks.move_to_end(address)
            while len(self._blocks) > _FILES:
                self._blocks.popitem(last=False)
            return block[start - first : start - first + size]


ahead = Ahead()
"""The blocks of this process."""
