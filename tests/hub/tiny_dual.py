"""Tiny random models that score a picture and a sentence, with processors made on the spot, saved as a user finds them."""

from collections.abc import Callable
from pathlib import Path

import transformers as hf

from tests.hub.tiny_vlm import VISION, saved, tokenizer

SIDE = 28
SEEN = {**VISION, "num_hidden_layers": 3, "hidden_size": 16}
WORDS = {
    "vocab_size": 400,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 40,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
STRETCHED = {"height": SIDE, "width": SIDE}


def clip(folder: Path) -> None:
    words = tokenizer(ends=True, longest=40)
    pictures = hf.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=STRETCHED)
    config = hf.CLIPConfig(
        text_config={**WORDS, "projection_dim": 16}, vision_config={**SEEN, "projection_dim": 16}, projection_dim=16
    )
    saved(folder, lambda: hf.CLIPModel(config), hf.CLIPProcessor(pictures, words))


builders: dict[str, Callable[[Path], None]] = {
    "clip": clip,
}
"""Each writes a tiny model and its processor to a folder, for ``gazeshift.from_hub``."""
