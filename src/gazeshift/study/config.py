"""The study file: every setting, documented and checked before any work."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, FiniteFloat, ValidationError, field_validator, model_validator

from gazeshift.claims.roles import Player, Roles
from gazeshift.edits import EDITS, FLOORS
from gazeshift.edits.templates import FEWEST
from gazeshift.errors import ConfigError, UsageError
from gazeshift.evaluation.checks import CHECKS
from gazeshift.evaluation.information import text_sets
from gazeshift.models import HEADS, ImageSpec, Structure, TextSpec
from gazeshift.models.spec import Seed, Strict
from gazeshift.preprocessing import Preprocessing
from gazeshift.registry import known_name
from gazeshift.saliency import METHODS, PIXEL_METHODS
from gazeshift.saliency.cams import DEFAULT
from gazeshift.study.thresholds import EXPECTATIONS
from gazeshift.training import RECIPES, Recipe, recipe_of


class DataConfig(Strict):
    """The pairs.

    Attributes:
        root: folder or table file of the pairs; or give ``plates``.
        format: a layout (``gazeshift data check --help`` lists them), or ``auto``.
        image_column: of a table; usual names are found without. Likewise the next three.
        plates: settings of a Plates data set that the study writes itself.
        validation: share of the training pairs that becomes the validation split, where the source has none.
        limit: at most so many pairs of each class in each split.
        mask_class_names: replace class names in all texts by ``[MASK]``.
        drop_repeated_titles: keep each title once, in the test split first.
        workers: threads that decode images; None for one per core.
    """

    root: str | None = None
    format: str = "auto"
    image_column: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    plates: dict[str, Any] | None = None
    validation: float = Field(default=0.1, gt=0, lt=1)
    limit: int | None = Field(default=None, ge=1)
    mask_class_names: bool = False
    drop_repeated_titles: bool = False
    workers: int | None = Field(default=None, ge=1)

    @field_validator("root")
    @classmethod
    def _home_root(cls, root: str | None) -> str | None:
        return _from_home(root)


class PretrainConfig(Strict):
    """Pretraining of the trunk on crops of single Plates objects; it stands in for ImageNet, and says so in the report.

    Attributes:
        images: how many crops.
        epochs: passes over them.
        seed: of crops and training; one pretrained trunk serves all seeds of the study.
    """

    images: int = Field(default=4000, ge=1)
    epochs: int = Field(default=3, ge=1)
    seed: Seed = 0


class HeadConfig(Strict):
    """Widths and dropout of the heads (see ``gazeshift.models.HeadSpec``)."""

    image_width: int = Field(default=128, ge=0)
    hidden: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class ModelConfig(Strict):
    """What one model has of its own, over the study's common settings.

    Attributes:
        kind: which head it has (``gazeshift.models.HEADS``); None: the one it is named after.
        texts: what it reads. ``own``: each pair's own text. ``constant``: the empty text, in training and after: a fusion model that
            is told nothing. ``shuffled``: in training, texts of other pairs; afterwards each pair's own: the same head, the same
            variety of texts, nothing to learn from them.
        recipe: a training recipe by name, instead of the study's.
        training: settings over the recipe and over the study's ``training``.
        head: settings of the head.
    """

    kind: str | None = None
    texts: Literal["own", "constant", "shuffled"] = "own"
    recipe: str | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    head: dict[str, Any] = Field(default_factory=dict)


class ExplainConfig(Strict):
    """What is explained.

    Attributes:
        method: a map method; ``default``: the one that suits each model.
        edits: changed texts, in the order of the tables; ``original`` is always the first.
        images: at most so many test pairs are explained (drawn evenly by key); None for all.
        modifiers: at most so many words of each of the lexicon's kinds (colour, position, made-up, others) are crossed with every
            explained image; 0 for none.
        lexicon: where these words come from: ``english``, ``japanese`` or a YAML file.
        windows: on so many of the explained images the crop's window is shifted, to see whether the map follows; 0 for none.
        wasserstein: on so many rows of each model (drawn by a fixed seed) the Wasserstein-1 distance is measured, which is dear.
        checks: what else is looked into (``gazeshift.evaluation.checks.CHECKS``), none by default.
        check_images: on at most so many of the explained images (drawn evenly); None for all.
        samples: how many samples with the largest differences Tables 2 and 3 show, as many with the smallest, and as many random ones.
    """

    method: str = DEFAULT
    edits: tuple[str, ...] = (
        "paraphrase",
        "colour",
        "position",
        "paper-colour",
        "paper-position",
        "same-class",
        "other-class",
    )
    images: int | None = Field(default=None, ge=1)
    modifiers: int = Field(default=0, ge=0)
    lexicon: str = "english"
    windows: int = Field(default=0, ge=0)
    wasserstein: int = Field(default=2000, ge=0)
    checks: tuple[str, ...] = ()
    check_images: int | None = Field(default=100, ge=1)
    samples: int = Field(default=6, ge=1, le=50)

    @field_validator("method")
    @classmethod
    def _known_method(cls, name: str) -> str:
        name = _known(name, {*METHODS, DEFAULT}, "method")
        if name in PIXEL_METHODS:
            raise ValueError(f"{name!r} changes the image itself, which a study does not do; use it with gs.explain")
        return name

    @field_validator("modifiers")
    @classmethod
    def _enough_words(cls, count: int) -> int:
        if 0 < count < FEWEST:
            raise ValueError(f"{count} words a kind are too few; give {FEWEST} or more, or 0 for none")
        return count

    @field_validator("edits")
    @classmethod
    def _known_edits(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [_known(name, EDITS, "edit") for name in names]
        rest = [name for name in known if name != "original"]
        if len(set(rest)) < len(rest):
            raise ValueError("an edit is named twice")
        return ("original", *rest)

    @field_validator("checks")
    @classmethod
    def _known_checks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_known(name, CHECKS, "check") for name in names))

    @model_validator(mode="after")
    def _enough_texts(self) -> "ExplainConfig":
        if "sanity" in self.checks and not text_sets(self.edits)[0]:
            raise ValueError(
                f"the check 'sanity' holds changed texts against texts that should change nothing ({', '.join(FLOORS[1:])}): "
                "name at least one of each under edits"
            )
        return self


class StudyConfig(Strict):
    """One study: data, models, training, explanation, report.

    Attributes:
        title: heads the report.
        question: one sentence under the title.
        data: the pairs.
        preprocessing: one for all models (see ``gazeshift.preprocessing.Preprocessing``).
        weights: initial weights of the image trunk: ``none``, ``hub`` (timm's, downloaded) or a ``.safetensors`` file.
        text_encoder: Hugging Face name or local folder, for the text encoders that stand on one.
        image: the image trunk.
        pretrain: pretraining on single Plates objects, or null.
        text: the text encoder.
        head: of all models.
        recipe: a training recipe by name.
        training: settings over the recipe, for all models.
        models: names, each with settings of its own over the common ones.
        seeds: training seeds.
        explain: what is explained.
        expect: thresholds that every seed must meet (``gazeshift.study.thresholds``); the study ends with exit code 1 if one is missed.
    """

    title: str
    question: str = "How does the text act on what the model looks at?"
    data: DataConfig
    preprocessing: dict[str, Any]
    weights: str = "none"
    text_encoder: str | None = None
    image: ImageSpec
    pretrain: PretrainConfig | None = None
    text: TextSpec = TextSpec()
    head: HeadConfig = HeadConfig()
    recipe: str = "adamw"
    training: dict[str, Any] = Field(default_factory=dict)
    models: dict[str, ModelConfig]
    seeds: tuple[Seed, ...] = (0,)
    explain: ExplainConfig = Field(default_factory=ExplainConfig)
    expect: dict[str, FiniteFloat] = Field(default_factory=dict)

    @field_validator("weights", "text_encoder")
    @classmethod
    def _home_files(cls, path: str | None) -> str | None:
        return _from_home(path)

    @field_validator("preprocessing")
    @classmethod
    def _valid_preprocessing(cls, values: dict[str, Any]) -> dict[str, Any]:
        return Preprocessing.from_dict(values).to_dict()

    @field_validator("models", mode="before")
    @classmethod
    def _empty_models(cls, values: object) -> object:
        """``image-only:`` with nothing after it is a model without settings of its own."""
        return {name: own or {} for name, own in values.items()} if isinstance(values, dict) else values

    @field_validator("models")
    @classmethod
    def _known_models(cls, values: dict[str, ModelConfig]) -> dict[str, ModelConfig]:
        if not values:
            raise ValueError("name at least one model")
        for name in values:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
                raise ValueError(
                    f"{name!r}: a model's name is made of letters, digits, dots and dashes; it names folders"
                )
        return {name: _with_known_names(name, own) for name, own in values.items()}

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, name: str) -> str:
        return _known(name, RECIPES, "recipe")

    @field_validator("seeds")
    @classmethod
    def _some_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError("give one or more different seeds")
        return seeds

    @field_validator("expect")
    @classmethod
    def _known_expectations(cls, values: dict[str, float]) -> dict[str, float]:
        return {_known(name, EXPECTATIONS, "threshold"): value for name, value in values.items()}

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        if (self.data.root is None) == (self.data.plates is None):
            raise ValueError(
                "data.root: give the folder of the pairs, for example with --set data.root=DIR (or give data.plates)"
            )
        if self.text.encoder in {"huggingface", "bert-lstm"} and not self.text_encoder:
            raise ValueError(
                f"text_encoder: text.encoder {self.text.encoder!r} needs a Hugging Face name or a local folder, "
                "for example with --set text_encoder=DIR"
            )
        if self.pretrain is not None and self.data.plates is None:
            raise ValueError("pretrain: only Plates has single objects to pretrain on")
        for name, own in self.models.items():
            if own.texts != "own" and not self.structure(name).reads_text:
                raise ValueError(f"models.{name}.texts: this model reads no text; leave it out")
        if not any(self.structure(name).sees_image for name in self.models):
            raise ValueError(
                "models: none of them sees the image, so there is no map to study; add image-only or early-fusion"
            )
        if self.image.name == "small_cnn" and self.weights == "hub":
            raise ValueError("weights: small_cnn has no weights on a hub; give none or a .safetensors file")
        for name in self.models:
            self.recipe_of(name)
            self.head_of(name)
        return self

    def kind(self, model: str) -> str:
        """The head of a model."""
        return self.models[model].kind or model

    def structure(self, model: str) -> Structure:
        """What a model's head can and cannot do."""
        return HEADS[self.kind(model)].structure

    @property
    def roles(self) -> Roles:
        """Which model plays which role."""
        structures = {name: self.structure(name) for name in self.models}
        return Roles(
            tuple(
                Player(name, self.kind(name), own.texts, structures[name].sees_image, structures[name].reads_text)
                for name, own in self.models.items()
            )
        )

    def recipe_of(self, model: str) -> Recipe:
        """The whole recipe of a model: the named one, the study's settings, its own settings, each over the one before."""
        own = self.models[model]
        named = own.recipe or self.recipe
        recipe_of(named, self.training, "training")  # so that an error in the common settings is said of them
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
    def crop(self) -> Preprocessing:
        """The preprocessing as an object."""
        return Preprocessing.from_dict(self.preprocessing)


def _from_home(path: str | None) -> str | None:
    """A path with ``~`` resolved, as a shell does it where it sees the path; a study file and ``--set`` hide it from the shell."""
    return str(Path(path).expanduser()) if path and path.startswith("~") else path


def _with_known_names(model: str, own: ModelConfig) -> ModelConfig:
    """A model's settings with its kind and its recipe named as they stand in their registries."""
    kind = None if own.kind is None and model in HEADS else _known(own.kind or model, HEADS, "kind of model")
    recipe = None if own.recipe is None else _known(own.recipe, RECIPES, "recipe")
    return own.model_copy(update={"kind": kind, "recipe": recipe})


def _known(name: str, registry: Collection[str], kind: str = "name") -> str:
    """The name as it stands in the registry."""
    try:
        return known_name(registry, name, kind)
    except UsageError as error:
        raise ValueError(str(error).removesuffix(".")) from None
