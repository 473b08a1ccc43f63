"""Third-party models: any model a user brings, seen as the split ``encode_image``, ``encode_text``, ``classify``."""

from gazeshift.models.adapters.folded import Heads, Packed, Tiles
from gazeshift.models.adapters.huggingface import (
    blip_caption,
    blip_matching,
    lxmert_answers,
    similarity,
    vilt_answers,
    zero_shot,
)
from gazeshift.models.adapters.inputs import PackedRows
from gazeshift.models.adapters.layouts import (
    Permuted,
    Slices,
    TokenGrid,
    TokensAt,
    sequence_first,
    windows,
)
from gazeshift.models.adapters.module import wrap
from gazeshift.models.adapters.protocol import Outside
from gazeshift.models.adapters.split import split
from gazeshift.models.adapters.user_model import model

__all__ = [
    "Heads",
    "Outside",
    "Packed",
    "PackedRows",
    "Permuted",
    "Slices",
    "Tiles",
    "TokenGrid",
    "TokensAt",
    "blip_caption",
    "blip_matching",
    "lxmert_answers",
    "model",
    "sequence_first",
    "similarity",
    "split",
    "vilt_answers",
    "windows",
    "wrap",
    "zero_shot",
]
