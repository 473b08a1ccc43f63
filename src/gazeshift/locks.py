"""One run at a time in a folder."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gazeshift.atomic import writing
from gazeshift.errors import ConfigError


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock file; it is released with the process, however that ends.

    Args:
        lock: the file, in the folder that is written.
        what: is running, for the message.

    Raises:
        ConfigError: another process holds it.
        DataError: it cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with alone(folder / ".lock", "study"):
        ...     (folder / ".lock").exists()
        True
    """
    held = FileLock(lock)
    with writing(lock):
        _acquire(held, lock.parent, what)
    try:
        yield
    finally:
        held.release()


def _acquire(lock: FileLock, folder: Path, what: str) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(
            f"--out {folder}: another {what} is running in this folder; wait for it to finish, or name another folder."
        ) from error
    except OSError as error:
        if error.errno != errno.EROFS and os.access(folder, os.W_OK):
            raise  # else the folder is read-only: what is finished is shown, and unfinished work is refused when it writes
