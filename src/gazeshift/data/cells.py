"""One cell of a table as a text, a class or a picture: a rule for each type; no value becomes text through its ``repr``."""

import ast
import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from gazeshift.data.findings import short
from gazeshift.pairs import ImageReference

_NO_CLASS = {"", "nan", "null", "<na>", "nat"}  # what programs write for missing values
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"\0\0\0")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_PRINTED = re.compile(r"b'.*'|b\".*\"|\[.*\]|\{.*\}|\(.*,.*\)", re.DOTALL)


class CellError(ValueError):
    """A value that does not fit its column; the message says in a few words what it is."""


def as_text(value: Any) -> str | None:
    """A single value as text, or None if there is none.

    Text is unchanged; bytes are UTF-8; whole numbers have no ``.0``; dates and times are written as in ISO 8601.

    Raises:
        CellError: a list, a mapping, bytes that are not text, a number that is not finite, or anything else.

    Example:
        >>> as_text(b"pie"), as_text(3.0), as_text(float("nan"))
        ('pie', '3', None)
        >>> as_text({"en": "pie"})
        Traceback (most recent call last):
        ...
        gazeshift.data.cells.CellError: a mapping with the fields 'en'
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN alone is unlike itself
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, date | time):
        return value.isoformat()
    raise CellError(described(value))


def as_texts(value: Any) -> tuple[str, ...]:
    """The texts of a cell: one for each item of a list, none for an empty cell; blank texts are left out.

    A list of single words is one text (``is_words``).

    Example:
        >>> as_texts(["a pie", None, "my pie"]), as_texts(["a", "pie"]), as_texts("")
        (('a pie', 'my pie'), ('a pie',), ())
    """
    if not isinstance(value, list | tuple):
        found: Iterable[str | None] = (as_text(value),)
    else:
        found = (" ".join(value),) if is_words(value) else map(as_text, value)
    return tuple(text for text in found if text and text.strip())


def is_words(value: Any) -> bool:
    """Whether a value is a list of several single words, such as tokens or tags."""
    return (
        isinstance(value, list | tuple)
        and len(value) > 1
        and all(isinstance(word, str) and word and not re.search(r"\s", word) for word in value)
    )


def as_name(value: Any) -> str | None:
    """A cell as the name of a class or a split, or None if there is none; for a list, its only item.

    ``nan``, ``null`` and ``<NA>``, as written by programs, count as none.
    """
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise CellError(f"a list of {len(value)} values instead of one class")
        value = value[0] if value else None
    text = (as_text(value) or "").strip()
    return None if text.lower() in _NO_CLASS else text


def as_class(value: Any, names: tuple[str, ...]) -> str | None:
    """A cell as a class, looked up by number where the table stores its class names; number -1 is none.

    Raises:
        CellError: as ``as_name``; also a number without a name.

    Example:
        >>> as_class(1, ("pie", "soup")), as_class(-1, ("pie", "soup")), as_class("soup", ("pie", "soup"))
        ('soup', None, 'soup')
    """
    label = as_name(value)
    if not names or label is None or not re.fullmatch(r"[+-]?\d+(\.0+)?", label) or label in names:
        return label
    number = int(label.partition(".")[0])
    if number >= len(names):
        raise CellError(f"class number {number}, but the table names {len(names)} classes, counted from 0")
    return names[number] if number >= 0 else None


def as_picture(value: Any) -> tuple[str | bytes | ImageReference | None, str]:
    """A cell as the path of a picture, its bytes or a reference to them, and the name that goes with bytes.

    Hugging Face's ``{bytes, path}`` is unpacked; bytes that read like a path and not like a picture are a path, but not those under
    ``bytes``; base64 is decoded.

    Raises:
        CellError: a list of several, any other mapping, or what ``as_text`` refuses.
    """
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    if isinstance(value, ImageReference):
        return value, value.name
    name = ""
    if isinstance(value, Mapping) and {"bytes", "path"} & value.keys():
        content, path = value.get("bytes"), value.get("path")
        name = PurePosixPath(path).name if isinstance(path, str) else ""
        if isinstance(content, bytes):
            return content, name
        value = path if content is None else content
    if isinstance(value, bytes):
        return value if is_picture(value) or not _is_path(value) else value.decode(), name
    text = (as_text(value) or "").strip() or None
    return (from_base64(text) or text if text else None), name


def from_base64(text: str) -> bytes | None:
    """The picture that a text encodes in base64, with or without a ``data:image/...;base64,`` prefix; None for other texts."""
    body = text.partition(";base64,")[2] if text.startswith("data:") else text
    if len(body) < 64 or not _BASE64.fullmatch(body):
        return None
    try:
        content = base64.b64decode(body)
    except binascii.Error:
        return None
    return content if text.startswith("data:") or is_picture(content) else None


def is_printed(text: str) -> bool:
    """Whether a text looks like Python's printout of bytes, a list, a mapping or a tuple.

    Example:
        >>> is_printed("b'pie'"), is_printed("['a pie', 'my pie']"), is_printed("[Recipe] pie")
        (True, True, False)
    """
    if not _PRINTED.fullmatch(text) or len(text) > 10_000:
        return False
    try:
        return not isinstance(ast.literal_eval(text), str)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


def is_number_or_date(value: Any) -> bool:
    """Whether a value is not text but is written out as text: a number, a date, true or false."""
    return isinstance(value, int | float | Decimal | date | time)


def field(record: Mapping[str, Any], column: str) -> Any:
    """A cell; ``text.en`` is the field ``en`` of the mapping in the column ``text``, or a list of these if the column holds a list.

    Example:
        >>> field({"text": [{"en": "a pie"}, {"en": "my pie"}]}, "text.en")
        ['a pie', 'my pie']
    """
    if column in record or "." not in column:
        return record.get(column)
    value: Any = record
    for name in column.split("."):
        value = [_inner(item, name) for item in value] if isinstance(value, list) else _inner(value, name)
    return value


def described(value: Any) -> str:
    """A description of a value for messages; never the value itself."""
    if isinstance(value, Mapping):
        return f"a mapping with the fields {', '.join(short(str(key), 30) for key in list(value)[:5]) or 'none'}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)} values"
    if isinstance(value, ImageReference):
        return "a picture"
    if isinstance(value, bytes):
        return "a picture" if is_picture(value) else "bytes that are not UTF-8"
    return f"a value of the type {type(value).__name__}"


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _decoded(value: bytes) -> str:
    try:
        if not is_picture(value):
            return value.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise CellError(described(value))


def _number(value: int | float | Decimal) -> str:
    if isinstance(value, int):
        return str(value)
    if not Decimal(value).is_finite():
        raise CellError("a number that is not finite")
    return str(int(value)) if value == int(value) else str(value)


def is_picture(content: bytes) -> bool:
    """Whether bytes begin as pictures of the usual formats do."""
    return content.startswith(_PICTURES) and not (content.startswith(b"BM") and content.isascii())


def _is_path(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    named = "/" in text or bool(PurePosixPath(text).suffix)  # else a picture's damaged bytes would be a name, too
    return named and len(text) < 4096 and text.isprintable()
