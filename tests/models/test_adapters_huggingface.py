"""Hugging Face models from outside equal a hook in the whole model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from gazeshift.models.adapters import blip_caption, blip_matching, lxmert_answers, similarity, vilt_answers, zero_shot
from tests.models.outside_model import by_hook, close, grad_cams, seeded


def sentences(vocabulary: int = 90, rows: int = 3, length: int = 6) -> dict[str, Tensor]:
    ids = torch.randint(3, vocabulary, (rows, length), generator=torch.Generator().manual_seed(3))
    ids[:, -1] = 2  # the end token, which CLIP reads the sentence at
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
}
TEXT = {"vocab_size": 90, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def tiny_clip() -> Any:
    config = transformers.CLIPConfig(
        text_config={**TEXT, **SPECIAL, "projection_dim": 16},
        vision_config={**VISION, "patch_size": 8, "projection_dim": 16},
        projection_dim=16,
    )
    return transformers.CLIPModel(config)


def tiny_siglip() -> Any:
    config = transformers.SiglipConfig(
        text_config={**TEXT, **SPECIAL, "max_position_embeddings": 6}, vision_config={**VISION, "patch_size": 8}
    )
    return transformers.SiglipModel(config)


@pytest.mark.parametrize(
    ("make", "tap", "prefix"),
    [(tiny_clip, lambda blocks: blocks[2].layer_norm1, 1), (tiny_siglip, lambda blocks: blocks[1], 0)],
)
def test_clip_and_siglip_equal_a_hook_in_the_whole_model(
    make: Callable[[], nn.Module], tap: Callable[[nn.ModuleList], nn.Module], prefix: int
) -> None:
    model: Any = seeded(make)
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    words = sentences()
    maps = grad_cams(similarity(model), pixels, words, target=0)
    classes = grad_cams(zero_shot(model, words), pixels, target=2)
    assert maps.raw.shape == (6, 4, 4)
    with torch.no_grad():
        whole = model(pixel_values=pixels, **words).logits_per_image
    np.testing.assert_allclose(maps.logits.reshape(2, 3), whole.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(classes.logits, whole.numpy(), rtol=1e-4, atol=1e-5)
    layer, kept = tap(model.vision_model.encoder.layers), []
    hook = layer.register_forward_hook(lambda module, arguments, output: kept.append(output))
    score = model(pixel_values=pixels, **words).logits_per_image[1, 2]
    hook.remove()
    (slope,) = torch.autograd.grad(score, kept[0])
    patches, weights = kept[0][1, prefix:], slope[1, prefix:].mean(0)
    expected = (patches @ weights).reshape(4, 4).detach().numpy()
    close(maps.of(1, 2), expected, 1e-4)
    close(classes.of(1), expected, 1e-4)


def test_blip_reads_the_image_with_the_text() -> None:
    text = {**TEXT, **SPECIAL, "encoder_hidden_size": 16, "max_position_embeddings": 16, "sep_token_id": 2}
    config = transformers.BlipConfig(
        text_config=text, vision_config={**VISION, "patch_size": 8}, projection_dim=16, image_text_hidden_size=16
    )
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    words = sentences()
    for make, wrapped, target in (
        (transformers.BlipForImageTextRetrieval, blip_matching, 1),
        (transformers.BlipForConditionalGeneration, lambda model: blip_caption(model, 3), 7),
    ):
        model: Any = seeded(lambda make=make: make(config))
        maps = grad_cams(wrapped(model), pixels, words, target=target)
        layer, kept = model.vision_model.post_layernorm, []
        hook = layer.register_forward_hook(lambda module, arguments, output, kept=kept: kept.append(output))
        out = model(pixel_values=pixels, **{name: value[1:2] for name, value in words.items()})
        hook.remove()
        score = out.itm_score[0, 1] if make is transformers.BlipForImageTextRetrieval else out.logits[0, 2, 7]
        (slope,) = torch.autograd.grad(score, kept[0])
        expected = (kept[0][0, 1:] @ slope[0, 1:].mean(0)).reshape(4, 4).detach().numpy()
        close(maps.of(0, 1), expected, 1e-4)


def test_vilt_in_spite_of_its_shuffled_patches() -> None:
    config = transformers.ViltConfig(
        **TEXT, image_size=32, patch_size=8, num_labels=4, max_position_embeddings=16, num_images=-1
    )
    model: Any = seeded(lambda: transformers.ViltForQuestionAnswering(config))
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    words, state = sentences(), torch.get_rng_state()
    maps = grad_cams(vilt_answers(model), pixels, words, target=3)
    assert torch.equal(torch.get_rng_state(), state)
    one = {name: value[2:] for name, value in words.items()}
    layer = model.vilt.embeddings.patch_embeddings.projection
    close(maps.of(1, 2), by_hook(layer, lambda: model(pixel_values=pixels[1:], **one).logits[0, 3]), 1e-4)


def test_lxmert_by_the_slow_path() -> None:
    config = transformers.LxmertConfig(
        vocab_size=90, hidden_size=16, num_attention_heads=2, intermediate_size=32, l_layers=1, x_layers=3, r_layers=1,
        visual_feat_dim=8, num_qa_labels=5,
    )  # fmt: skip
    model: Any = seeded(lambda: transformers.LxmertForQuestionAnswering(config))
    regions = torch.rand(2, 7, 8, generator=torch.Generator().manual_seed(4))
    boxes = torch.rand(2, 7, 4, generator=torch.Generator().manual_seed(5))
    words = sentences()
    maps = grad_cams(lxmert_answers(model, 7), (regions, boxes), words, target=4)
    assert maps.raw.shape == (6, 1, 7)
    one = {name: value[:1] for name, value in words.items()}
    kept: list[Tensor] = []
    layer = model.lxmert.encoder.x_layers[1]
    hook = layer.register_forward_hook(lambda module, arguments, output: kept.append(output[1]))
    score = model(visual_feats=regions[1:], visual_pos=boxes[1:], **one).question_answering_score[0, 4]
    hook.remove()
    (slope,) = torch.autograd.grad(score, kept[0])
    close(maps.of(1, 0), (kept[0][0] @ slope[0].mean(0))[None].detach().numpy(), 1e-4)
