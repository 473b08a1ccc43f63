"""The study file: every setting, documented and checked before any work."""

import re
from itertools import combinations
from typing import Literal

from pydantic import Field, FiniteFloat, ValidationError, ValidationInfo, field_validator, model_validator

from gazeshift.claims.roles import Player, Roles
from gazeshift.errors import ConfigError, listed
from gazeshift.json_types import Json
from gazeshift.models import HEADS, ImageSpec, Structure, TextSpec
from gazeshift.models.spec import Seed, Strict
from gazeshift.preprocessing import Preprocessing
from gazeshift.runs.folder import Unit
from gazeshift.study.given_settings import GIVEN, TEXT_FREE, structure_of_given, with_counterparts
from gazeshift.study.sections import (
    DataConfig,
    ExplainConfig,
    HeadConfig,
    ModelConfig,
    PretrainConfig,
    from_home,
    registered,
)
from gazeshift.study.sides import ImageSide, StructuresConfig, TextSide
from gazeshift.study.thresholds import EXPECTATIONS
from gazeshift.training import RECIPES, Recipe, recipe_of


class StudyConfig(Strict):
    """One study: data, models, training, explanation, report.

    Attributes:
        title: heads the report.
        question: one sentence under the title.
        data: the pairs.
        preprocessing: one for all models (see ``gazeshift.preprocessing.Preprocessing``); given models see the same crop, at the photo's
            resolution. May be left out where all models are given.
        weights: initial weights of the image trunk: ``none``, ``hub`` (timm's, downloaded) or a ``.safetensors`` file.
        text_encoder: Hugging Face name or local folder, for the text encoders that stand on one.
        image: the image trunk; ``none`` where all models are given.
        pretrain: pretraining on single Plates objects, or null.
        text: the text encoder.
        images: more image trunks by name, each with its weights, for the models that name one of them.
        texts: more text encoders by name, likewise.
        head: of all models.
        recipe: name of a training recipe.
        training: settings that override the recipe, for all models.
        structures: models made of every kind, trunk and encoder listed there, besides those under ``models``; or null.
        models: names, each with its own settings that override the common ones.
        compare: pairs of given models whose maps are compared; None: every two that read the pairs' own texts.
        seeds: training seeds.
        explain: what is explained.
        engine: where the units (a model with a seed) are trained and evaluated: ``local``, one after the other in this process; ``ray``,
            spread over the devices of a Ray cluster.
        expect: thresholds that every seed must meet (``gazeshift.study.thresholds``); the study ends with exit code 1 if one is missed.
    """

    title: str
    question: str = "How does the text act on what the model looks at?"
    data: DataConfig
    preprocessing: Json = Field(default_factory=lambda: {"size": 224, "crop_fraction": 1.0})
    weights: str = "none"
    text_encoder: str | None = None
    image: ImageSpec = ImageSpec(name="none")
    pretrain: PretrainConfig | None = None
    text: TextSpec = TextSpec()
    images: dict[str, ImageSide] = Field(default_factory=dict)
    texts: dict[str, TextSide] = Field(default_factory=dict)
    head: HeadConfig = HeadConfig()
    recipe: str = "adamw"
    training: Json = Field(default_factory=dict)
    structures: StructuresConfig | None = None
    models: dict[str, ModelConfig] = Field(default_factory=dict)
    compare: tuple[tuple[str, str], ...] | None = None
    seeds: tuple[Seed, ...] = (0,)
    explain: ExplainConfig = Field(default_factory=ExplainConfig)
    engine: Literal["local", "ray"] = "local"
    expect: dict[str, FiniteFloat] = Field(default_factory=dict)

    @field_validator("weights", "text_encoder")
    @classmethod
    def _home_files(cls, path: str | None) -> str | None:
        return from_home(path)

    @field_validator("preprocessing")
    @classmethod
    def _valid_preprocessing(cls, values: Json) -> Json:
        return Preprocessing.from_dict(values).to_dict()

    @field_validator("images", "texts")
    @classmethod
    def _names_of_sides(cls, values: dict[str, ImageSide] | dict[str, TextSide]) -> object:
        for name in values:
            _check_name(name, "models are")
        return values

    @field_validator("models", mode="before")
    @classmethod
    def _all_models(cls, values: object, info: ValidationInfo) -> object:
        """``image-only:`` with nothing after it is a model without its own settings; those of ``structures`` are listed, too."""
        values = {} if values is None else values
        if not isinstance(values, dict):
            return values
        made = info.data.get("structures")
        sides = (tuple(info.data.get(key, {})) for key in ("images", "texts"))
        return {**(dict(made.models(*sides)) if made else {}), **{name: own or {} for name, own in values.items()}}

    @field_validator("models")
    @classmethod
    def _known_models(cls, values: dict[str, ModelConfig]) -> dict[str, ModelConfig]:
        if not values:
            raise ValueError("name at least one model")
        for name in values:
            _check_name(name, "folders are")
        return with_counterparts({name: _with_known_names(name, own) for name, own in values.items()})

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, name: str) -> str:
        return registered(name, RECIPES, "recipe")

    @field_validator("seeds")
    @classmethod
    def _some_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError("give at least one seed, all different")
        return seeds

    @field_validator("expect")
    @classmethod
    def _known_expectations(cls, values: dict[str, float]) -> dict[str, float]:
        return {registered(name, EXPECTATIONS, "threshold"): value for name, value in values.items()}

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        if (self.data.root is None) == (self.data.plates is None):
            raise ValueError(
                "data.root: give the folder of the pairs, for example with --set data.root=DIR (or give data.plates)"
            )
        if self.text.needs_source and not self.text_encoder and self._using_own("text"):
            raise ValueError(
                f"text_encoder: text.encoder {self.text.encoder!r} needs a Hugging Face name or a local folder, "
                "for example with --set text_encoder=DIR"
            )
        if self.pretrain is not None and self.data.plates is None:
            raise ValueError("pretrain: only Plates has single objects to pretrain on")
        for name, own in self.models.items():
            reads = self.structure(name).reads_text if own.from_ is None else own.reads_text
            if own.texts != "own" and not reads:
                raise ValueError(f"models.{name}.texts: this model reads no text; leave this key out")
        if not any(self.structure(name).sees_image for name in self.models):
            raise ValueError(
                "models: none of them sees the image, so there is no map to study; add image-only or early-fusion"
            )
        for named in self.compare or ():
            if wrong := [name for name in named if name not in self.models or name in self.trained]:
                raise ValueError(f"compare: {wrong[0]!r} is not a given model (with from:) of this study")
            if named[0] == named[1]:
                raise ValueError(f"compare: {named[0]!r} with itself; name two models")
        for name in self.trained:
            self.recipe_of(name)
            self.head_of(name)
        return self

    @model_validator(mode="after")
    def _known_sides(self) -> "StudyConfig":
        for key, known in (("images", list(self.images)), ("texts", list(self.texts))):
            asked = (self.structures.images if key == "images" else self.structures.texts) if self.structures else None
            if wrong := [name for name in asked or () if name not in known]:
                raise ValueError(
                    f"structures.{key}: {wrong[0]!r} is not under {key}; listed there: {listed(known, 8) or 'nothing'}"
                )
        for name, own in self.models.items():
            sides = ("image", own.image, list(self.images)), ("text", own.text, list(self.texts))
            for (key, named, known), has in zip(sides, self._has(name), strict=True):
                if named is not None and not has:
                    raise ValueError(f"models.{name}.{key}: this model has no such side; leave this key out")
                if named is not None and named not in known:
                    there = listed(known, 8) or "nothing"
                    raise ValueError(f"models.{name}.{key}: {named!r} is not under {key}s; listed there: {there}")
        if self.pretrain is not None and self.images:
            raise ValueError("pretrain: trains the study's own image, not those under images; leave one of the two out")
        if self.image.name == "none" and (lacking := self._using_own("image")):
            others = (
                f"models.{lacking[0]}.image: name one of {listed(list(self.images), 8)}; or " if self.images else ""
            )
            raise ValueError(
                f"{others}image: name the image trunk of the models that are trained here, for example image.name: resnet50"
            )
        if self.image.name == "small_cnn" and self.weights == "hub":
            raise ValueError("weights: small_cnn has no weights on a hub; give none or a .safetensors file")
        return self

    def kind(self, model: str) -> str:
        """The head of a model; ``given`` or ``text-free`` if it was not trained here."""
        own = self.models[model]
        if own.from_ is not None:
            return GIVEN if self.structure(model).reads_text else TEXT_FREE
        return own.kind or model

    def structure(self, model: str) -> Structure:
        """What a model's head can and cannot do."""
        own = self.models[model]
        return HEADS[own.kind or model].structure if own.from_ is None else structure_of_given(own)

    def _has(self, model: str) -> tuple[bool, bool]:
        """Whether a model has an image trunk and a text encoder of this study."""
        structure, trained = self.structure(model), self.models[model].from_ is None
        return structure.sees_image and trained, structure.reads_text and trained

    def _using_own(self, side: Literal["image", "text"]) -> list[str]:
        """The models trained here with the study's own trunk or encoder."""
        if side == "image":
            return [name for name, own in self.models.items() if self._has(name)[0] and own.image is None]
        return [name for name, own in self.models.items() if self._has(name)[1] and own.text is None]

    def image_side(self, model: str) -> ImageSide:
        """The trunk of a model that sees images, with the weights it starts from."""
        named = self.models[model].image
        return ImageSide(image=self.image, weights=self.weights) if named is None else self.images[named]

    def text_side(self, model: str) -> TextSide:
        """The encoder of a model that reads texts."""
        named = self.models[model].text
        return TextSide(text=self.text, text_encoder=self.text_encoder) if named is None else self.texts[named]

    @property
    def edits_side(self) -> TextSide | None:
        """The encoder whose pieces changed texts are matched in: of the first model trained here that reads, else the study's own.

        None, and texts are matched in whole words, if no model reads and the study's own has no net to take its pieces from.
        """
        reading = next((name for name in self.trained if self.structure(name).reads_text), None)
        if reading is not None:
            return self.text_side(reading)
        unknown = self.text.encoder == "none" or (self.text.needs_source and self.text_encoder is None)
        return None if unknown else TextSide(text=self.text, text_encoder=self.text_encoder)

    def preprocessing_of(self, model: str) -> Preprocessing:
        """The study's, with what a model's own trunk expects."""
        named = self.models[model].image
        own = {} if named is None else self.images[named].preprocessing
        return Preprocessing.from_dict({**self.preprocessing, **own})

    @property
    def trained(self) -> list[str]:
        """The models that are trained here."""
        return [name for name, own in self.models.items() if own.from_ is None]

    @property
    def seeing(self) -> list[str]:
        """The models that see images, so that they have maps."""
        return [name for name in self.models if self.structure(name).sees_image]

    @property
    def units(self) -> list[Unit]:
        """The study's units: all models with the first seed, then with the next; a given model has one, whatever the seeds."""
        return [
            Unit(name, seed)
            for seed in self.seeds
            for name, own in self.models.items()
            if own.from_ is None or seed == self.seeds[0]
        ]

    def units_of(self, model: str) -> list[Unit]:
        """The units of one model."""
        return [unit for unit in self.units if unit.model == model]

    @property
    def compared(self) -> list[tuple[str, str]]:
        """The given models that are compared map by map, two at a time."""
        if self.compare is not None:
            return list(self.compare)
        given = [name for name, own in self.models.items() if own.from_ is not None and own.texts == "own"]
        return list(combinations(given, 2))

    @property
    def roles(self) -> Roles:
        """Which model plays which role."""
        structures = {name: self.structure(name) for name in self.models}
        return Roles(
            tuple(
                Player(
                    name,
                    self.kind(name),
                    own.texts,
                    structures[name].sees_image,
                    structures[name].reads_text,
                    given=own.from_ is not None,
                    counterpart=own.counterpart,
                    image=own.image,
                    text=own.text,
                )
                for name, own in self.models.items()
            )
        )

    def recipe_of(self, model: str) -> Recipe:
        """The complete recipe of a model: the named one, the study's settings, its own settings, each overriding the previous."""
        own = self.models[model]
        named = own.recipe or self.recipe
        recipe_of(named, self.training, "training")  # so that an error in the common settings is reported for them
        return recipe_of(named, {**self.training, **own.training}, f"models.{model}.training")

    def head_of(self, model: str) -> HeadConfig:
        """The head's settings of a model."""
        try:
            return HeadConfig(**{**self.head.model_dump(), **self.models[model].head})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"models.{model}.head.{key}: {first['msg']}.") from error

    @property
    def cache_bytes(self) -> float:
        """``data.cache_limit`` in bytes."""
        return self.data.cache_limit * 1e9

    @property
    def crop(self) -> Preprocessing:
        """The preprocessing as an object."""
        return Preprocessing.from_dict(self.preprocessing)


def _check_name(name: str, what: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError(
            f"{name!r}: a name may have only letters, digits, dots and dashes, because {what} named after it"
        )


def _with_known_names(model: str, own: ModelConfig) -> ModelConfig:
    """A model's settings with its kind and its recipe under their registered names."""
    if own.from_ is not None:
        return own
    kind = None if own.kind is None and model in HEADS else registered(own.kind or model, HEADS, "kind of model")
    recipe = None if own.recipe is None else registered(own.recipe, RECIPES, "recipe")
    return own.model_copy(update={"kind": kind, "recipe": recipe})
