"""Models from outside: anything a user brings, seen as the split ``encode_image``, ``encode_text``, ``classify``."""

from gazeshift.models.adapters.huggingface import (
    blip_caption,
    blip_matching,
    lxmert_answers,
    similarity,
    vilt_answers,
    zero_shot,
)
from gazeshift.models.adapters.layouts import TokenGrid
from gazeshift.models.adapters.module import wrap
from gazeshift.models.adapters.protocol import Bound, Explainable, Outside
from gazeshift.models.adapters.split import split

__all__ = [
    "Bound",
    "Explainable",
    "Outside",
    "TokenGrid",
    "blip_caption",
    "blip_matching",
    "lxmert_answers",
    "similarity",
    "split",
    "vilt_answers",
    "wrap",
    "zero_shot",
]
