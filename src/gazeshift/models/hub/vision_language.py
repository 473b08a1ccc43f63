"""What differs between vision-language models that answer: the layer, the cells of a picture, and how a prompt is framed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image

from gazeshift.errors import ModelError, listed
from gazeshift.models.hub import vision_language_grids as grids
from gazeshift.models.hub import vision_language_views as views
from gazeshift.models.hub import vision_language_wording as wording


@dataclass(frozen=True)
class Family:
    """A kind of vision-language model.

    Attributes:
        processors: class names of the processors that read for it.
        tap: the layer that gives the picture's tokens as the language model gets them; no text reaches it.
        cells: which token is which cell of the picture.
        images: the model's arguments that the processor makes of a picture.
        packed: those of them without an axis for pictures: all views, or all patches, in one sequence.
        part: the part of the layer's output that holds the tokens.
        nth: which run of the layer, if it runs several times.
        view: what part of a picture the cells cover.
        placeholder: what ``<image>`` becomes; ``{image}`` is the model's own token.
        reads: a processor and a picture to the arguments, and the text that stands for the picture in a prompt.
        framed: a prompt as the processor rewrites it.
        started: whether the tokenizer puts its own special tokens around a prompt.
        kinds: what else the model asks of each token.
        notes: what a user should know about its maps.
    """

    processors: tuple[str, ...]
    tap: str
    cells: Callable[[grids.Seen], grids.Cells]
    images: tuple[str, ...] = ("pixel_values",)
    packed: tuple[str, ...] = ()
    part: str | None = None
    nth: int | None = None
    view: Callable[[Image, Any, Any], Image] = views.whole
    placeholder: str = "{image}"
    reads: Callable[[Any, Image], tuple[dict[str, Any], str]] = wording.by_placeholder
    framed: Callable[[str, Any], str] = wording.as_written
    started: bool = True
    kinds: wording.Kinds = wording.no_kinds
    notes: tuple[str, ...] = ()


_TILES = (
    "where the model cuts a picture into tiles the map shows these; it also sees the whole picture at a lower resolution, and the evidence "
    "of that is in no cell",
)
_DEEPSTACK = (
    "the map shows the picture's tokens; this model also adds features of earlier layers to them (DeepStack), and the evidence of these "
    "is in no cell",
)


def _qwen(processor: str, notes: tuple[str, ...] = ()) -> Family:
    return Family(
        (processor,),
        "model.visual",
        grids.merged,
        images=("pixel_values", "image_grid_thw"),
        packed=("pixel_values",),
        part="pooler_output",
        placeholder="<|vision_start|>{image}<|vision_end|>",
        kinds=wording.images_named("mm_token_type_ids"),
        notes=notes,
    )


_PROJECTOR = "model.multi_modal_projector"
_SPLITS = Family(
    ("Idefics3Processor", "SmolVLMProcessor"),
    "model.connector",
    grids.splits,
    images=("pixel_values", "pixel_attention_mask"),
    notes=_TILES,
)

FAMILIES: dict[str, Family] = {
    "llava": Family(
        ("LlavaProcessor", "PixtralProcessor"),
        _PROJECTOR,
        grids.plain,
        images=("pixel_values", "image_sizes"),
        view=views.cropped,
    ),
    "llava_next": Family(
        ("LlavaNextProcessor",),
        _PROJECTOR,
        grids.any_resolution,
        images=("pixel_values", "image_sizes"),
        view=views.unpadded,
        notes=_TILES,
    ),
    "qwen2_vl": _qwen("Qwen2VLProcessor"),
    "qwen2_5_vl": _qwen("Qwen2_5_VLProcessor"),
    "qwen3_vl": _qwen("Qwen3VLProcessor", _DEEPSTACK),
    "idefics3": _SPLITS,
    "smolvlm": _SPLITS,
    "paligemma": Family(
        ("PaliGemmaProcessor",),
        _PROJECTOR,
        grids.plain,
        framed=wording.framed_by_paligemma,
        kinds=wording.answer_follows,
    ),
    "blip-2": Family(
        ("Blip2Processor",),
        "vision_model.post_layernorm",
        grids.before_queries,
        nth=0,
        reads=wording.by_queries,
        framed=wording.framed_by_blip_2,
        started=False,
    ),
    "internvl": Family(("InternVLProcessor",), _PROJECTOR, grids.canvas, packed=("pixel_values",), notes=_TILES),
    "gemma3": Family(
        ("Gemma3Processor",),
        _PROJECTOR,
        grids.pan_and_scan,
        packed=("pixel_values",),
        kinds=wording.images_named("token_type_ids"),
        notes=_TILES,
    ),
}
"""By ``config.model_type``."""


def family_of(model: Any, processor: Any) -> Family:
    """The family of a model whose processor fits.

    Raises:
        ModelError: an unknown kind of model, or a processor of another one.
    """
    kind = model.config.model_type
    if kind not in FAMILIES:
        raise ModelError(
            f"{type(model).__name__} ({kind}) is not among the vision-language models that gazeshift asks for answers: "
            f"{listed(FAMILIES, 20)}; use wrap(model, layer, ...) for others."
        )
    family, given = FAMILIES[kind], type(processor).__name__
    if given not in family.processors:
        raise ModelError(
            f"a {given} does not read for a {type(model).__name__}: load AutoProcessor from the model's own folder, which gives a "
            f"{family.processors[0]}."
        )
    if model.config.get_text_config().is_encoder_decoder:
        raise ModelError(
            f"the language model of this {type(model).__name__} reads the question apart from its answer (an encoder and a decoder); "
            "take one that continues its prompt."
        )
    return family
