r"""The only writer of CSV tables: safe to open in a spreadsheet, and read back to the same texts.

A spreadsheet evaluates text that starts with ``=``, ``+``, ``-`` or ``@``, and titles are untrusted data. So an apostrophe is put before
every text that a spreadsheet could take for a formula, and before every such piece after a semicolon, a tab or a line break: where
the semicolon is the separator, as in many locales, a piece becomes its own cell. Numbers are unchanged. See OWASP, "CSV
Injection", https://owasp.org/www-community/attacks/CSV_Injection.

Existing apostrophes get one more, so removing one restores exactly the text. ``read_csv`` does, and pandas with
``pandas.read_csv(path, keep_default_na=False, converters={"text": unguarded})``.
"""

import csv
import io
import numbers
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from gazeshift.errors import DataError

# Tab and line breaks count as signs: a spreadsheet may drop them and compute what follows.
_SIGNS = "=+\\-@＝＋－＠\t\r\n"
# What a spreadsheet may drop before a sign: white space, quotes, control characters, characters without a width.
_DROPPED = "\\s\"'\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_CELL = "(?<![^;\t\r\n])"
_FORMULA = f"(?=[{_DROPPED}]*?[{_SIGNS}])"
_UNGUARDED = re.compile(_CELL + _FORMULA)
_GUARDED = re.compile(f"{_CELL}'{_FORMULA}")


def guarded(text: str) -> str:
    """The text as written to our tables: with an apostrophe before anything that a spreadsheet could take for a formula.

    Example:
        >>> guarded("=1+1"), guarded("apple pie"), guarded("pie; @home"), guarded("'=1+1")
        ("'=1+1", 'apple pie', "pie;' @home", "''=1+1")
    """
    return _UNGUARDED.sub("'", text)


def unguarded(text: str) -> str:
    """The inverse of ``guarded``; any other text is unchanged.

    Example:
        >>> unguarded("'=1+1"), unguarded("'tis a pie")
        ('=1+1', "'tis a pie")
    """
    return _GUARDED.sub("", text)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""A table as RFC 4180 text with line feeds.

    Args:
        columns: the header; empty for no header.
        rows: numbers and truth values are written directly, None as an empty field, everything else as text.

    Example:
        >>> csv_text(["title", "shift"], [["=1+1", -0.5], ["pie", None]])
        "title,shift\n'=1+1,-0.5\npie,\n"
    """
    buffer = io.StringIO()
    plain = csv.writer(buffer, lineterminator="\n")
    quoted = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in [columns, *rows] if columns else rows:
        cells = [_cell(value) for value in row]
        # Left alone, the csv module would leave a carriage return unquoted, and every reader would end the row there.
        broken = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (quoted if broken else plain).writerow(cells)
    return buffer.getvalue()


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of one of our tables, with the original texts; an empty field is ''.

    Raises:
        DataError: there is no such table, or it cannot be read.
    """
    csv.field_size_limit(2**31 - 1)  # one field may hold a whole recipe page
    try:
        with path.open(newline="", encoding="utf-8") as file:
            columns, *rows = [list(map(unguarded, row)) for row in csv.reader(file, strict=True)]
            return [dict(zip(columns, row, strict=True)) for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: not a table that gazeshift wrote ({error}).") from error


def _cell(value: object) -> object:
    return value if value is None or isinstance(value, numbers.Number) else guarded(str(value))
