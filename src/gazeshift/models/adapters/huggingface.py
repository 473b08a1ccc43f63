"""Hugging Face's image-text models, ready to explain: which layer, which arguments, which output."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError, listed
from gazeshift.models.adapters.arguments import only_named
from gazeshift.models.adapters.inputs import by_name
from gazeshift.models.adapters.layouts import Layout, LayoutRule, TokenGrid
from gazeshift.models.adapters.module import HookedModel, wrap
from gazeshift.models.adapters.reading import readable
from gazeshift.models.modes import evaluating

_BLIP_TAP = "vision_model.post_layernorm"
"""The text attends to the image's tokens only after this norm. It also runs once more, for the class token."""
_TEXT = ("input_ids", "attention_mask")
_IMAGE = ("pixel_values", "pixel_attention_mask", "spatial_shapes")
_PATCHES = "vilt.embeddings.patch_embeddings.projection"


class TwoTowers(nn.Module):
    """Scaled cosine similarity of an image and a sentence, ``scale * cos + bias``, as in the training of CLIP and SigLIP.

    Args:
        model: holds both towers.
        image_features: the image tower's arguments to vectors.
        scale: factor, already exponentiated.
        bias: constant; 0 for CLIP.
    """

    scale: Tensor
    bias: Tensor

    def __init__(
        self, model: nn.Module, image_features: Callable[..., Tensor], scale: Tensor, bias: Tensor
    ) -> None:
        super().__init__()
        self.model = model
        self.image_features = image_features
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, images: Mapping[str, Tensor], sentences: Float[Tensor, "b *k d"]) -> Float[Tensor, "b *k"]:
        """Similarity of image i and sentence i, or each of the sentences i."""
        return self._scaled("bd,b...d->b...", images, sentences)

    def classify(self, images: Mapping[str, Tensor], classes: Float[Tensor, "c d"]) -> Float[Tensor, "b c"]:
        """Similarity of every image and every sentence."""
        return self._scaled("bd,cd->bc", images, classes)

    def _scaled(self, product: str, images: Mapping[str, Tensor], sentences: Tensor) -> Tensor:
        seen, said = (nn.functional.normalize(each, dim=-1) for each in (self.image_features(**images), sentences))
        return self.scale * torch.einsum(product, seen, said) + self.bias


def similarity(model: nn.Module, layer: str | None = None, grid: str | Layout | LayoutRule | None = None) -> HookedModel:
    """CLIP or SigLIP: the map of the similarity between an image and a sentence. One score, so the target is class 0.

    Images are ``pixel_values``; texts are the tokenizer's output (``input_ids``, ``attention_mask``), or one of them. Sentences
    are encoded once, images once; the sentence never enters the image tower.

    Args:
        model: a ``CLIPModel``, ``SiglipModel`` or another with ``get_image_features`` and ``get_text_features``.
        layer: the layer's name in ``model``; if None the last place where the image tower still uses its patches other than through a
            norm only: after the last block's first norm if it reads a class token (CLIP), before that block if it pools its
            patches (SigLIP).
        grid: layout of the layer's output; inferred from its shape if None.

    Raises:
        ModelError: the model has no such towers.
    """
    towers, name = _towers(model), layer or _last_heard(model)
    wrapped = wrap(
        towers,
        f"model.{name}",
        forward=lambda images, sentences: towers(_views(images), sentences),
        grid=grid,
        read_text=lambda texts: _sentences(model, texts),
    )
    return replace(wrapped, image=_IMAGE, text=_TEXT)  # of what a processor gives for both


def zero_shot(
    model: nn.Module, prompts: Mapping[str, Any], layer: str | None = None, grid: str | Layout | LayoutRule | None = None
) -> HookedModel:
    """CLIP or SigLIP as a classifier: one class per prompt; the targets are their indices.

    Args:
        model: as for ``similarity``.
        prompts: the tokenizer's output for the prompts, one per class.
        layer: as for ``similarity``.
        grid: as for ``similarity``.
    """
    towers, name = _towers(model), layer or _last_heard(model)
    with evaluating(model), torch.no_grad():
        classes = _sentences(model, readable(prompts, "prompt", model))
    wrapped = wrap(
        towers, f"model.{name}", forward=lambda images, nothing: towers.classify(_views(images), classes), grid=grid
    )
    return replace(wrapped, image=_IMAGE)


def blip_matching(model: nn.Module) -> HookedModel:
    """``BlipForImageTextRetrieval``: does the text describe the image? Class 1 means yes.

    The text attends to the image, not the other way: the image's tokens are text-free.
    """
    return wrap(
        model,
        _blip_tap(model),
        nth=0,
        image="pixel_values",
        text=("input_ids", "attention_mask"),
        output=lambda out: out.itm_score,
    )


def blip_caption(model: nn.Module, position: int) -> HookedModel:
    """``BlipForConditionalGeneration``: the map of one word of a caption. The targets are token ids.

    Args:
        model: the captioner.
        position: the word's position in ``input_ids``, 1 or more; its logit is that of the step before it.

    Raises:
        UsageError: a position below 1, which has no step before it.
    """
    if position < 1:
        raise UsageError(f"position {position}: positions count from 1, the first word with a step before it.")
    return wrap(
        model,
        _blip_tap(model),
        nth=0,
        image="pixel_values",
        text=("input_ids", "attention_mask"),
        output=lambda out: out.logits[:, position - 1],
    )


def vilt_answers(model: nn.Module) -> HookedModel:
    """``ViltForQuestionAnswering`` and similar models: logits of the answers, at the patch embedding.

    After it the single stream mixes words and patches, and ViLT shuffles the patches, so that later grids have no order.

    Raises:
        ModelError: the model is not a ViLT.
    """
    if _PATCHES not in dict(model.named_modules()):
        raise ModelError(f"{type(model).__name__} is not a ViLT: use wrap(model, layer, ...) and name the layer there.")
    return wrap(
        model,
        _PATCHES,
        image="pixel_values",
        text=("input_ids", "attention_mask"),
    )


def lxmert_answers(model: Any, regions: int) -> HookedModel:
    """``LxmertForQuestionAnswering``: logits of the answers, at the regions after the last but one cross-modal layer.

    The text is in there already, so each combination of image and text has its own grid (the slow path).

    Args:
        model: the model; images are ``(visual_feats, visual_pos)``.
        regions: number of regions of an image; the map is ``1 x regions``.

    Raises:
        ModelError: only one cross-modal layer: its regions do not reach the answer.
    """
    blocks = dict(model.named_modules()).get("lxmert.encoder.x_layers")
    if not isinstance(blocks, nn.ModuleList):
        raise ModelError(
            f"{type(model).__name__} is not an LXMERT: use wrap(model, layer, ...) and name the layer there."
        )
    layers = len(blocks)
    if layers < 2:
        raise ModelError(
            "this LXMERT has one cross-modal layer, whose regions do not reach the answer: use wrap at an earlier layer."
        )
    return wrap(
        model,
        f"lxmert.encoder.x_layers.{layers - 2}",
        image=("visual_feats", "visual_pos"),
        text=("input_ids", "attention_mask"),
        output=lambda out: out.question_answering_score,
        grid=TokenGrid(1, regions),
        part=1,
    )


def _towers(model: Any) -> TwoTowers:
    parameters = dict(model.named_parameters())
    if "logit_scale" not in parameters:
        raise ModelError(
            f"{type(model).__name__} has no logit_scale, so it is not a CLIP or SigLIP: use wrap and name the layer."
        )
    scale = parameters["logit_scale"].detach().exp()
    bias = parameters.get("logit_bias", torch.zeros_like(scale)).detach()
    return TwoTowers(model, lambda **images: _vectors(model.get_image_features(**images)), scale, bias)


def _sentences(model: Any, texts: Any) -> Float[Tensor, "t *k d"]:
    """The vectors of texts, or of the ``k`` sentences of each."""
    arguments = only_named(texts, _TEXT) if isinstance(texts, Mapping) else {"input_ids": texts}
    if not isinstance(arguments, Mapping) or "input_ids" not in arguments:
        raise UsageError(f"the texts hold {listed(arguments)} but no input_ids: give the tokenizer's output.")
    shape = arguments["input_ids"].shape[:-1]
    rows = {name: value.flatten(0, -2) for name, value in arguments.items()}
    return _vectors(model.get_text_features(**rows)).unflatten(0, shape)


def _views(images: Any) -> Mapping[str, Tensor]:
    """The images by argument, given directly or as part of a processor's output."""
    named = by_name(images)
    if named is not None and "pixel_values" not in named:
        raise UsageError(f"the images hold {listed(named)} but no pixel_values: give the processor's output.")
    return {"pixel_values": images} if named is None else named


def _vectors(output: Any) -> Tensor:
    """The vectors, which older versions return alone and newer ones together with the tokens."""
    return output if isinstance(output, Tensor) else output.pooler_output


def _blip_tap(model: nn.Module) -> str:
    if _BLIP_TAP not in dict(model.named_modules()):
        raise ModelError(f"{type(model).__name__} is not a BLIP: use wrap(model, layer, ...) and name the layer there.")
    return _BLIP_TAP


def _last_heard(model: nn.Module) -> str:
    """Name of the last layer of the image tower with cells that are used other than through a norm only."""
    blocks = dict(model.named_modules()).get("vision_model.encoder.layers")
    if not isinstance(blocks, nn.ModuleList) or len(blocks) < 2:
        raise ModelError(
            f"{type(model).__name__} has no vision_model.encoder.layers of 2 blocks: use wrap(model, layer, ...) and name the layer there."
        )
    reads_class_token = "vision_model.embeddings.class_embedding" in dict(model.named_parameters())
    last = len(blocks) - 1
    return f"vision_model.encoder.layers.{f'{last}.layer_norm1' if reads_class_token else last - 1}"
