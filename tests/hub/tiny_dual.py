"""Tiny random models that score a picture and a sentence, with processors made on the spot, saved as a user finds them."""

from collections.abc import Callable
from functools import partial
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


def siglip(folder: Path) -> None:
    words = tokenizer(starts=False, ends=True, longest=40)
    pictures = hf.SiglipImageProcessor(size=STRETCHED)
    config = hf.SiglipConfig(text_config=WORDS, vision_config=SEEN)
    saved(folder, lambda: hf.SiglipModel(config), hf.SiglipProcessor(pictures, words))


def siglip2(folder: Path) -> None:
    """With patches of the picture's own shape (NaFlex)."""
    words = tokenizer(starts=False, ends=True, longest=40)
    pictures = hf.Siglip2ImageProcessor(patch_size=16)
    config = hf.Siglip2Config(text_config=WORDS, vision_config={**SEEN, "patch_size": 16, "num_patches": 16})
    saved(folder, lambda: hf.Siglip2Model(config), hf.Siglip2Processor(pictures, words))


def flava(folder: Path) -> None:
    words = tokenizer(ends=True, longest=40)
    pictures = hf.FlavaImageProcessor(size=STRETCHED, crop_size=STRETCHED)
    config = hf.FlavaConfig(
        image_config={**SEEN, "vocab_size": 8},
        text_config=WORDS,
        multimodal_config={
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        },
        projection_dim=16,
        hidden_size=16,
        init_codebook=False,
    )
    saved(folder, lambda: hf.FlavaForPreTraining(config), hf.FlavaProcessor(pictures, words))


def _bert(**others: int) -> dict[str, int]:
    return {**WORDS, "encoder_hidden_size": 16, "sep_token_id": 1, **others}


def blip(folder: Path) -> None:
    words = tokenizer(ends=True, longest=40)
    pictures = hf.BlipImageProcessor(size=STRETCHED)
    config = hf.BlipConfig(text_config=_bert(), vision_config=SEEN, projection_dim=16, image_text_hidden_size=16)
    saved(folder, lambda: hf.BlipForImageTextRetrieval(config), hf.BlipProcessor(pictures, words))


def blip_2(folder: Path, image_token: bool = False) -> None:
    words = tokenizer("<image>", ends=True, longest=40)
    pictures = hf.BlipImageProcessor(size=STRETCHED)
    queries = {
        key: value for key, value in _bert().items() if key not in {"bos_token_id", "eos_token_id", "sep_token_id"}
    }
    config = hf.Blip2Config(
        vision_config=SEEN,
        qformer_config={**queries, "use_qformer_text_input": True, "cross_attention_frequency": 1},
        text_config={
            "model_type": "opt",
            "vocab_size": 400,
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "ffn_dim": 16,
            "num_attention_heads": 2,
            "word_embed_proj_dim": 16,
            "max_position_embeddings": 40,
        },
        num_query_tokens=3,
        image_text_hidden_size=16,
        image_token_index=words.convert_tokens_to_ids("<image>") if image_token else None,
    )
    processor = hf.Blip2Processor(pictures, words, num_query_tokens=3 if image_token else None)
    saved(folder, lambda: hf.Blip2ForImageTextRetrieval(config), processor)


def vilt(folder: Path) -> None:
    words = tokenizer(ends=True, longest=40)
    pictures = hf.ViltImageProcessor(size={"shortest_edge": SIDE}, size_divisor=7)
    config = hf.ViltConfig(**WORDS, image_size=SIDE, patch_size=7, max_image_length=-1)
    saved(folder, lambda: hf.ViltForImageAndTextRetrieval(config), hf.ViltProcessor(pictures, words))


def bridgetower(folder: Path) -> None:
    words = tokenizer(ends=True, longest=40)
    pictures = hf.BridgeTowerImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"shortest_edge": SIDE}, size_divisor=7
    )
    width = {"hidden_size": 64, "num_attention_heads": 1, "intermediate_size": 32}
    config = hf.BridgeTowerConfig(
        text_config={**WORDS, **width, "num_hidden_layers": 3},
        vision_config={"hidden_size": 64, "num_hidden_layers": 3, "patch_size": 7, "image_size": SIDE},
        **width,
        num_hidden_layers=2,
    )
    saved(folder, lambda: hf.BridgeTowerForImageAndTextRetrieval(config), hf.BridgeTowerProcessor(pictures, words))


builders: dict[str, Callable[[Path], None]] = {
    "clip": clip,
    "siglip": siglip,
    "siglip2": siglip2,
    "flava": flava,
    "blip": blip,
    "blip-2": blip_2,
    "blip-2 with image tokens": partial(blip_2, image_token=True),
    "vilt": vilt,
    "bridgetower": bridgetower,
}
"""Each writes a tiny model and its processor to a folder, for ``gazeshift.from_hub``."""
