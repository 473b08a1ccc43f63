"""Fusions: from the image at the tap and the encoded text to logits. A file for each family; whatever stands in this folder is known."""

import importlib
import pkgutil

from gazeshift.models.fusions.fusion import Fusion, Structure, Widths
from gazeshift.models.fusions.registry import HEADS

__all__ = ["HEADS", "Fusion", "Structure", "Widths"]

for _file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_file.name}")
