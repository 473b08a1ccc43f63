"""What a study found, sample by sample: sorted by any measure, filtered by what happened."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from gazeshift.errors import UsageError
from gazeshift.registry import lookup

MEASURES = MappingProxyType(
    {
        "js_distance": "how far the map moved",
        "excess": "beyond a paraphrase, bits",
        "switch": "by a switch of the class, bits",
        "within": "for the same class, bits",
        "centre_bias_change": "change of centre bias",
        "coverage_change": "change of coverage",
        "amplitude_change": "change of amplitude",
        "mask_excess": "mass on what the text refers to, beyond other regions",
        "target_gain": "mass that the named region gained",
        "confidence": "confidence with the changed text",
    }
)
"""Measures that samples are sorted by, those that a study has, with what they say."""

WHICH: Mapping[str, Callable[[pd.DataFrame], "pd.Series[bool]"]] = MappingProxyType(
    {
        "switched": lambda rows: rows["switched"] == 1,
        "kept": lambda rows: rows["switched"] == 0,
        "undefined": lambda rows: rows["defined"] == 0,
        "wrong": lambda rows: rows["predicted"] != rows["label"],
        "right": lambda rows: rows["predicted"] == rows["label"],
    }
)
"""Filters: the class switched or not; no map; the class predicted with the changed text is not, or is, the label."""

PER_PAGE = 60


class Finding(BaseModel):
    """One sample with one changed text.

    Attributes:
        key: the pair's.
        label: its class.
        text: the changed text.
        predicted: class predicted with it.
        value: of the measure; None where it is undefined.
        switched: whether the class switched.
        defined: whether there is a map.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    text: str
    predicted: str
    value: float | None
    switched: bool
    defined: bool


class AskFindings(BaseModel):
    """Which samples, in which order.

    Attributes:
        model: of the study.
        edit: changed texts of this edit.
        measure: what to sort by.
        rising: smallest first.
        which: filters, all of which must hold.
        label: only this class; empty for all.
        search: words that class and own text hold; see ``Pictures.find``.
        start: how many to skip.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, Field(max_length=300)]
    edit: Annotated[str, Field(max_length=300)]
    measure: Annotated[str, Field(max_length=60)] = "js_distance"
    rising: bool = False
    which: Annotated[tuple[str, ...], Field(max_length=len(WHICH))] = ()
    label: Annotated[str, Field(max_length=300)] = ""
    search: Annotated[str, Field(max_length=200)] = ""
    start: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Findings:
    """The measures of one seed of a study.

    Attributes:
        rows: ``FinishedRun.measures`` of that seed.
        lead: the model that the study is about; empty if there is none.
    """

    rows: pd.DataFrame
    lead: str = ""

    @property
    def models(self) -> list[str]:
        """Models with maps, the lead first."""
        return sorted(_distinct(self.rows["model"]), key=lambda name: name != self.lead)

    @property
    def edits(self) -> list[str]:
        """Edits that changed a text, in the study's order."""
        return [name for name in _distinct(self.rows["edit"]) if name != "original"]

    @property
    def measures(self) -> dict[str, str]:
        """Measures that have a value somewhere, with what they say."""
        return {name: said for name, said in MEASURES.items() if name in self.rows and self.rows[name].notna().any()}

    def ranked(self, asked: AskFindings, known: Collection[str]) -> tuple[int, list[Finding]]:
        """How many samples there are, and some of them in order; without a value last.

        Args:
            asked: which, and by what.
            known: keys of the pictures that can be shown.

        Raises:
            UsageError: an unknown model, edit, measure or filter.
        """
        for kind, name, names in (
            ("model", asked.model, self.models),
            ("edit", asked.edit, self.edits),
            ("measure", asked.measure, self.measures),
        ):
            lookup(dict.fromkeys(names), name, kind)
        rows = self.rows[
            (self.rows["model"] == asked.model) & (self.rows["edit"] == asked.edit) & self.rows["key"].isin(known)
        ]
        if asked.label:
            rows = rows[rows["label"] == asked.label]
        for name in asked.which:
            rows = rows[lookup(WHICH, name, "filter")(rows)]
        ordered = rows.sort_values(
            [asked.measure, "key"], ascending=[asked.rising, True], kind="stable", na_position="last"
        )
        return len(ordered), [
            _finding(row, asked.measure) for _, row in ordered.iloc[asked.start : asked.start + PER_PAGE].iterrows()
        ]


def findings_of(measures: pd.DataFrame, lead: str = "") -> Findings:
    """Of the first seed of a study's measures.

    Raises:
        UsageError: the study has no changed texts.
    """
    first = measures[measures["seed"] == measures["seed"].min()]
    if not (first["edit"] != "original").any():
        raise UsageError("this study changed no text: there is nothing to sort.")
    return Findings(first, lead)


def _distinct(column: "pd.Series[str]") -> list[str]:
    return [str(name) for name in column.unique()]


def _finding(row: "pd.Series[Any]", measure: str) -> Finding:
    value = float(row[measure])
    return Finding(
        key=str(row["key"]),
        label=str(row["label"]),
        text=str(row["text"]),
        predicted=str(row["predicted"]),
        value=None if math.isnan(value) else value,
        switched=bool(row["switched"] == 1),
        defined=bool(row["defined"]),
    )
