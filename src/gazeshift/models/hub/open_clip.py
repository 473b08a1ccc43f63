"""Models of open_clip, an extra."""

from pathlib import Path
from typing import Any

from gazeshift.errors import ModelError


def is_open_clip(name: str | Path) -> bool:
    """Whether a folder was written by open_clip."""
    return (Path(name) / "open_clip_config.json").is_file()


def load_open_clip(name: str | Path) -> tuple[Any, Any]:
    """The model and what reads for it."""
    raise ModelError(f"{name}: install the extra open-clip.")
