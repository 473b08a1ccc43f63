"""Frozen results that are written as JSON and read again: every fault in a file becomes one line that names it and the way out."""

import json
import math
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from gazeshift.errors import DataError

R = TypeVar("R", bound="Record")

AGAIN = "run the study again with this version of gazeshift"


def _number(value: object) -> object:
    """None for NaN, which JSON lacks: a file that contains one means that there is no such number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _bounds(value: object) -> object:
    """None for an interval that is open on one side."""
    pair = value if isinstance(value, list | tuple) else ()
    return None if any(_number(bound) is None for bound in pair) else value


Number = Annotated[float | None, BeforeValidator(_number)]
"""A number, or None where there is none."""

Interval = Annotated[tuple[float, float] | None, BeforeValidator(_bounds)]
"""Low and high, or None."""


class Record(BaseModel):
    """A frozen result. Unknown keys are ignored, so that the file of a newer gazeshift can still be read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read_record(path: Path, kind: type[R]) -> R:
    """A record from its file.

    Args:
        path: JSON of its ``model_dump``.
        kind: what it holds.

    Raises:
        DataError: no such file, not JSON, or not a ``kind``; one line with the file and the key.

    Example:
        >>> read_record(Path("no-such-run/summary.json"), Record)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        gazeshift.errors.DataError: no-such-run/summary.json is missing: the run is unfinished; give ...
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: not valid JSON ({error}); run the study again to write it anew.") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: a {type(content).__name__}, not an object; run the study again to write it anew.")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{path}: {_complaint(error)}; {AGAIN}.") from None


def read_text(path: Path) -> str:
    """What a file of a finished run says.

    Raises:
        DataError: it is missing.
    """
    if not path.is_file():
        raise DataError(
            f"{path} is missing: the run is unfinished; give `gazeshift study` the same study file and folder again to continue it."
        )
    return path.read_text(encoding="utf-8", errors="replace")


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"no key '{key}'"
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"'{key}': {message}" if key else message
