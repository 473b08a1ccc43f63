"""What differs between published models that score a picture and a sentence: the layer, the arguments, the output."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.adapters.huggingface import (
    BLIP_TAP,
    SENTENCE,
    blip_matching,
    last_heard,
    similarity,
    vilt_answers,
    zero_shot,
)
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.adapters.layouts import LayoutRule, TokenGrid, sequence_first
from gazeshift.models.adapters.module import HookedModel, wrap
from gazeshift.models.hub import flava, open_clip


@dataclass(frozen=True)
class Family:
    """A kind of model that scores a picture and a sentence.

    Attributes:
        model: class name of its models; others of the same type answer in other ways (captions, classes of their own).
        processor: class name of the processor that reads for it.
        net: the model at its layer, with one score for a picture and a sentence.
        notes: what the score is, and what else a user should know about its maps.
        images: the model's arguments that the processor makes of a picture.
        padding: how the texts of one call are made equally long: ``longest``, or ``max_length`` as in training.
        classifier: the model at its layer with one score for each of some sentences, tokenised; None for a model that reads picture and
            sentence together, which is no zero-shot classifier.
        longest: how many tokens of a sentence a model of some configuration has positions for.
    """

    model: str
    processor: str
    net: Callable[[Any], HookedModel]
    notes: tuple[str, ...]
    images: tuple[str, ...] = ("pixel_values",)
    padding: str = "longest"
    classifier: Callable[[Any, Mapping[str, Tensor]], HookedModel] | None = None
    longest: Callable[[Any], int] = lambda config: int(config.text_config.max_position_embeddings)


def _towers(
    model: str,
    processor: str,
    layer: Callable[[Any], str],
    *,
    grid: LayoutRule | None = None,
    named: Callable[[Any], nn.Module] = lambda model: model,
    **others: Any,
) -> Family:
    """A model whose picture and sentence are encoded apart, with the layer of its image tower, and its towers under CLIP's names."""
    return Family(
        model,
        processor,
        lambda model: similarity(named(model), layer(model), grid),
        ("the score is the scaled cosine similarity of picture and sentence, the logit of the model's training",),
        classifier=lambda model, sentences: zero_shot(named(model), sentences, layer(model), grid),
        **others,
    )


def _naflex(images: Inputs, texts: Inputs) -> TokenGrid:
    """Patches row by row, in the picture's own shape, before padding."""
    height, width = images["spatial_shapes"][0].tolist()
    return TokenGrid(height, width)


def _margin(score: Float[Tensor, "b 2"]) -> Float[Tensor, " b"]:
    """Match minus no match."""
    return score[:, 1] - score[:, 0]


def _blip(model: Any) -> HookedModel:
    return replace(blip_matching(model), output=lambda out: _margin(out.itm_score))


def _blip_2(model: Any) -> HookedModel:
    """The text and some queries attend to the image's tokens; checkpoints with an image token expect one per query before the text."""
    queries = 0 if model.config.image_token_index is None else model.config.num_query_tokens

    def run(images: Inputs, texts: Inputs) -> Any:
        before = {name: nn.functional.pad(value, (queries, 0), value=1) for name, value in texts.items()}
        return model(**images, **before, use_image_text_matching_head=True)

    return wrap(model, BLIP_TAP, nth=0, forward=run, output=lambda out: _margin(out.logits_per_image))


def _bridge_tower(model: Any) -> HookedModel:
    """The image's tokens before the first of the cross-modal layers, which every later layer of both streams reads."""
    config = model.config
    before = config.text_config.num_hidden_layers - config.num_hidden_layers
    side = config.vision_config.image_size // config.vision_config.patch_size
    return wrap(
        model,
        f"bridgetower.vision_model.visual.transformer.resblocks.{before}",
        image="pixel_values",
        text=SENTENCE,
        grid=sequence_first(TokenGrid(side, side, prefix=1)),
        output=lambda out: _margin(out.logits),
    )


_MATCH = ("the score is that of the model's matching head, the logit of a match minus that of no match",)
_SIDE_BY_SIDE = "attention methods multiply the attentions of the two picture streams in the order they run, though these run side by side"

FAMILIES: dict[str, Family] = {
    "clip": _towers("CLIPModel", "CLIPProcessor", last_heard),
    "open_clip": _towers("OpenClip", "OpenClipProcessor", open_clip.last_heard),
    "siglip": _towers("SiglipModel", "SiglipProcessor", last_heard, padding="max_length"),
    "siglip2": _towers(
        "Siglip2Model",
        "Siglip2Processor",
        last_heard,
        grid=_naflex,
        images=("pixel_values", "pixel_attention_mask", "spatial_shapes"),
        padding="max_length",
    ),
    "flava": _towers("FlavaForPreTraining", "FlavaProcessor", flava.last_heard, named=flava.Towers),
    "blip": Family("BlipForImageTextRetrieval", "BlipProcessor", _blip, _MATCH),
    "blip-2": Family(
        "Blip2ForImageTextRetrieval",
        "Blip2Processor",
        _blip_2,
        _MATCH,
        longest=lambda config: config.qformer_config.max_position_embeddings,
    ),
    "vilt": Family(
        "ViltForImageAndTextRetrieval",
        "ViltProcessor",
        vilt_answers,
        ("the score is that of the model's matching head",),
        longest=lambda config: config.max_position_embeddings,
    ),
    "bridgetower": Family(
        "BridgeTowerForImageAndTextRetrieval",
        "BridgeTowerProcessor",
        _bridge_tower,
        (*_MATCH, _SIDE_BY_SIDE),
        # RoBERTa counts its positions from the one after its padding token.
        longest=lambda config: config.text_config.max_position_embeddings - config.text_config.pad_token_id - 1,
    ),
}
"""By ``config.model_type``."""
