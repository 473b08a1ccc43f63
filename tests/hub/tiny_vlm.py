"""Tiny random vision-language models with processors made on the spot, saved as a user finds them: a folder for each family."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import TemplateProcessing
from torch import nn

SENTENCES = ["USER: a red dog is it a cat ? ASSISTANT: yes no", "two blue cats on a bench: yes, a big green tree. no"]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
WORDS = 320
TEXT = {
    "vocab_size": 400,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 1024,
    "pad_token_id": 2,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 7,
}


def tokenizer(*others: str, starts: bool = True, ends: bool = False, longest: int | None = None, **named: str) -> Any:
    """Byte-level pairs, with a start and an end token or not; special tokens of a family by name, or without one."""
    trained = ByteLevelBPETokenizer()
    specials = [*SPECIAL.values(), *named.values(), *others]
    trained.train_from_iterator(
        SENTENCES * 4, vocab_size=WORDS, min_frequency=1, special_tokens=specials, show_progress=False
    )
    first, last = "<s> " * starts, " </s>" * ends
    trained._tokenizer.post_processor = TemplateProcessing(
        single=f"{first}$A{last}",
        pair=f"{first}$A{last} $B:1{last}",
        special_tokens=[(token, trained.token_to_id(token)) for token in ("<s>", "</s>")],
    )
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer,
        **SPECIAL,
        model_max_length=longest,
        extra_special_tokens=named,
        additional_special_tokens=list(others),
    )


def saved(folder: Path, make: Callable[[], nn.Module], processor: Any) -> None:
    """A model with weights large enough for gradients to come through, and its processor."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: Any = make()
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 or "newline" in name:
                nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 1.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def llava(folder: Path) -> None:
    words = tokenizer(image_token="<image>")
    pictures = hf.CLIPImageProcessor(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, do_resize=True, do_center_crop=True
    )
    processor = hf.LlavaProcessor(
        pictures, words, patch_size=7, vision_feature_select_strategy="default", num_additional_image_tokens=1
    )
    config = hf.LlavaConfig(
        vision_config=hf.CLIPVisionConfig(**VISION),
        text_config=hf.LlamaConfig(**TEXT),
        image_token_id=words.image_token_id,
        vision_feature_layer=-2,
    )
    saved(folder, lambda: hf.LlavaForConditionalGeneration(config), processor)


def llava_pixtral(folder: Path) -> None:
    """LLaVA's architecture around Pixtral's tower, which sees pictures of any shape."""
    words = tokenizer("[IMG_BREAK]", "[IMG_END]", image_token="[IMG]")
    pictures = hf.PixtralImageProcessor(size={"longest_edge": 28}, patch_size={"height": 7, "width": 7})
    config = hf.LlavaConfig(
        vision_config=hf.PixtralVisionConfig(**VISION),
        text_config=hf.MistralConfig(**TEXT),
        image_token_id=words.image_token_id,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    processor = hf.PixtralProcessor(pictures, words, patch_size=7)
    saved(folder, lambda: hf.LlavaForConditionalGeneration(config), processor)


def llava_next(folder: Path) -> None:
    words = tokenizer(image_token="<image>")
    pinpoints = [[28, 56], [56, 28], [56, 56], [28, 84]]
    pictures = hf.LlavaNextImageProcessor(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, image_grid_pinpoints=pinpoints
    )
    processor = hf.LlavaNextProcessor(
        pictures, words, patch_size=7, vision_feature_select_strategy="default", num_additional_image_tokens=1
    )
    config = hf.LlavaNextConfig(
        vision_config=hf.CLIPVisionConfig(**VISION),
        text_config=hf.LlamaConfig(**TEXT),
        image_token_id=words.image_token_id,
        image_grid_pinpoints=pinpoints,
        vision_feature_layer=-2,
    )
    saved(folder, lambda: hf.LlavaNextForConditionalGeneration(config), processor)


def _splits(folder: Path, config_of: Any, vision_of: Any, model_of: Any) -> None:
    words = tokenizer("<fake_token_around_image>", "<end_of_utterance>", image_token="<image>")
    pictures = hf.Idefics3ImageProcessor(size={"longest_edge": 84}, max_image_size={"longest_edge": 28})
    config = config_of(
        vision_config=vision_of(**VISION),
        text_config=hf.LlamaConfig(**TEXT),
        image_token_id=words.image_token_id,
        scale_factor=2,
        pad_token_id=2,
    )
    saved(folder, lambda: model_of(config), hf.Idefics3Processor(pictures, words, image_seq_len=4))


def idefics3(folder: Path) -> None:
    _splits(folder, hf.Idefics3Config, hf.Idefics3VisionConfig, hf.Idefics3ForConditionalGeneration)


def smolvlm(folder: Path) -> None:
    """With Idefics3's processor, which it took over; its own needs num2words, for videos."""
    _splits(folder, hf.SmolVLMConfig, hf.SmolVLMVisionConfig, hf.SmolVLMForConditionalGeneration)


def paligemma(folder: Path) -> None:
    words = tokenizer(starts=False, image_token="<image>")
    pictures = hf.SiglipImageProcessor(size={"height": 28, "width": 28})
    pictures.image_seq_length = 16
    processor = hf.PaliGemmaProcessor(pictures, words)
    config = hf.PaliGemmaConfig(
        vision_config=hf.SiglipVisionConfig(**VISION, vision_use_head=False),
        text_config=hf.GemmaConfig(**{**TEXT, "vocab_size": len(words) + 8}, head_dim=16),
        image_token_id=words.image_token_id,
        projection_dim=32,
    )
    saved(folder, lambda: hf.PaliGemmaForConditionalGeneration(config), processor)


def blip_2(folder: Path) -> None:
    words = tokenizer("<image>")
    pictures = hf.BlipImageProcessor(size={"height": 28, "width": 28})
    small = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    queries = {**small, "encoder_hidden_size": 16, "cross_attention_frequency": 1, "vocab_size": 8}
    words_of = {
        "vocab_size": 400, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
        "word_embed_proj_dim": 32, "pad_token_id": 2, "bos_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    config = hf.Blip2Config(
        vision_config=VISION,
        qformer_config=queries,
        text_config={"model_type": "opt", **words_of},
        num_query_tokens=3,
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    saved(
        folder, lambda: hf.Blip2ForConditionalGeneration(config), hf.Blip2Processor(pictures, words, num_query_tokens=3)
    )


def internvl(folder: Path) -> None:
    named = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    words = tokenizer(**named, video_token="<video>")
    pictures = hf.GotOcr2ImageProcessor(size={"height": 28, "width": 28}, crop_to_patches=True, max_patches=6)
    videos = hf.InternVLVideoProcessor(size={"height": 28, "width": 28})
    processor = hf.InternVLProcessor(pictures, words, videos, image_seq_length=4)
    config = hf.InternVLConfig(
        vision_config=hf.InternVLVisionConfig(**{**VISION, "image_size": [28, 28], "patch_size": [7, 7]}),
        text_config=hf.Qwen2Config(**TEXT),
        image_token_id=words.context_image_token_id,
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    saved(folder, lambda: hf.InternVLForConditionalGeneration(config), processor)


def gemma3(folder: Path) -> None:
    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    words = tokenizer(**named)
    pictures = hf.Gemma3ImageProcessor(size={"height": 28, "width": 28})
    config = hf.Gemma3Config(
        vision_config=hf.SiglipVisionConfig(**VISION, vision_use_head=False),
        text_config=hf.Gemma3TextConfig(
            **TEXT, head_dim=16, sliding_window=512, layer_types=["sliding_attention", "full_attention"]
        ),
        mm_tokens_per_image=4,
        image_token_id=words.image_token_id,
        boi_token_index=words.boi_token_id,
        eoi_token_index=words.eoi_token_id,
    )
    processor = hf.Gemma3Processor(pictures, words, image_seq_length=4)
    saved(folder, lambda: hf.Gemma3ForConditionalGeneration(config), processor)


def _qwen(folder: Path, config_of: Any, model_of: Any, processor_of: Any, vision: dict[str, Any]) -> None:
    named = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    words = tokenizer("<|vision_start|>", "<|vision_end|>", **named)
    limits = {"shortest_edge": 4 * 14 * 14, "longest_edge": 60 * 14 * 14}
    pictures = hf.Qwen2VLImageProcessor(patch_size=7, merge_size=2, size=limits)
    videos = hf.Qwen2VLVideoProcessor(patch_size=7, merge_size=2, size=limits)
    text = {**TEXT, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}}
    start, end = words.convert_tokens_to_ids(["<|vision_start|>", "<|vision_end|>"])
    config = config_of(
        vision_config={"depth": 2, "num_heads": 2, "patch_size": 7, **vision},
        text_config=text,
        image_token_id=words.image_token_id,
        video_token_id=words.video_token_id,
        vision_start_token_id=start,
        vision_end_token_id=end,
    )
    saved(folder, lambda: model_of(config), processor_of(pictures, words, videos))


def qwen2_vl(folder: Path) -> None:
    vision = {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    _qwen(folder, hf.Qwen2VLConfig, hf.Qwen2VLForConditionalGeneration, hf.Qwen2VLProcessor, vision)


def qwen2_5_vl(folder: Path) -> None:
    vision = {
        "hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "window_size": 28, "fullatt_block_indexes": [1]
    }  # fmt: skip
    _qwen(folder, hf.Qwen2_5_VLConfig, hf.Qwen2_5_VLForConditionalGeneration, hf.Qwen2_5_VLProcessor, vision)


def qwen3_vl(folder: Path) -> None:
    vision = {
        "hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0],
    }  # fmt: skip
    _qwen(folder, hf.Qwen3VLConfig, hf.Qwen3VLForConditionalGeneration, hf.Qwen3VLProcessor, vision)


builders: dict[str, Callable[[Path], None]] = {
    "llava": llava,
    "llava, pixtral": llava_pixtral,
    "llava_next": llava_next,
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
    "paligemma": paligemma,
    "blip-2": blip_2,
    "internvl": internvl,
    "gemma3": gemma3,
}
"""Each writes a tiny model and its processor to a folder, for ``AutoProcessor`` and ``AutoModelForImageTextToText``."""
