"""What a run folder holds, read and checked: every fault names the file and the way out."""

import json
import math
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
from gazeshift.measures import Figure

RUN_KEYS = (
    "name", "title", "command", "started", "seconds", "machine", "versions", "seeds", "classes", "steps", "data",
    "preprocessing", "recipes", "models", "warnings",
)  # fmt: skip
MODEL_KEYS = ("name", "sees_image", "reads_text", "text_can_move_map", "structure", "digest")
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
"""Tables that a run has or has not, as its study asked."""


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


@dataclass(frozen=True)
class RunFolder:
    """A finished run, as its files tell it.

    Attributes:
        path: the folder.
        run: ``run.json``, plain.
        roles: which model plays which role.
        headline: sentences that answer the study's question.
        figures: the sections of ``summary.json`` that hold figures, nested by name.
        checks: what was wanted and what was found.
        claims: the section of ``summary.json`` with the verdicts, plain; empty if the run has none.
        study: the resolved study file, verbatim.
        predictions: one row per model, seed and pair.
        measures: one row per model, seed, pair and edit.
        samples: the pictures that the report shows.
        more: the tables of ``OPTIONAL``; without rows where the run has none.
    """

    path: Path
    run: dict[str, Any]
    roles: Roles
    headline: list[str]
    figures: dict[str, Any]
    checks: list[dict[str, Any]]
    claims: dict[str, Any]
    study: str
    predictions: pd.DataFrame
    measures: pd.DataFrame
    samples: pd.DataFrame
    more: dict[str, pd.DataFrame]

    @property
    def models(self) -> list[dict[str, Any]]:
        """The models in the study's order."""
        return list(self.run["models"])

    @property
    def first_seed(self) -> int:
        """The seed whose maps are drawn."""
        return int(self.run["seeds"][0])

    @property
    def edits(self) -> list[str]:
        """Names of the edits in the order of the measures, the pair's own text first."""
        names = [str(name) for name in self.measures["edit"].unique()]
        return sorted(names, key=lambda name: name != "original")

    def model_names(self, *, sees_image: bool, reads_text: bool | None = None) -> list[str]:
        """Names of the models of one kind, in order; ``reads_text=None`` takes both."""
        return [
            model["name"]
            for model in self.models
            if model["sees_image"] == sees_image and reads_text in (None, model["reads_text"])
        ]

    @property
    def lead(self) -> str | None:
        """The model that the page shows openly where it folds the others."""
        return self.roles.lead

    def class_name(self, value: object) -> str:
        """The name of a class that a table holds by name or by number."""
        if isinstance(value, (int, np.integer)):
            return str(self.run["classes"][int(value)])
        return str(value)

    def maps(self, model: str, keys: Iterable[str]) -> dict[tuple[str, str], StoredMap]:
        """The first seed's maps of the predicted class for some pairs, by (key, edit).

        Raises:
            DataError: no such file, or one that is not a table of maps.
        """
        path = self.path / "store" / "maps" / model / f"seed-{self.first_seed}.parquet"
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
            DataError: a map has another size than it says.
        """
        path = self.path / "store" / "mean-maps.parquet"
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


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as plain dicts, by column."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def read_run(path: Path) -> RunFolder:
    """Read a run folder.

    Raises:
        DataError: a file is missing (the run is unfinished), cannot be read, or lacks a key or a column.
    """
    if not path.is_dir():
        raise DataError(f"{path}: no such run folder; `gazeshift study STUDY.yaml --out {path}` makes one.")
    if not any((path / name).exists() for name in ("study.yaml", "run.json", "steps")):
        raise DataError(f"{path} is not the folder of a study; `gazeshift study STUDY.yaml --out FOLDER` makes one.")
    run = _json(path / "run.json")
    _require(run, RUN_KEYS, path / "run.json")
    for index, model in enumerate(run["models"]):
        _require(model, MODEL_KEYS, path / "run.json", f"models.{index}.")
    if not run["seeds"]:
        raise DataError(f"{path / 'run.json'}: 'seeds' is empty; a report needs at least one.")
    summary = _json(path / "summary.json")
    _require(summary, ("headline", "accuracy"), path / "summary.json")
    sections = ("accuracy", "gap", "gap_to_text", "maps", "edits", "masks", "model_checks")
    store = path / "store"
    return RunFolder(
        path=path,
        run=run,
        roles=Roles.of(run["models"]),
        headline=[str(line) for line in summary["headline"]],
        figures={name: _figures(summary.get(name) or {}, name, path / "summary.json") for name in sections},
        checks=summary.get("checks") or [],
        claims=summary.get("claims") or {},
        study=_text(path / "study.yaml"),
        predictions=_table(store / "predictions.parquet", "predictions"),
        measures=_table(store / "measures.parquet", "measures"),
        samples=_table(store / "samples.parquet", "samples"),
        more={name: _optional(store / f"{name}.parquet", name) for name in OPTIONAL},
    )


def _text(path: Path) -> str:
    if not path.is_file():
        raise DataError(
            f"{path} is missing: the run is unfinished; give `gazeshift study` the same study file and folder again and it goes on."
        )
    return path.read_text(encoding="utf-8", errors="replace")


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: not valid JSON ({error}); run the study again to write it anew.") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: a {type(content).__name__}, not an object; run the study again to write it anew.")
    return content


def _require(mapping: Mapping[str, Any], keys: Iterable[str], path: Path, prefix: str = "") -> None:
    for key in keys:
        if key not in mapping:
            raise DataError(f"{path}: no key '{prefix}{key}'; run the study again with this version of gazeshift.")


def _table(path: Path, kind: str, filters: list[tuple[str, str, Any]] | None = None) -> pd.DataFrame:
    if not path.is_file():
        _text(path)
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


def _figures(node: Any, where: str, path: Path) -> Any:
    """Nested names with a Figure at every leaf; a mean that is not a number is no mean."""
    if not isinstance(node, dict):
        raise DataError(f"{path}: '{where}' is not a figure (mean, interval, n, seeds); run the study again.")
    if "mean" not in node:
        return {name: _figures(child, f"{where}.{name}", path) for name, child in node.items()}
    _require(node, ("interval", "n", "seeds"), path, f"{where}.")
    mean, interval = node["mean"], node["interval"]
    bounded = interval is not None and all(bound is not None and math.isfinite(bound) for bound in interval)
    return Figure(
        mean=float(mean) if mean is not None and math.isfinite(mean) else None,
        interval=(float(interval[0]), float(interval[1])) if bounded else None,
        n=int(node["n"]),
        seeds=int(node["seeds"]),
    )
