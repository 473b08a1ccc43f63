"""A published two-tower model as a classifier: one class a sentence."""

from collections.abc import Sequence
from typing import Any

from gazeshift.errors import ModelError
from gazeshift.models.adapters.given import Given


def zero_shot(model: Any, processor: Any, classes: Sequence[str], *, prompt: str = "{class}") -> Given:
    """A published two-tower model as a classifier."""
    raise ModelError(f"{type(model).__name__}: zero-shot is not known for this kind of model.")
