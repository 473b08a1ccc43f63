"""The samples of Table 2 and Table 3: a picture, and what each model reads from it with each text."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError

from gazeshift.drawing.numbers import number_or_none
from gazeshift.drawing.overlay import is_undefined
from gazeshift.errors import DataError
from gazeshift.json_types import Json
from gazeshift.measures import distribution, jensen_shannon, on_common_grid
from gazeshift.report.store import FinishedRun, StoredMap, records
from gazeshift.report.words import REASON_WORDS


@dataclass(frozen=True)
class Reading:
    """One model's reading of one picture with one text.

    Attributes:
        model: its name.
        edit: how the text was made; ``original`` is the pair's own.
        text: the text.
        raw: signed map on the native grid; None if the model has none here.
        defined: whether the map has positive evidence anywhere.
        predicted: class, or None if unknown.
        correct: whether it is the pair's label.
        numbers: confidence, centre_bias, coverage, amplitude, js_bits, switch, within, js_to_image_only (the image-only
            model's map); None where undefined.
        switched: whether the class differs from that with the pair's own text.
    """

    model: str
    edit: str
    text: str
    raw: Float[np.ndarray, "h w"] | None
    defined: bool
    predicted: str | None
    correct: bool | None
    numbers: Mapping[str, float | None]
    switched: bool


@dataclass(frozen=True)
class Sample:
    """One picture of a table.

    Attributes:
        position: place within the table, from 1.
        reason: why it is shown.
        key: the pair's key.
        label: its class.
        text: its own text.
        image: the crop as the models saw it.
        readings: by model, then one per text.
        blind: readings of models without a map, same text.
        reference: the image-only model's reading, which no text changes; None if the study has no such model.
    """

    position: int
    reason: str
    key: str
    label: str
    text: str
    image: Image.Image
    readings: Mapping[str, list[Reading]]
    blind: list[Reading]
    reference: Reading | None


NUMBERS = ("confidence", "centre_bias", "coverage", "amplitude", "js_bits", "switch", "within")


class Readings:
    """Looks readings up: the first seed's rows and maps of the pairs that are shown, read once."""

    def __init__(self, run: FinishedRun) -> None:
        self._run = run
        self._keys = [str(key) for key in run.samples["key"].unique()]
        self._measures = _rows(run, run.measures, ["model", "key", "edit"])
        test = run.predictions[run.predictions["split"] == "test"]
        self._predictions = _rows(run, test, ["model", "key"])
        self._maps: dict[str, dict[tuple[str, str], StoredMap]] = {
            model: run.maps(model, self._keys) for model in _drawn(run, sees_image=True)
        }
        image = run.roles.get("image")
        self._reference = {} if image is None else self._maps[image]

    def edits_of(self, model: str, key: str) -> list[str]:
        """The texts that a model got for a pair, in the order of the study."""
        return [edit for edit in self._run.edits if (model, key, edit) in self._measures]

    def reading(self, model: str, key: str, label: str, edit: str = "original") -> Reading:
        """One reading; None for values missing from the store."""
        measured = self._measures.get((model, key, edit), {})
        own = self._predictions.get((model, key), {}) if edit == "original" else {}
        stored = self._maps.get(model, {}).get((key, edit))
        predicted = stored.class_name if stored else None
        if predicted is None and own:
            predicted = self._run.class_name(own["predicted"])
        numbers = {name: number_or_none(measured.get(name)) for name in NUMBERS}
        if numbers["confidence"] is None:
            numbers["confidence"] = number_or_none(own.get("confidence"))
        return Reading(
            model=model,
            edit=edit,
            text=str(measured.get("text", "") if measured else stored.text if stored else ""),
            raw=stored.raw if stored else None,
            defined=stored is not None and not is_undefined(stored.raw),
            predicted=predicted,
            correct=None if predicted is None else predicted == label,
            numbers=numbers | {"js_to_image_only": self._to_image_only(key, stored)},
            switched=bool(measured.get("switched", False)),
        )

    def _to_image_only(self, key: str, stored: StoredMap | None) -> float | None:
        reference = self._reference.get((key, "original"))
        if stored is None or reference is None:
            return None
        both = on_common_grid(distribution(stored.raw), distribution(reference.raw))
        return number_or_none(jensen_shannon(*both))


def look_samples(run: FinishedRun, readings: Readings) -> list[Sample]:
    """Table 2: every model drawn that sees the image, with the pair's own text."""
    seeing = _drawn(run, sees_image=True)
    return [_sample(run, readings, row, {model: ["original"] for model in seeing}) for row in _shown(run, "2")]


def edit_samples(run: FinishedRun, readings: Readings) -> list[Sample]:
    """Table 3: every model drawn that sees image and text, with the pair's own text and every changed one."""
    both = _drawn(run, sees_image=True, reads_text=True)
    return [
        _sample(run, readings, row, {model: readings.edits_of(model, row["key"]) for model in both})
        for row in _shown(run, "3")
    ]


def _sample(run: FinishedRun, readings: Readings, row: Mapping[str, Any], edits: Mapping[str, list[str]]) -> Sample:
    key, label = str(row["key"]), run.class_name(row["label"])
    blind, image = _drawn(run, sees_image=False), run.roles.get("image")
    return Sample(
        position=int(row["place"]),
        reason=str(row["reason"]),
        key=key,
        label=label,
        text=str(row["text"]),
        image=_picture(row["image"], key),
        readings={
            model: [readings.reading(model, key, label, edit) for edit in names] for model, names in edits.items()
        },
        blind=[readings.reading(model, key, label) for model in blind],
        reference=None if image is None else readings.reading(image, key, label),
    )


def _drawn(run: FinishedRun, *, sees_image: bool, reads_text: bool | None = None) -> list[str]:
    return [name for name in run.model_names(sees_image=sees_image, reads_text=reads_text) if name in run.drawn]


def _shown(run: FinishedRun, table: str) -> list[Json]:
    rows = run.samples[run.samples["table"].astype(str) == table].sort_values("position", kind="stable")
    # Numbered as they are shown: the largest differences first, then the smallest, then the random ones, then what is not known here.
    order = {reason: place for place, reason in enumerate(REASON_WORDS)}
    rows = rows.sort_values("reason", key=lambda reasons: reasons.map(order).fillna(len(order)), kind="stable")
    return [{**row, "place": place} for place, row in enumerate(records(rows), start=1)]


def _rows(run: FinishedRun, frame: pd.DataFrame, by: list[str]) -> dict[tuple[str, ...], Json]:
    wanted = frame[(frame["seed"] == run.first_seed) & frame["key"].isin(run.samples["key"])]
    return {tuple(str(row[name]) for name in by): row for row in records(wanted)}


def _picture(data: bytes, key: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, UnidentifiedImageError, TypeError):
        raise DataError(
            f"store/samples.parquet: the picture of {key!r} cannot be decoded; run the study again."
        ) from None
