"""Weights from a file."""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.reason import reason


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name.

    Raises:
        ModelError: it is missing, damaged, or in another format; pickles are never read.
    """
    if not path.is_file():
        raise ModelError(f"weights: there is no file {path}.")
    try:
        return load_file(path)
    except Exception as error:  # safetensors raises its own and plain exceptions
        raise ModelError(
            f"{path} is damaged or not a safetensors file ({reason(error)}); a state dict is saved with safetensors.torch.save_file."
        ) from error
