"""A classifier's specification as plain data: enough to rebuild it from a ``config.json``."""

from collections.abc import Callable
from typing import Annotated, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from gazeshift.json_types import Json, Options
from gazeshift.preprocessing import Preprocessing
from gazeshift.registry import folded

# Keyword arguments of timm that read files, download or cut the net elsewhere: a model's folder must never ask for these.
_REFUSED_OPTIONS = frozenset(
    {"cache_dir", "checkpoint_path", "features_only", "num_classes", "out_indices"}
    | {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay"}
)


Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""A seed that torch's, NumPy's and gazeshift's generators all accept."""


class Strict(BaseModel):
    """A frozen record that refuses unknown keys. Names may be spelled in any of the ways that ``folded`` treats as equal.

    ``true`` and ``false`` are not numbers. Defaults go through the validators like given values: a missing key means the same as its
    default written out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _choices_as_they_are_known(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        choices = {
            name: get_args(f.annotation) for name, f in cls.model_fields.items() if get_origin(f.annotation) is Literal
        }
        return {key: _as_known(value, choices[key]) if key in choices else value for key, value in values.items()}

    @model_validator(mode="before")
    @classmethod
    def _truth_values_are_not_numbers(cls, values: object) -> object:
        for key, value in values.items() if isinstance(values, dict) else ():
            held = value if isinstance(value, list | tuple) else [value]
            wanted = _types_in(cls.model_fields[key].annotation) if key in cls.model_fields else {bool}
            if {int, float} & wanted and bool not in wanted and any(isinstance(each, bool) for each in held):
                raise ValueError(f"{key} is a number, not true or false")
        return values


def _types_in(annotation: object) -> set[object]:
    return {annotation}.union(*map(_types_in, get_args(annotation)))


def _as_known(value: object, choices: tuple[object, ...]) -> object:
    alike = [name for name in choices if isinstance(value, str) and folded(str(name)) == folded(value)]
    return alike[0] if len(alike) == 1 else value


class ImageSpec(Strict):
    """The image trunk.

    Attributes:
        name: a timm model name, verbatim (``inception_v3``, ``inception_v3.tv_in1k``, ``vit_tiny_patch16_224`` ...),
            ``small_cnn`` (ours), or ``none``.
        options: keyword arguments for timm, for example ``{"pad_type": "same"}``; none that reads files or downloads. ``small_cnn`` takes
            ``coordinates`` (two input channels more, that tell where a pixel lies) and ``local`` (cells that see less), true or false.
        tap: the layer of the maps. ``last``: the last spatial grid (for a ViT: after the first norm of its last block if it reads a
            class token, else that block's input). Or the name of an earlier layer of the net, for example ``Mixed_6e``, ``layer3``,
            ``blocks.4``; for a ViT also ``patch_embed``, before all blocks.
        features: a constant affine on the grid before the tap: ``plain`` (none), ``centred`` (minus the training mean of the pooled
            features) or ``standardised`` (also divided by their deviation).
    """

    name: str = "inception_v3"
    options: Options = Field(default_factory=dict)
    tap: str = "last"
    features: Literal["plain", "centred", "standardised"] = "plain"

    @field_validator("options")
    @classmethod
    def _only_architecture(cls, options: Options) -> Options:
        refused = sorted(_REFUSED_OPTIONS.intersection(options))
        if refused:
            raise ValueError(f"the option {refused[0]!r} is not allowed: options describe only the architecture")
        return options


class TextSpec(Strict):
    """The text encoder.

    Attributes:
        encoder: ``transformer`` (small, vocabulary from the training texts), ``tf-idf`` (counts of the same vocabulary's pieces),
            ``huggingface``, ``bert-lstm``, ``bert-lstm-padded`` (as published with Keras) or ``none``.
        max_tokens: longer texts are truncated (reported). ``bert-lstm-padded`` reads one token less, the closing ``[SEP]`` of the longest.
        pooling: how ``huggingface`` pools a text into one vector.
        width: width of the small transformer and of the LSTM.
        layers: number of layers of the small transformer.
        heads: number of attention heads of the small transformer.
        vocabulary: largest number of pieces of the vocabulary of ``transformer`` and ``tf-idf``.
        cleaning: ``none``, or ``gallo`` (tags and non-letters to space, single letters dropped, lower case).
        config: a Hugging Face configuration, kept so that a saved model can be built without a download.
    """

    encoder: Literal["none", "transformer", "tf-idf", "huggingface", "bert-lstm", "bert-lstm-padded"] = "transformer"
    max_tokens: int = Field(default=32, ge=2, le=4096)
    pooling: Literal["mean", "cls"] = "mean"
    width: int = Field(default=128, ge=1)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    vocabulary: int = Field(default=8000, ge=100)
    cleaning: Literal["none", "gallo"] = "none"
    config: Json | None = None

    @property
    def learns_vocabulary(self) -> bool:
        """Whether its vocabulary comes from the training texts."""
        return self.encoder in {"transformer", "tf-idf"}

    @property
    def needs_source(self) -> bool:
        """Whether it stands on a Hugging Face encoder."""
        return self.encoder in {"huggingface", "bert-lstm", "bert-lstm-padded"}

    @model_validator(mode="after")
    def _width_of_whole_heads(self) -> "TextSpec":
        if self.encoder == "transformer" and self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class HeadSpec(Strict):
    """The head.

    Attributes:
        head: a name in ``gazeshift.models.fusions.HEADS``.
        image_width: width of the linear layer on the image side; 0 for none.
        hidden: width of the ReLU layer.
        dropout: on the pooled features that a fusion starts with (Gallo et al. 2020: 0.4 on the image, 0.5 on a text alone).
        hidden_dropout: behind the hidden layer of a tower (Gallo et al. 2020, text alone: 0.5).
    """

    head: str
    image_width: int = Field(default=128, ge=0)
    hidden: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    hidden_dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_serializer(mode="wrap")
    def _without_what_is_not_used(self, plain: Callable[["HeadSpec"], dict[str, object]]) -> dict[str, object]:
        """Models from before this setting keep their digests."""
        values = plain(self)
        return (
            values if self.hidden_dropout else {key: value for key, value in values.items() if key != "hidden_dropout"}
        )


class ModelSpec(Strict):
    """A whole classifier."""

    name: str
    image: ImageSpec
    text: TextSpec
    head: HeadSpec
    classes: tuple[str, ...]
    preprocessing: Preprocessing

    @field_serializer("preprocessing", mode="wrap")
    def _without_usual_choices(self, preprocessing: Preprocessing, plain: Callable[[Preprocessing], Json]) -> Json:
        """Models from before these choices keep their digests."""
        written = preprocessing.to_dict()
        return {key: value for key, value in plain(preprocessing).items() if key in written}
