"""The sections of the study file, each validated on its own."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from gazeshift.data.addresses import without_secrets
from gazeshift.edits import EDITS, FLOORS, ColumnTexts, column_edit
from gazeshift.edits.column import PREFIX
from gazeshift.edits.edit import Edit
from gazeshift.edits.templates import MIN_WORDS
from gazeshift.errors import UsageError
from gazeshift.evaluation.checks import CHECKS
from gazeshift.evaluation.information import text_sets
from gazeshift.json_types import Json
from gazeshift.models.spec import Seed, Strict
from gazeshift.registry import known_name
from gazeshift.saliency import METHODS, PIXEL_METHODS
from gazeshift.saliency.cams import DEFAULT


class DataConfig(Strict):
    """The pairs.

    Attributes:
        root: folder, table file, tar shards or address (``s3://...``) of the pairs; or give ``plates``. Stored without user, password and
            query string.
        format: a layout (``gazeshift data check --help`` lists them), or ``auto``.
        image_column: image column of a table; not needed for usual names. Likewise the next three.
        region_column: column that says where the thing is that the class names (docs/data.md); not needed for usual names.
        regions: columns of further regions by the name of the region.
        regions_file: a table of regions, one a row, relative to the root.
        plates: settings of a Plates data set that the study writes itself.
        validation: share of the training pairs that becomes the validation split, if the source has none.
        limit: maximum number of pairs of each class in each split.
        mask_class_names: replace class names in all texts by ``[MASK]``.
        drop_repeated_titles: keep each title once, in the test split first.
        workers: threads that decode images; None for one per core.
        cache_limit: gigabytes (of 10^9 bytes) up to which the crops of all pictures, and likewise the features that a frozen trunk gives a
            split, are kept on disk; beyond it pictures are decoded whenever they are needed. 0: nothing is kept.
    """

    root: str | None = None
    format: str = "auto"
    image_column: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    region_column: str | None = None
    regions: dict[str, str] = Field(default_factory=dict)
    regions_file: str | None = None
    plates: Json | None = None
    validation: float = Field(default=0.1, gt=0, lt=1)
    limit: int | None = Field(default=None, ge=1)
    mask_class_names: bool = False
    drop_repeated_titles: bool = False
    workers: int | None = Field(default=None, ge=1)
    cache_limit: float = Field(default=8.0, ge=0)

    @field_validator("root")
    @classmethod
    def _home_root(cls, root: str | None) -> str | None:
        return from_home(root)

    @field_serializer("root")
    def _shown_root(self, root: str | None) -> str | None:
        return root if root is None else without_secrets(root)


class PretrainConfig(Strict):
    """Pretraining of the trunk on crops of single Plates objects; a substitute for ImageNet, stated in the report.

    Attributes:
        images: number of crops.
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
    hidden_dropout: float = Field(default=0.0, ge=0, lt=1)


class ModelConfig(Strict):
    """One model's own settings, which override the study's common settings.

    Attributes:
        kind: its head (``gazeshift.models.HEADS``); None: the head it is named after.
        image: name of its trunk under the study's ``images``; None: the study's own ``image``.
        text: name of its encoder under the study's ``texts``; None: the study's own ``text``.
        texts: what it reads. ``own``: each pair's own text. ``constant``: the empty text, in training and evaluation (empty-text control).
            ``shuffled``: in training, texts of other pairs; afterwards each pair's own (shuffled-text control): the same head, the same
            variety of texts, nothing to learn from them.
        recipe: a training recipe by name, instead of the study's.
        training: settings that override the recipe and the study's ``training``.
        head: settings of the head.
        from_: (``from``) where a given model is, which is not trained here: a model folder, ``hub:NAME`` or ``python:module:factory``.
        as_: (``as``) how a ``hub:`` model is asked: ``zero-shot``, ``matching`` or ``answers``.
        classes: of a ``hub:`` model, in order; None: the data's.
        prompt: of a ``hub:`` model, a template.
        trust_remote_code: whether code of a ``hub:`` model's folder may run.
        reads_text: whether a given model reads the text at all.
        counterpart: name of the model without text that a given model is compared with; None: itself, told the empty text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, populate_by_name=True)

    from_: str | None = Field(default=None, alias="from")
    as_: str | None = Field(default=None, alias="as")
    classes: tuple[str, ...] | None = None
    prompt: str | None = None
    trust_remote_code: bool = False
    reads_text: bool = True
    counterpart: str | None = None
    kind: str | None = None
    image: str | None = None
    text: str | None = None
    texts: Literal["own", "constant", "shuffled"] = "own"
    recipe: str | None = None
    training: Json = Field(default_factory=dict)
    head: Json = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_both(self) -> "ModelConfig":
        of_given = {"as": self.as_, "classes": self.classes, "prompt": self.prompt, "counterpart": self.counterpart}
        of_trained = {key: getattr(self, key) for key in ("kind", "image", "text", "recipe", "training", "head")}
        wrong = of_given if self.from_ is None else of_trained
        if named := next((key for key, value in wrong.items() if value), None):
            raise ValueError(
                f"{named}: is for a model that is {'given (with from:)' if self.from_ is None else 'trained here (without from:)'}"
            )
        of_published = {"as": self.as_, "classes": self.classes, "prompt": self.prompt}
        named = next((key for key, value in of_published.items() if value), None)
        if named and self.from_ is not None and not self.from_.startswith("hub:"):
            raise ValueError(f"{named}: is for a published model (from: hub:NAME); your own code says it itself")
        if self.from_ is not None and self.texts == "shuffled":
            raise ValueError("texts: a given model is not trained, so it cannot be trained on shuffled texts")
        return self


class ColumnConfig(Strict):
    """A column of changed texts of your own.

    Attributes:
        column: its name in the data's table, or in ``file``.
        kind: what its texts are, which becomes the edit's name: ``false-colour``, ``true-clothing``, ``absent-place`` for words that are
            true, false or true of nothing in the picture; or the name of an edit of ours, whose place they take.
        file: a table of the texts by key, relative to the root; None: they are in the data's own table.
        refers: name of the region that all its texts speak of (``data.regions``), such as ``person``; None: the one region that a text
            names and the pair's own does not refer to, else what the own text refers to.
    """

    column: str = Field(min_length=1)
    kind: str | None = Field(default=None, min_length=1)
    file: str | None = None
    refers: str | None = None

    @field_validator("kind")
    @classmethod
    def _no_original(cls, kind: str | None) -> str | None:
        if kind == "original" or (kind or "").startswith(PREFIX):
            raise ValueError(f"{kind!r} is no kind of changed text; say what the texts are, such as false-colour")
        return kind

    @property
    def texts(self) -> ColumnTexts:
        """The column as the pairs hold it."""
        return ColumnTexts(self.column, self.kind, self.refers)


class ExplainConfig(Strict):
    """What is explained.

    Attributes:
        method: a saliency method; ``default``: the one that suits each model.
        edits: changed texts, in the order of the tables; ``original`` is always the first. ``column:NAME`` is a column of your own data;
            so is ``{column: NAME, kind: KIND, file: FILE}``, which says what its texts are.
        columns: these columns by the name of their edit; made from ``edits``.
        images: maximum number of test pairs to explain (drawn evenly by key); None for all.
        modifiers: maximum number of words of each of the lexicon's kinds (colour, position, made-up, others) to cross with every
            explained image; 0 for none.
        lexicon: where these words come from: ``english``, ``japanese`` or a YAML file.
        windows: number of explained images with a shifted crop window, to test whether the map follows; 0 for none.
        wasserstein: number of rows of each model (drawn with a fixed seed) for the Wasserstein-1 distance, which is slow.
        checks: additional checks (``gazeshift.evaluation.checks.CHECKS``), none by default.
        check_images: maximum number of explained images for the checks (drawn evenly); None for all.
        samples: number of samples in Tables 2 and 3 with the largest differences, with the smallest, and at random, each.
    """

    method: str = DEFAULT
    columns: dict[str, ColumnConfig] = Field(default_factory=dict)
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
        name = registered(name, {*METHODS, DEFAULT}, "method")
        if name in PIXEL_METHODS:
            raise ValueError(f"{name!r} changes the image itself, which a study does not do; use it with gs.explain")
        return name

    @field_validator("modifiers")
    @classmethod
    def _enough_words(cls, count: int) -> int:
        if 0 < count < MIN_WORDS:
            raise ValueError(f"{count} words per kind are too few; give {MIN_WORDS} or more, or 0 for none")
        return count

    @model_validator(mode="before")
    @classmethod
    def _columns_by_name(cls, given: object) -> object:
        """Columns that are given among the edits, as names and ``columns``."""
        if not isinstance(given, Mapping) or not isinstance(given.get("edits"), list | tuple):
            return given
        names, columns = list[object](), dict(given.get("columns") or {})
        for place, edit in enumerate(given["edits"]):
            short = isinstance(edit, str) and edit.startswith(PREFIX) and edit not in columns
            written = {"column": edit.removeprefix(PREFIX)} if short else edit
            if isinstance(written, Mapping):
                column = _column(written, place)
                columns[column.texts.name] = column
                names.append(column.texts.name)
            else:
                names.append(written)
        return {**given, "edits": tuple(names), "columns": columns}

    @field_validator("edits")
    @classmethod
    def _known_edits(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        own = info.data.get("columns", {})  # not there if they are invalid themselves
        known = [name if name in own else registered(name, EDITS, "edit") for name in names]
        if unused := [name for name in own if name not in known]:
            raise ValueError(f"columns.{unused[0]}: name it among the edits, too")
        rest = [name for name in known if name != "original"]
        twice = next((name for name in rest if rest.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is listed twice; each kind of changed text once")
        _refuse_one_name(own.values())
        return ("original", *rest)

    @field_validator("checks")
    @classmethod
    def _known_checks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(registered(name, CHECKS, "check") for name in names))

    def edit(self, name: str) -> Edit:
        """The edit of a name, ours or a column of the data."""
        return column_edit(self.columns[name].texts) if name in self.columns else EDITS[name]

    @model_validator(mode="after")
    def _enough_texts(self) -> "ExplainConfig":
        if "sanity" in self.checks and not text_sets(self.edits)[0]:
            raise ValueError(
                f"the check 'sanity' compares changed texts with texts that should change nothing ({', '.join(FLOORS[1:])}): "
                "name at least one of each under edits"
            )
        if "mediation" in self.checks and len(self.edits) == 1:
            raise ValueError(
                "the check 'mediation' takes over the gaze of changed texts: name at least one edit under edits"
            )
        if "naming" in self.checks and not (
            "paraphrase" in self.edits and {"other-object", *self.columns} & {*self.edits}
        ):
            raise ValueError(
                "the check 'naming' compares texts that name another region with a paraphrase: name paraphrase under edits, and "
                "other-object or a column of your own"
            )
        return self


def _column(written: Mapping[object, object], place: int) -> ColumnConfig:
    """The edit at a place of the list; what is wrong with it is said with that place."""
    try:
        return ColumnConfig.model_validate(dict(written))
    except ValidationError as error:
        problems = [
            InitErrorDetails(
                type=PydanticCustomError(each["type"], "{said}", {"said": each["msg"]}),
                loc=("edits", place, *each["loc"]),
                input=each["input"],
            )
            for each in error.errors()
        ]
        raise ValidationError.from_exception_data(error.title, problems) from None


def _refuse_one_name(columns: Iterable[ColumnConfig]) -> None:
    """Pairs hold changed texts by the name of their column, whichever table it is in."""
    files: dict[str, str | None] = {}
    for each in columns:
        if files.setdefault(each.column, each.file) != each.file:
            tables = " and ".join(file or "the data's own table" for file in (files[each.column], each.file))
            raise ValueError(
                f"the column {each.column!r} is asked for in {tables}, and one would take the place of the other; rename one of them"
            )


def from_home(path: str | None) -> str | None:
    """A path with ``~`` resolved, as a shell would; shells do not see paths in a study file or in ``--set``."""
    return str(Path(path).expanduser()) if path and path.startswith("~") else path


def registered(name: str, registry: Collection[str], kind: str = "name") -> str:
    """The name as registered."""
    try:
        return known_name(registry, name, kind)
    except UsageError as error:
        raise ValueError(str(error).removesuffix(".")) from None
