"""Arrays larger than the memory: written row by row into a file, read as a memory map."""

import contextlib
import errno
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from gazeshift.atomic import atomic_write

_NOT_HERE = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}  # a file system that cannot reserve space


@contextlib.contextmanager
def atomic_array(path: Path, shape: Sequence[int], dtype: DTypeLike) -> Iterator[Callable[[np.ndarray], None]]:
    """A ``.npy`` file to append rows to, written whole or not at all; ``np.load(path, mmap_mode="r")`` reads it.

    The space is reserved first, so that a full disk is noticed before the work. The rows are written by ordinary writes: a
    process that writes to a memory map on a full disk is killed by a signal (SIGBUS) that it cannot handle.

    Args:
        path: the file; parent folders are created.
        shape: shape of the whole array.
        dtype: type of its elements.

    Yields:
        A function that appends rows: an array ``n ...`` whose rows have the shape ``shape[1:]``.

    Raises:
        DataError: the file cannot be written; on a full disk the message names the folder.
        ValueError: rows of a different shape, or fewer or more than ``shape`` says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "squares.npy"
        >>> with atomic_array(path, (3, 1), np.float32) as append:
        ...     append(np.array([[0], [1]]))
        ...     append(np.array([[4]]))
        >>> np.load(path, mmap_mode="r").ravel().tolist()
        [0.0, 1.0, 4.0]
    """
    kind, left = np.dtype(dtype), shape[0]

    def append(rows: np.ndarray) -> None:
        nonlocal left
        if rows.shape[1:] != tuple(shape[1:]) or len(rows) > left:
            raise ValueError(
                f"{path}: rows of shape {rows.shape} do not fit; {left} of {tuple(shape)} are still to be written."
            )
        file.write(np.ascontiguousarray(rows, kind).data)
        left -= len(rows)

    with atomic_write(path, parents=True, shared=True) as unfinished, unfinished.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(file, header)
        _set_aside(file.fileno(), file.tell(), math.prod(shape) * kind.itemsize)
        yield append
        if left:
            raise ValueError(f"{path}: {left} of {shape[0]} rows were not written.")


def _set_aside(file: int, start: int, count: int) -> None:
    reserve = getattr(os, "posix_fallocate", None)  # Linux has it
    if reserve is None or not count:
        return
    try:
        reserve(file, start, count)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
