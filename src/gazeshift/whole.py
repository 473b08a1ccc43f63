"""A file that is there whole or not at all: it takes its name when everything is written."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gazeshift.errors import DataError, UsageError


@contextlib.contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """A place to write to, beside ``path``, which becomes ``path`` when the block ends well and goes away when it does not.

    A link is followed and stays a link. The file can be read by whom the system's default says, however it was written.

    Args:
        path: the file to be; one that is there is replaced.

    Raises:
        UsageError: it is a folder, a device or a pipe.
        DataError: it cannot be written; also for any ``OSError`` of the block.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "numbers.txt"
        >>> with whole_file(place) as file:
        ...     _ = file.write_text("1 2 3")
        >>> place.read_text(), [each.name for each in place.parent.iterdir()]
        ('1 2 3', ['numbers.txt'])
    """
    place = Path(path).resolve()
    if place.exists() and not place.is_file():
        raise UsageError(f"{path}: is no file that could be replaced, but a folder, a device or a pipe; name a file.")
    unfinished = place.with_name(place.name + ".unfinished")
    try:
        unfinished.touch()
        mode = unfinished.stat().st_mode
        yield unfinished
        unfinished.chmod(mode)  # safetensors lets only the owner read what it writes
        unfinished.replace(place)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}).") from error
    finally:
        with contextlib.suppress(OSError):  # never begun, or in a folder that cannot be changed
            unfinished.unlink(missing_ok=True)
