"""A published model that scores a picture and a sentence."""

from typing import Any

from gazeshift.errors import ModelError
from gazeshift.models.adapters.given import Given


def matching(model: Any, processor: Any) -> Given:
    """A published model that scores a picture and a sentence."""
    raise ModelError(f"{type(model).__name__}: matching is not known for this kind of model.")
