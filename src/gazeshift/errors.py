"""Typed exceptions with a one-line message for people: the thing, the place and the way out.

The command line prints only the message and exits with ``exit_code``; a library user catches the type.
"""

from collections.abc import Iterable

_LONGEST = 60
_LONGEST_LIST = 240


class GazeshiftError(Exception):
    """Base class of every error that gazeshift raises on purpose. ``exit_code`` is what the command line returns."""

    exit_code = 2


class UsageError(GazeshiftError):
    """A wrong argument or a wrong combination of arguments."""


class ConfigError(GazeshiftError):
    """A study file that cannot be used: names the file, the key and what is allowed."""


class DataError(GazeshiftError):
    """A data root or a table that cannot be read, or pairs that cannot be used."""


class ImageError(DataError):
    """One image that cannot be decoded; the message begins with its name."""


class ModelError(GazeshiftError):
    """A model that cannot be built, loaded or split."""


class TrainingError(GazeshiftError):
    """A training that had to stop, for example on a loss that is not a number."""

    exit_code = 1


def listed(names: Iterable[object], most: int = 6) -> str:
    """The first of some names, for a message of bounded length.

    Example:
        >>> listed("abcd", most=2)
        'a, b and 2 others'
    """
    known = [shown(name).strip("'") for name in names]
    fit = [end for end in range(len(known) + 1) if sum(map(len, known[:end])) <= _LONGEST_LIST]
    most = max(1, min(most, fit[-1]))
    rest = len(known) - most
    if rest == 1:
        most, rest = most + 1, 0  # its name is hardly longer than saying that there is one more
    return ", ".join(known[:most]) + (f" and {rest} others" if rest > 0 else "")


def shown(value: object) -> str:
    """A value as messages quote it: on one line, at most 60 characters, and only the shape of an array or tensor.

    Example:
        >>> import numpy as np
        >>> shown(np.zeros((2, 3))), shown("layer4"), len(shown("x" * 1000))
        ('ndarray (2, 3)', "'layer4'", 60)
    """
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{type(value).__name__} {tuple(shape)}"
    if not isinstance(value, str | int | float | bool | type(None)):
        return type(value).__name__
    quoted = repr(value)
    return quoted if len(quoted) <= _LONGEST else f"{quoted[: _LONGEST - 4]}...{quoted[-1]}"
