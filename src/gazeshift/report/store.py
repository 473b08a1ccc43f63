"""The contents of a run folder, read and checked: every error names the file and the way out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Float

from gazeshift.claims.roles import Roles
from gazeshift.errors import DataError
from gazeshift.json_types import Json
from gazeshift.records import read_record, read_text
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.runs.record import ModelRecord, RunRecord
from gazeshift.runs.summary import Summary

COLUMNS = {
    "predictions": ("model", "seed", "split", "key", "label", "predicted", "confidence", "correct"),
    "measures": (
        "model", "seed", "key", "label", "edit", "text", "confidence", "defined", "centre_bias", "coverage", "amplitude",
        "js_bits", "switched", "switch", "within",
    ),
    "samples": ("table", "position", "reason", "key", "label", "text", "js_bits", "image"),
    "maps": ("key", "edit", "text", "target", "class", "height", "width", "scale", "map"),
    "information": ("model", "seed", "texts", "label", "total", "static", "image", "text", "images"),
    "modifiers": ("model", "seed", "key", "kind", "word", "js_distance", "coverage_change"),
    "equivariance": ("model", "seed", "key", "slope"),
    "retrained": ("model", "seed", "key", "js_distance"),
    "mean-maps": ("model", "seed", "edit", "images", "height", "width", "scale", "map"),
}  # fmt: skip
OPTIONAL = ("information", "modifiers", "equivariance", "retrained", "mean-maps")
"""Tables that a run has only if its study asks for them."""


@dataclass(frozen=True)
class StoredMap:
    """One map of the store: signed and un-normalised, on the native grid, and the class it explains."""

    raw: Float[np.ndarray, "h w"]
    class_name: str
    text: str


@dataclass(frozen=True)
class MeanMap:
    """The mean of a model's maps, each a distribution over cells, so that it is one too; over ``images`` images of one seed."""

    model: str
    p: Float[np.ndarray, "h w"]
    images: int

    @property
    def peak(self) -> float:
        """Its highest cell, in multiples of a uniform map's."""
        return float(self.p.max() * self.p.size)


MOST_DRAWN = 12
"""With more models picture by picture, a page has many times its size, and nobody compares them by eye."""


@dataclass(frozen=True)
class FinishedRun:
    """A finished run, read from its files.

    Attributes:
        folder: its folder.
        record: how it was produced.
        summary: its results.
        roles: which model plays which role.
        study: the resolved study file, verbatim.
        predictions: one row per model, seed and pair.
        measures: one row per model, seed, pair and edit.
        samples: the pictures that the report shows.
        more: the tables of ``OPTIONAL``; without rows if the run has none.
    """

    folder: RunFolder
    record: RunRecord
    summary: Summary
    roles: Roles
    study: str
    predictions: pd.DataFrame
    measures: pd.DataFrame
    samples: pd.DataFrame
    more: dict[str, pd.DataFrame]

    @property
    def models(self) -> tuple[ModelRecord, ...]:
        """The models in the study's order."""
        return self.record.models

    @property
    def first_seed(self) -> int:
        """The seed whose maps are drawn."""
        return self.record.seeds[0]

    @property
    def edits(self) -> list[str]:
        """Names of the edits in the order of the measures, the pair's own text first."""
        names = [str(name) for name in self.measures["edit"].unique()]
        return sorted(names, key=lambda name: name != "original")

    def model_names(self, *, sees_image: bool, reads_text: bool | None = None) -> list[str]:
        """Names of the models of one kind, in order; ``reads_text=None`` takes both."""
        return [
            model.name
            for model in self.models
            if model.sees_image == sees_image and reads_text in (None, model.reads_text)
        ]

    @property
    def lead(self) -> str | None:
        """The model that the page shows unfolded."""
        return self.roles.lead

    @property
    def drawn(self) -> tuple[str, ...]:
        """The models whose readings are shown picture by picture: of many the lead, those with its trunk and encoder, and all roles."""
        names = self.roles.names if self.lead is None else self.roles.preferring(self.lead).names
        chosen = {*names[:MOST_DRAWN], *self.roles.parts.values()}
        return tuple(model.name for model in self.models if model.name in chosen)

    def class_name(self, value: object) -> str:
        """The name of a class that a table holds by name or by number."""
        if isinstance(value, (int, np.integer)):
            return self.record.classes[int(value)]
        return str(value)

    def maps(self, model: str, keys: Iterable[str]) -> dict[tuple[str, str], StoredMap]:
        """The first seed's maps of the predicted class for some pairs, by (key, edit).

        Raises:
            DataError: no such file, or one that is not a table of maps.
        """
        path = self.folder.maps(Unit(model, self.first_seed))
        frame = _table(path, "maps", [("key", "in", sorted(set(keys))), ("target", "==", "predicted")])
        return {
            (row["key"], row["edit"]): StoredMap(
                _grid(row, row["key"], path), self.class_name(row["class"]), row["text"]
            )
            for row in records(frame)
        }

    def mean_maps(self) -> list[MeanMap]:
        """The first seed's mean maps with the pairs' own texts, in the order of the models; empty if the run has none.

        Raises:
            DataError: a map's size differs from its stated size.
        """
        path = self.folder.table("mean-maps")
        frame = self.more["mean-maps"]
        own = frame[(frame["seed"] == self.first_seed) & (frame["edit"] == "original")]
        found = {
            row["model"]: MeanMap(row["model"], _grid(row, row["model"], path), row["images"]) for row in records(own)
        }
        return [found[name] for name in self.model_names(sees_image=True) if name in found]


def _grid(row: Mapping[str, Any], name: str, path: Path) -> Float[np.ndarray, "h w"]:
    grid = np.asarray(row["map"], dtype=np.float64)
    if grid.size != row["height"] * row["width"]:
        raise DataError(f"{path}: the map of {name!r} has {grid.size} cells, not {row['height']} x {row['width']}.")
    return np.asarray(grid.reshape(row["height"], row["width"]) * float(row["scale"]))


def records(frame: pd.DataFrame) -> list[Json]:
    """Rows of a table as plain dicts, by column."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def read_run(path: Path) -> FinishedRun:
    """Read a run folder.

    Raises:
        DataError: a file is missing (the run is unfinished), cannot be read, or lacks a key or a column.
    """
    if not path.is_dir():
        raise DataError(f"{path}: no such run folder; create one with `gazeshift study STUDY.yaml --out {path}`.")
    folder = RunFolder(path)
    if not any(file.exists() for file in (folder.study, folder.record, folder.steps)):
        raise DataError(
            f"{path} is not a study's run folder; create one with `gazeshift study STUDY.yaml --out FOLDER`."
        )
    record = read_record(folder.record, RunRecord)
    return FinishedRun(
        folder=folder,
        record=record,
        summary=read_record(folder.summary, Summary),
        roles=record.roles,
        study=read_text(folder.study),
        predictions=_table(folder.table("predictions"), "predictions"),
        measures=_table(folder.table("measures"), "measures"),
        samples=_table(folder.table("samples"), "samples"),
        more={name: _optional(folder.table(name), name) for name in OPTIONAL},
    )


def _table(path: Path, kind: str, filters: list[tuple[str, str, Any]] | None = None) -> pd.DataFrame:
    if not path.is_file():
        read_text(path)
    try:
        schema = pq.read_schema(path)
        missing = [name for name in COLUMNS[kind] if name not in schema.names]
        if missing:
            raise DataError(f"{path}: no column {missing[0]!r}; run the study again with this version of gazeshift.")
        frame: pd.DataFrame = (
            pq.ParquetFile(path).read().to_pandas() if not filters else pq.read_table(path, filters=filters).to_pandas()
        )
    except (OSError, ValueError) as error:  # pyarrow's errors are of these two kinds
        raise DataError(
            f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}); delete it and run the study again."
        ) from None
    return frame


def _optional(path: Path, kind: str) -> pd.DataFrame:
    return _table(path, kind) if path.is_file() else pd.DataFrame(columns=list(COLUMNS[kind]))
