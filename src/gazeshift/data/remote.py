"""Files at any address that fsspec knows (S3, Google Cloud, HTTP, ...), and on this machine: listed, opened, read in part.

Every error is one line, without user, password or query string.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.core import url_to_fs

from gazeshift.data.addresses import Root, without_secrets
from gazeshift.errors import DataError, GazeshiftError, ImageError, UsageError

BLOCK = 8 * 2**20
"""Bytes fetched at once of a file that is read from start to end."""
_EXTRAS = {"s3": "remote", "s3a": "remote", "http": "remote", "https": "remote"}
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "RefreshError"}
_UNREACHED = ("connect", "endpoint", "resolve", "timed out", "timeout", "disconnected")


@dataclass(frozen=True)
class Listed:
    """A file in a listing.

    Attributes:
        name: its path under the listed folder.
        size: in bytes; None if unknown.
        stamp: its entity tag, or the time of its last change, as the server says it; empty if it says neither.
    """

    name: str
    size: int | None
    stamp: str


def is_listable(address: str) -> bool:
    """Whether the files of a folder can be listed there; web servers only name them one by one."""
    return not address.startswith(("http://", "https://"))


def is_file(place: Root) -> bool:
    """Whether a file lies there.

    Raises:
        DataError: the address cannot be reached.
    """
    if isinstance(place, Path):
        return place.is_file()
    with _in_one_line(place):
        system, path = _system(place)
        return bool(system.isfile(path))


def listing(folder: str, *, deep: bool = False) -> list[Listed]:
    """The files of a folder at an address, by name; those of its folders too if ``deep``.

    Raises:
        DataError: no such folder or bucket, no permission, no connection.
    """
    with _in_one_line(folder):
        system, path = _system(folder)
        found = (
            system.find(path, detail=True) if deep else {each["name"]: each for each in system.ls(path, detail=True)}
        )
        start = system._strip_protocol(path).rstrip("/") + "/"
        files = [(name, each) for name, each in sorted(found.items()) if each.get("type") == "file"]
        return [Listed(name.removeprefix(start), each.get("size"), _stamp(each)) for name, each in files]


@contextmanager
def opened(place: Root) -> Iterator[BinaryIO]:
    """A file, to be read from start to end; fetched in large blocks.

    Raises:
        DataError: it cannot be read, also later, while it is open.
    """
    with _in_one_line(place):
        if isinstance(place, Path):
            with place.open("rb") as file:
                yield file
        else:
            system, path = _system(place)
            with system.open(path, "rb", block_size=BLOCK, cache_type="readahead") as file:
                yield file


def content(place: Root) -> bytes:
    """All bytes of a file.

    Raises:
        DataError: as ``opened``.
    """
    with opened(place) as file:
        return file.read()


def stretch(place: Root, start: int, size: int) -> bytes:
    """Some bytes of a file, in one request; fewer if the file is shorter.

    Raises:
        DataError: it cannot be read, or the server sends only whole files.
    """
    if isinstance(place, Path):
        try:
            with place.open("rb") as file:
                file.seek(start)
                return file.read(size)
        except OSError as error:
            raise DataError(f"{place}: cannot be read ({error.strerror or error}).") from error
    with _in_one_line(place):
        system, path = _system(place)
        found: bytes = system.cat_file(path, start=start, end=start + size)
    if len(found) > size:
        raise DataError(
            f"{without_secrets(place)}: the server ignores ranges and sends the whole file for each picture; copy the file."
        )
    return found


def whole(place: str, name: str) -> bytes:
    """All bytes of one image at an address.

    Raises:
        ImageError: there is no such file.
        DataError: the address cannot be reached.
    """
    with _in_one_line(place):
        system, path = _system(place)
        try:
            found: bytes = system.cat_file(path)
        except FileNotFoundError as error:
            raise ImageError(f"{name}: no such file.") from error
    return found


def exists(root: Root) -> bool:
    """Whether a file or folder, or any file of a pattern, lies there.

    Raises:
        DataError: the address cannot be reached.
    """
    if isinstance(root, Path):
        return root.exists()
    with _in_one_line(root):
        system, path = _system(root)
        return bool(system.exists(path))


def _system(address: str) -> tuple[Any, str]:
    """The file system of an address and the path in it; systems are kept by fsspec, so this costs microseconds."""
    scheme = address.partition(":")[0].lower()
    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        package = f"gazeshift[{_EXTRAS[scheme]}]" if scheme in _EXTRAS else str(error)
        way = f"pip install '{package}'" if scheme in _EXTRAS else package
        raise UsageError(f"{without_secrets(address)}: {scheme}:// needs another package: {way}.") from error
    except ValueError as error:
        if "not known" not in str(error).lower():
            raise
        known = "s3, gs, http, https, file, hf"
        raise UsageError(f"{without_secrets(address)}: no address of a known kind ({known}, ...).") from error
    return system, path


def _stamp(info: dict[str, Any]) -> str:
    found = next((info[key] for key in ("ETag", "etag", "LastModified", "updated", "mtime") if info.get(key)), "")
    return str(found).strip('"')


@contextmanager
def _in_one_line(place: Root) -> Iterator[None]:
    """Whatever goes wrong on the way, as a ``DataError`` of one line: the libraries below raise many kinds."""
    if isinstance(place, Path):
        yield
        return
    try:
        yield
    except GazeshiftError:
        raise
    except (EOFError, io.UnsupportedOperation):
        raise
    except Exception as error:
        if not _is_of_transport(error):
            raise
        raise DataError(f"{without_secrets(place)}: {_reason(error)}.") from error


def _is_of_transport(error: Exception) -> bool:
    return isinstance(error, OSError | TimeoutError) or type(error).__module__.partition(".")[0] in {
        "aiohttp", "botocore", "aiobotocore", "s3fs", "fsspec", "gcsfs", "google", "requests", "urllib3", "adlfs", "azure",
    }  # fmt: skip


def _hidden_cause(error: Exception) -> Exception | None:
    """What fsspec calls "not found" on the web although the server refused, or was not there at all; else None."""
    cause = error.__cause__
    if (
        not isinstance(error, FileNotFoundError)
        or not isinstance(cause, Exception)
        or isinstance(cause, FileNotFoundError)
    ):
        return None
    return cause if getattr(cause, "status", 404) != 404 or _is_unreached(cause) else None


def _is_unreached(error: Exception) -> bool:
    return any(word in f"{type(error).__name__} {error}".lower() for word in _UNREACHED)


def _reason(error: Exception) -> str:
    said = without_secrets(" ".join(str(error).split())).rstrip(".")[:160]
    kind = type(error).__name__
    if kind in _NO_CREDENTIALS or "credentials" in said.lower():
        return "no credentials were found; set AWS_PROFILE or AWS_ACCESS_KEY_ID, or FSSPEC_S3_ANON=true for public data"
    if cause := _hidden_cause(error):
        return _reason(cause)
    if isinstance(error, PermissionError) or getattr(error, "status", 0) in {401, 403}:
        return f"access is denied ({said or kind}); check the credentials and the name"
    if isinstance(error, FileNotFoundError):
        return "no such file, folder or bucket"
    if _is_unreached(error):
        return f"cannot be reached ({said or kind})"
    return f"cannot be read ({said or kind})"
