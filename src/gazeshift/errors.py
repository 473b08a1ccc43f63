"""Typed exceptions whose message is one line for a person: the thing, the place and the way out.

The command line prints the message alone and exits with ``exit_code``; a library user catches the type.
"""


class GazeshiftError(Exception):
    """Base of every error gazeshift raises on purpose. ``exit_code`` is what the command line returns."""

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
