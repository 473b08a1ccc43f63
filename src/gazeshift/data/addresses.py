"""Where data lie: a path on this machine, or an address such as ``s3://bucket/folder``."""

import re
from pathlib import Path
from urllib.parse import unquote

Root = Path | str
"""A data root: a path, or (as text) an address with a scheme."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
_USER = re.compile(r"(?<=://)(?:[^/@\s]*|[^/@:\s]+:(?!\d+(?:/|$))[^@\s]*)@")  # a password may hold slashes
_QUERY = re.compile(r"\?[^\s'\")]*")


def as_root(root: Root) -> Root:
    """What a person wrote, as a data root: text with a scheme stays an address, anything else is a path; ``~`` is the home folder.

    Example:
        >>> as_root("s3://bucket/food"), as_root("file:///data/food"), as_root("data/food")
        ('s3://bucket/food', PosixPath('/data/food'), PosixPath('data/food'))
    """
    text = str(root)
    if isinstance(root, Path) or not _SCHEME.match(text):
        return Path(root).expanduser()
    if text.startswith("file://"):
        return Path(unquote(text.removeprefix("file://").removeprefix("localhost")))
    return text.rstrip("/")


def without_secrets(text: object) -> str:
    """An address, or a message that quotes some, as it may be shown and stored: without user, password and query string.

    A query string may be a signature, and what is not shown cannot leak.

    Example:
        >>> without_secrets("https://me:word@host/a.tar?X-Amz-Signature=1f")
        'https://host/a.tar'
    """
    return _QUERY.sub("", _USER.sub("", str(text)))


def joined(root: Root, name: str) -> Root:
    """A file under a root; the query string of an address stays at its end."""
    if isinstance(root, Path):
        return root / name
    start, mark, query = root.partition("?")
    return f"{start}/{name}{mark}{query}"


def last_name(root: Root) -> str:
    """The last name of a path or an address, without a query string."""
    return root.name if isinstance(root, Path) else without_secrets(root).rstrip("/").rpartition("/")[2]


def above(root: Root) -> Root:
    """The folder that holds a file."""
    if isinstance(root, Path):
        return root.parent
    start, mark, query = root.partition("?")
    return f"{start.rpartition('/')[0]}{mark}{query}"
