"""A published model by its folder or its name."""

from collections.abc import Sequence

from gazeshift.models.adapters.given import Given


def from_hub(
    name: str,
    as_: str | None = None,
    classes: Sequence[str] = (),
    prompt: str | None = None,
    *,
    trust_remote_code: bool = False,
) -> Given:
    """A published model."""
    raise NotImplementedError
