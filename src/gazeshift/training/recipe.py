"""How a model is trained, as plain data: the papers' recipes and ours, and how to change one."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from gazeshift.errors import ConfigError, UsageError
from gazeshift.models.spec import Strict
from gazeshift.registry import known_name, lookup
from gazeshift.training.augment import AUGMENTATIONS


class Recipe(Strict):
    """Every choice in training except the data, the seed and the machine.

    Attributes:
        optimizer: ``sgd``, ``adam`` or ``adamw``.
        learning_rate: of everything that has no rate of its own below; the peak, under a schedule.
        trunk_learning_rate: of a fine-tuned image trunk; None: ``learning_rate``.
        text_learning_rate: of a fine-tuned pretrained text net; None: ``learning_rate``.
        momentum: of ``sgd``.
        weight_decay: of everything trained but biases and norms (decoupled in ``adamw``, else added to the gradient).
        trunk_weight_decay: of a fine-tuned image trunk; None: ``weight_decay``.
        batch_size: pairs per step, over all processes that train together.
        accumulate: in how many parts each process computes its share of a step, one after the other, to need less memory. It changes
            no weights beyond rounding, and a resumed training may use another number. Not with batch norms that are trained.
        epochs: passes over the training pairs.
        schedule: of the learning rate. ``constant``; ``one-cycle`` (rises over the first 30 % of the steps, then falls to about 0);
            ``cosine`` (falls to 0); ``warm-cosine`` (rises over the first 5 % of the steps, then the same); ``plateau`` (times 0.1,
            down to 1e-5, after each epoch in which the validation accuracy has not risen by more than 1e-4).
        label_smoothing: share of the target spread over all classes, in [0, 1).
        augmentation: a name in ``gazeshift.training.augment.AUGMENTATIONS``.
        trunk: ``frozen`` (stays in evaluation mode, its features are computed once where images are not augmented) or ``fine-tuned``.
        frozen_until: of a fine-tuned trunk: the layer up to which it stays frozen all the same (``layer3``, ``blocks.4``, ...; no ViT).
            Its output is computed once where images are not augmented, and only what follows is trained.
        text: the same for the text encoder's *pretrained* net. What has no pretrained weights (the LSTM of ``bert-lstm``, the small
            ``transformer``) is always trained.
        precision: ``float32``, or mixed precision in ``bfloat16`` or ``float16`` (the latter on a GPU only).
        keep: weights of the ``last`` epoch, or of the ``best`` one by validation accuracy (the first of equals).
        ema: share of an exponential moving average of the weights that stays at each step, in [0, 1); at step t at most
            (1 + t) / (10 + t). The average, batch norms' statistics included, is validated and kept; 0: there is none.
        gradient_clip: largest norm of the gradient; None: no limit.
        modality_dropout: share of the pairs that lose a modality at a step, half of them the image and half the text (Neverova et al.,
            "ModDrop", 2016). This, ``unimodal`` and ``contrastive`` concern models of both modalities only.
        unimodal: losses with one modality alone, the other absent: ``none``; ``auxiliary``, with the weight below; ``blended``, all
            three with weights that fall as a modality overfits (gradient blending, Wang et al. 2020), estimated after each epoch.
        auxiliary: weight of each unimodal loss.
        contrastive: weight of a contrastive loss between the images and texts of a batch, for fusions that compare them (``dual-encoder``).

    Example:
        >>> RECIPES["adamw"].learning_rate
        0.001
    """

    optimizer: Literal["sgd", "adam", "adamw"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    trunk_learning_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    text_learning_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    trunk_weight_decay: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    batch_size: int = Field(default=64, ge=1)
    accumulate: int = Field(default=1, ge=1)
    epochs: int = Field(default=30, ge=1)
    schedule: Literal["constant", "one-cycle", "cosine", "warm-cosine", "plateau"] = "constant"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    augmentation: str = "none"
    trunk: Literal["frozen", "fine-tuned"] = "frozen"
    frozen_until: str | None = None
    text: Literal["frozen", "fine-tuned"] = "frozen"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    keep: Literal["last", "best"] = "last"
    ema: float = Field(default=0.0, ge=0, lt=1)
    gradient_clip: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    modality_dropout: float = Field(default=0.0, ge=0, le=1)
    unimodal: Literal["none", "auxiliary", "blended"] = "none"
    auxiliary: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    contrastive: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @property
    def compares_modalities(self) -> bool:
        """Whether a step asks for more than the loss with both modalities."""
        return bool(self.modality_dropout or self.contrastive or self.unimodal != "none")

    def deciding(self) -> dict[str, Any]:
        """The choices that the weights depend on, as plain data: neither ``accumulate`` nor an average or losses that are not asked for."""
        unused = {name for name in ("ema", "modality_dropout", "contrastive") if not getattr(self, name)}
        if self.unimodal != "auxiliary":
            unused |= {"auxiliary"} if self.unimodal == "blended" else {"auxiliary", "unimodal"}
        return self.model_dump(mode="json", exclude={"accumulate", *unused})

    @field_validator("augmentation")
    @classmethod
    def _known_augmentation(cls, name: str) -> str:
        try:
            return known_name(AUGMENTATIONS, name, "augmentation")
        except UsageError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _something_to_freeze(self) -> "Recipe":
        if self.frozen_until is not None and self.trunk == "frozen":
            raise ValueError(
                "frozen_until only applies to a trunk that is fine-tuned after that layer; set trunk: fine-tuned"
            )
        return self


_GALLO = Recipe(optimizer="sgd", momentum=0.9, trunk="fine-tuned", text="fine-tuned")

RECIPES: dict[str, Recipe] = {
    # The paper that this project implements: rates, batches and epochs; it names no optimiser, so Gallo's is used.
    "paper-image-only": _GALLO.model_copy(update={"learning_rate": 0.01, "batch_size": 75, "epochs": 10}),
    "paper-early-fusion": _GALLO.model_copy(
        update={"learning_rate": 0.01, "batch_size": 8, "epochs": 15, "schedule": "plateau"}
    ),
    # Gallo et al., "Image and Text fusion for UPMC Food-101 using BERT and CNNs", IVCNZ 2020, and the code published with it, which keeps
    # the best epoch of both nets that see images.
    "gallo-early-fusion": _GALLO.model_copy(
        update={"learning_rate": 1e-4, "batch_size": 80, "epochs": 15, "schedule": "plateau", "keep": "best"}
    ),
    # BERT stays frozen; the LSTM and the head are trained.
    "gallo-text-only": Recipe(
        optimizer="adam", learning_rate=1e-3, batch_size=512, epochs=16, schedule="plateau", text="frozen"
    ),
    # Keras' L2 of 0.005 on the classifier's weights is a weight decay of 0.01 there, and none in the trunk; its L1 of the
    # probabilities has no gradient, as they sum to 1. Epochs: the paper's and the code's.
    "gallo-image-only": _GALLO.model_copy(
        update={
            "learning_rate": 0.01,
            "batch_size": 75,
            "epochs": 10,
            "weight_decay": 0.01,
            "trunk_weight_decay": 0.0,
            "augmentation": "gallo",
            "keep": "best",
        }
    ),
    "adamw": Recipe(
        optimizer="adamw", learning_rate=1e-3, weight_decay=1e-2, batch_size=64, epochs=30, schedule="cosine"
    ),
    # What such nets are fine-tuned with today; the rates of pretrained parts are those usual for AdamW.
    "modern": Recipe(
        optimizer="adamw",
        learning_rate=1e-3,
        trunk_learning_rate=1e-4,
        text_learning_rate=2e-5,
        weight_decay=0.05,
        batch_size=64,
        epochs=15,
        schedule="warm-cosine",
        label_smoothing=0.1,
        augmentation="crop",
        trunk="fine-tuned",
        text="fine-tuned",
        precision="bfloat16",
        ema=0.999,
        gradient_clip=1.0,
    ),
    # Plates: small networks from scratch; flips that swap the direction words.
    "plates": Recipe(
        optimizer="adamw",
        learning_rate=3e-3,
        weight_decay=1e-2,
        batch_size=64,
        epochs=6,
        schedule="one-cycle",
        label_smoothing=0.05,
        augmentation="flip-words",
        trunk="fine-tuned",
        text="fine-tuned",
    ),
}


def recipe_of(name: str, changes: Mapping[str, Any] | None = None, place: str = "recipe") -> Recipe:
    """A recipe by name, with some fields changed.

    Args:
        name: in ``RECIPES``.
        changes: field to value.
        place: name of the location of ``changes`` in errors, for example ``models.early-fusion.recipe``.

    Raises:
        UsageError: no such recipe.
        ConfigError: a change names no field, or its value is out of range; names the field.

    Example:
        >>> recipe_of("adamw", {"epochs": 3}).epochs
        3
    """
    values = lookup(RECIPES, name, "recipe").model_dump()
    try:
        return Recipe(**{**values, **(changes or {})})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{place}: unknown key {field!r}. Known: {', '.join(Recipe.model_fields)}.") from None
        where = f"{place}.{field}" if field else place
        raise ConfigError(
            f"{where}: {first['msg'].removeprefix('Value error, ')} (given: {first['input']!r})."
        ) from None
