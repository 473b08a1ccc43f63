"""What the hub's client raises, in one line that says what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import errors

from gazeshift.errors import GazeshiftError, ModelError
from gazeshift.models.reason import reason

_LOG_IN = "log in with `hf auth login`, or give a token"


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Whatever goes wrong between here and the hub becomes a ``ModelError`` about ``name``.

    Args:
        name: a repository, ``USER/NAME``.

    Raises:
        ModelError: no such repository or revision, no right to it, no network.

    Example:
        >>> with hub_errors("me/model"):
        ...     raise errors.OfflineModeIsEnabled("offline")
        Traceback (most recent call last):
        gazeshift.errors.ModelError: me/model: the hub cannot be asked, because HF_HUB_OFFLINE is set; unset it.
    """
    try:
        yield
    except GazeshiftError:
        raise
    except Exception as error:  # many kinds: of the hub's client, of what it speaks HTTP with, of the system
        raise ModelError(f"{name}: {_in_words(error)}.") from error


def _in_words(error: Exception) -> str:
    """What happened, and the way out."""
    return next(words(error) for kind, words in _WORDS.items() if isinstance(error, kind))


def _unreachable(error: Exception) -> str:
    """The client looked into its cache because it could not ask the hub."""
    cause = error.__cause__
    if not isinstance(cause, Exception) or isinstance(cause, errors.OfflineModeIsEnabled):
        return "not in the cache of the hub's client, and HF_HUB_OFFLINE is set; unset it to download the model"
    return f"not in the cache of the hub's client, and {_unknown(cause)}"


def _answered(error: errors.HfHubHTTPError) -> str:
    status = error.response.status_code
    if status in {401, 403}:
        return f"the hub refuses ({status}): you have no right to it; {_LOG_IN} that may do this"
    return f"the hub answers with {reason(error)}; try again later"


def _unknown(error: Exception) -> str:
    kind = type(error).__name__
    return f"the hub cannot be reached ({kind}: {reason(error)}); check the network and try again"


def _of_the_system(error: OSError) -> str:
    """No space for a download, say; the client's own errors are of this kind, too, but the system says nothing of them."""
    return (
        f"{error.filename or 'a file'} cannot be read or written ({error.strerror})" if error.errno else _unknown(error)
    )


_WORDS: dict[type[Exception], Callable[[Any], str]] = {
    errors.HFValidationError: lambda _: "not a name on the hub; write USER/NAME",
    errors.OfflineModeIsEnabled: lambda _: "the hub cannot be asked, because HF_HUB_OFFLINE is set; unset it",
    errors.GatedRepoError: lambda _: f"its owner gives access on request: ask for it on its page, then {_LOG_IN}",
    errors.RepositoryNotFoundError: lambda _: (
        f"not on the hub, or private; check the name, and if it is private {_LOG_IN}"
    ),
    errors.RevisionNotFoundError: lambda _: (
        "on the hub, but without this revision; give a branch, a tag or a commit that it has"
    ),
    errors.LocalEntryNotFoundError: _unreachable,
    errors.HfHubHTTPError: _answered,
    OSError: _of_the_system,
    Exception: _unknown,
}
"""What is said of each kind of error; a kind stands before those that it is one of."""
