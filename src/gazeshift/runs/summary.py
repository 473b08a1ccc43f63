"""``summary.json``: the figures of a study, its verdicts and its summary in words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from gazeshift.claims.verdict import Verdict, named
from gazeshift.errors import DataError
from gazeshift.measures import Figure, Median
from gazeshift.records import Interval, Number, Record, read_record
from gazeshift.runs.folder import RunFolder

SCHEMA = 2
"""The schema version of ``summary.json``. Version 1 has no ``schema_version`` and unvalidated verdicts and checks; it can still be read."""


class _Figure(Record):
    """A figure as stored in a file."""

    mean: Number
    interval: Interval
    n: int
    seeds: int
    left_out: int = 0


def _figure(value: object) -> object:
    if isinstance(value, Figure):
        return value
    if not isinstance(value, Mapping) or not {"mean", "interval", "n", "seeds"} <= value.keys():
        raise ValueError("not a figure (mean, interval, n, seeds)")
    return Figure(**dict(_Figure.model_validate(value)))


class _Median(Record):
    """A median as stored in a file."""

    median: Number
    interval: Interval
    n: int
    left_out: int = 0


def _median(value: object) -> object:
    return value if isinstance(value, Median) else Median(**dict(_Median.model_validate(value)))


Leaf = Annotated[Figure, BeforeValidator(_figure)]
Measured = dict[str, Leaf]
"""Figures by the name of what was measured."""

Middle = Annotated[Median, BeforeValidator(_median)]


class Threshold(Record):
    """A seed's expected threshold and the value found."""

    name: str
    wanted: str
    found: str
    passed: bool


class DataFacts(Record):
    """References for accuracy: chance, and by split the highest accuracy possible from the image alone, if known."""

    chance: Number = None
    ceiling: dict[str, float] = Field(default_factory=dict)


class Comparison(Record):
    """Two given models before the same pairs, with the same text and class.

    Attributes:
        first: the model whose answer is explained, of both.
        second: the other one.
        js_bits: Jensen-Shannon divergence between their maps.
        floors: by model, the divergence between its own maps with the text and a paraphrase of it: noise.
        excess: ``js_bits`` minus the larger floor of the same pair.
        differ: the share of the pairs where their answers differ.
    """

    first: str
    second: str
    js_bits: Middle
    floors: dict[str, Middle]
    excess: Middle
    differ: Leaf


class ModelFigures(Record):
    """The figures of one model.

    Attributes:
        accuracy: by split, 0 to 1.
        gap: accuracy on the test pairs minus the image-only model's; None for that model, or if there is none.
        gap_to_text: the same to the text-only model.
        maps: measures of the maps with the pairs' own texts.
        masks: the same against the masks of the objects that the texts refer to; empty if the data have none.
        edits: by edit of the text, its effect on the maps.
        checks: by check, its measures.
    """

    accuracy: Measured
    gap: Leaf | None = None
    gap_to_text: Leaf | None = None
    maps: Measured = Field(default_factory=dict)
    masks: Measured = Field(default_factory=dict)
    edits: dict[str, Measured] = Field(default_factory=dict)
    checks: dict[str, Measured] = Field(default_factory=dict)


class ColumnFacts(Record):
    """A column of changed texts of the user's own.

    Attributes:
        column: its name.
        description: what its texts are, in a few words.
        texts: explained pairs that have one.
        without: explained pairs that have none, and are left out.
        changed: the most frequent changes of words, from and to, with the number of pairs; without those that occur once.
    """

    column: str
    description: str
    texts: int
    without: int
    changed: tuple[tuple[str, str, int], ...] = ()


class StudyFigures(Record):
    """The figures of all models, section by section, each by model; means over seeds and images with 95 % intervals.

    Attributes:
        accuracy, gap, gap_to_text, maps, masks, edits: as in ``ModelFigures``.
        model_checks: by model, then as ``ModelFigures.checks``.
        comparisons: of every two given models that the study compares.
    """

    accuracy: dict[str, Measured]
    gap: Measured = Field(default_factory=dict)
    gap_to_text: Measured = Field(default_factory=dict)
    maps: dict[str, Measured] = Field(default_factory=dict)
    masks: dict[str, Measured] = Field(default_factory=dict)
    edits: dict[str, dict[str, Measured]] = Field(default_factory=dict)
    model_checks: dict[str, dict[str, Measured]] = Field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()

    def model(self, name: str) -> ModelFigures:
        """All figures of one model.

        Raises:
            DataError: the study has no such model.
        """
        if name not in self.accuracy:
            raise DataError(f"no model {name!r} in this study; there are {', '.join(self.accuracy)}.")
        return ModelFigures(
            accuracy=self.accuracy[name],
            gap=self.gap.get(name),
            gap_to_text=self.gap_to_text.get(name),
            maps=self.maps.get(name, {}),
            masks=self.masks.get(name, {}),
            edits=self.edits.get(name, {}),
            checks=self.model_checks.get(name, {}),
        )


class Summary(StudyFigures):
    """All that a study found.

    Attributes:
        schema_version: of the file.
        title: of the study.
        headline: sentences that answer its question.
        roles: the model that plays each role.
        claims: the verdicts, by name.
        checks: the study's expected thresholds, for each seed.
        data: references for accuracy.
        columns: the user's own columns of changed texts, by the name of their edit.
        warnings: caveats.
    """

    schema_version: int = 1
    title: str = ""
    headline: tuple[str, ...]
    roles: dict[str, str] = Field(default_factory=dict)
    claims: dict[str, Verdict] = Field(default_factory=dict)
    checks: tuple[Threshold, ...] = ()
    data: DataFacts = DataFacts()
    columns: dict[str, ColumnFacts] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @field_validator("schema_version")
    @classmethod
    def _known_schema(cls, schema: int) -> int:
        if schema > SCHEMA:
            raise ValueError(
                f"{schema} is from a newer gazeshift, and this version reads up to {SCHEMA}; update gazeshift"
            )
        return schema

    @field_validator("claims")
    @classmethod
    def _named(cls, verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
        return named(verdicts)

    @property
    def models(self) -> dict[str, ModelFigures]:
        """The figures by model, in the study's order."""
        return {name: self.model(name) for name in self.accuracy}

    @property
    def passed(self) -> bool:
        """Whether no threshold was missed."""
        return all(check.passed for check in self.checks)


def applied(edits: Mapping[str, Measured]) -> dict[str, int]:
    """To how many images each edit of a model applies, whether or not their maps are defined."""
    return {
        name: max((each.n + each.left_out for each in figures.values()), default=0) for name, figures in edits.items()
    }


def read_summary(run: Path | str) -> Summary:
    """The results of a finished study.

    Args:
        run: the folder that ``gazeshift study`` wrote.

    Raises:
        DataError: no such folder, an unfinished run, or a file that is not what a study writes.

    Example:
        >>> import gazeshift as gs
        >>> gs.read_summary("runs/plates").models["early-fusion"].accuracy["test"].mean  # doctest: +SKIP
        0.8386
    """
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise DataError(f"{run}: no such run folder; create one with `gazeshift study STUDY.yaml --out {run}`.")
    return read_record(folder.summary, Summary)
