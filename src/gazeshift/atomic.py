"""Files and folders written whole or not at all: each takes its name when everything is written."""

import contextlib
import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from gazeshift.errors import DataError, UsageError

UNFINISHED = ".unfinished"
"""How the name of what is being written ends."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DRAFT = re.compile(rf"(\.[0-9a-f]{{8}})?{re.escape(UNFINISHED)}$")
_RUST = re.compile(r"\(os error (\d+)\)")  # how safetensors and tokenizers report system errors


@contextlib.contextmanager
def atomic_write(path: Path | str, *, parents: bool = False, shared: bool = False) -> Iterator[Path]:
    """A temporary file next to ``path``, which becomes ``path`` when the block succeeds and is deleted when it fails.

    A link is followed and stays a link. The file gets the system's default permissions, however it was written.

    Args:
        path: the file to write; an existing one is replaced.
        parents: create missing parent folders.
        shared: another process may write the same file at the same time, so the temporary file gets a unique name.

    Raises:
        UsageError: it is a folder, a device or a pipe.
        DataError: it cannot be written, or the block raised an ``OSError``. One line, which on a full disk names the folder.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "numbers.txt"
        >>> with atomic_write(place) as file:
        ...     _ = file.write_text("1 2 3")
        >>> place.read_text(), [each.name for each in place.parent.iterdir()]
        ('1 2 3', ['numbers.txt'])
    """
    place = _real(path)
    unfinished = place.with_name(f"{place.name}{_mark() if shared else ''}{UNFINISHED}")
    with writing(path):
        if place.exists() and not place.is_file():
            raise UsageError(f"{path}: is a folder, a device or a pipe, not a file that can be replaced; name a file.")
        if parents:
            place.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.touch()
            mode = unfinished.stat().st_mode
            yield unfinished
            unfinished.chmod(mode)  # safetensors lets only the owner read what it writes
            unfinished.replace(place)
        finally:
            with contextlib.suppress(OSError):  # never begun, or in a folder that cannot be changed
                unfinished.unlink(missing_ok=True)


def write_json(path: Path | str, values: object, *, indent: int | None = None) -> None:
    """Write values as a JSON file, whole or not at all; parent folders are created.

    Text is written unescaped, in UTF-8. What UTF-8 cannot encode (a file name in another encoding, as Python holds it) is escaped in JSON's
    way, so that reading returns what was written.

    Args:
        path: the file to write; an existing one is replaced.
        values: anything made of JSON's types.
        indent: indentation of nested values; None for a single line.

    Raises:
        ValueError: there is a NaN or an infinity, which JSON lacks: use None instead.
        UsageError: as ``atomic_write``.
        DataError: as ``atomic_write``.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "numbers.json"
        >>> write_json(place, {"pommes frites": [1, None]})
        >>> json.loads(place.read_text())
        {'pommes frites': [1, None]}
    """
    text = json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False)
    with atomic_write(path, parents=True) as file:
        file.write_bytes((text + "\n").encode("utf-8", "backslashreplace"))


@contextlib.contextmanager
def atomic_folder(path: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """A temporary folder next to ``path``, which becomes ``path`` when the block succeeds and is deleted when it fails.

    Args:
        path: the folder to write; parent folders are created.
        replace: also replace a folder that is not empty. Its contents are never lost: a crash between the last two steps leaves them in
            ``NAME.retired``.

    Raises:
        UsageError: something exists that must not be replaced.
        DataError: it cannot be written, or the block raised an ``OSError``. One line, which on a full disk names the folder.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "result"
        >>> with atomic_folder(place) as folder:
        ...     _ = (folder / "numbers.txt").write_text("1 2 3")
        >>> [each.name for each in place.parent.iterdir()]
        ['result']
    """
    place = _real(path)
    unfinished = place.with_name(f"{place.name}{_mark()}{UNFINISHED}")
    with writing(path):
        if place.exists():
            _check_replaceable(place, path, replace)
        try:
            unfinished.mkdir(parents=True)
            yield unfinished
            if replace:
                _replace(place, unfinished)
                return
            if place.exists():
                place.rmdir()  # what came into it meanwhile is safe
            unfinished.replace(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextlib.contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Turn any system error while ``path`` is written into one line that names the path and the reason.

    Args:
        path: the file or folder that the block writes.

    Raises:
        DataError: the block raised an ``OSError``, or a library's own error that wraps one.

    Example:
        >>> with writing("results/maps.parquet"):
        ...     raise OSError(errno.ENOSPC, "No space left on device")
        Traceback (most recent call last):
        gazeshift.errors.DataError: results: the disk is full and maps.parquet cannot be written; free some space and try again.
    """
    try:
        yield
    except Exception as error:
        refused = _refused(error)
        if refused is None:
            raise
        raise DataError(_sentence(Path(path), refused)) from error


def _check_replaceable(place: Path, path: Path | str, replace: bool) -> None:
    if not place.is_dir():
        raise UsageError(f"{path}: is a file; name a new folder.")
    if place.is_mount():
        raise UsageError(f"{path}: is a mount point and cannot be replaced; name a folder in it.")
    if not replace and any(place.iterdir()):
        raise UsageError(f"{path}: is not empty; name a new folder.")


def _replace(place: Path, new: Path) -> None:
    """A folder cannot be replaced in one step: the old one is moved aside first and deleted once the new one is in place."""
    retired = place.with_name(place.name + ".retired")
    if place.exists():
        shutil.rmtree(retired, ignore_errors=True)
        place.replace(retired)
    new.replace(place)
    shutil.rmtree(retired, ignore_errors=True)


def _refused(error: Exception) -> OSError | None:
    """The system's error, also when a library raised its own error class."""
    if isinstance(error, OSError):
        return error
    found = _RUST.search(str(error))
    return OSError(int(found[1]), os.strerror(int(found[1]))) if found else None


def _sentence(path: Path, error: OSError) -> str:
    elsewhere = _elsewhere(path, error)
    place = _known(elsewhere or path)
    if error.errno in _FULL:
        return f"{place.parent}: the disk is full and {place.name} cannot be written; free some space and try again."
    what = "read or written" if elsewhere else "written"  # what the block reads is elsewhere
    return f"{place}: cannot be {what} ({os.strerror(error.errno) if error.errno else error})."


def _elsewhere(path: Path, error: OSError) -> Path | None:
    """The file named by the system, if it is not part of what is being written: a temporary file, say."""
    named = error.filename2 or error.filename
    if not isinstance(named, str) or _real(named).is_relative_to(_real(path).parent):
        return None
    return Path(named)


def _known(path: Path) -> Path:
    """A file as users know it: for anything in an unfinished folder, that folder under its final name."""
    for each in reversed(path.parents):
        if _DRAFT.search(each.name):
            return each.with_name(_DRAFT.sub("", each.name))
    return path


def _real(path: Path | str) -> Path:
    """The path with links resolved; ``Path.resolve`` raises on circular links."""
    return Path(os.path.realpath(path))


def _mark() -> str:
    return f".{uuid.uuid4().hex[:8]}"
