"""Maps with everything needed to read them: for which class, text and model, raw and signed on the native grid."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gazeshift.atomic import atomic_write
from gazeshift.errors import DataError, UsageError
from gazeshift.measures import distribution, undefined
from gazeshift.measures.where import over_maximum
from gazeshift.pairs import Pair
from gazeshift.registry import lookup
from gazeshift.saliency.reasons import why_incomplete, why_undefined

FORMAT = "gazeshift-maps-1"


def _signed(raw: Float[np.ndarray, "r h w"]) -> Float[np.ndarray, "r h w"]:
    finite = np.isfinite(raw).all((1, 2), keepdims=True)
    peak = np.abs(raw).max((1, 2), keepdims=True).astype(np.float64)
    return raw / np.where(finite & (peak > 0), peak, np.nan)


_SCALES: dict[str, Callable[[Float[np.ndarray, "r h w"]], Float[np.ndarray, "r h w"]]] = {
    "maximum": over_maximum,
    "sum": distribution,
    "signed": _signed,
}


@dataclass(frozen=True)
class MapRow:
    """What one map explains.

    Attributes:
        text: index into ``SaliencyMaps.texts``.
        target: class index.
        logit: of the target with this text.
        probability: softmax of the same, 0 to 1.
    """

    text: int
    target: int
    logit: float
    probability: float


@dataclass(frozen=True, eq=False)
class SaliencyMaps:
    """Maps of one image for several texts and classes.

    Attributes:
        key: name of the image.
        raw: signed, un-normalised, native grid; row i is explained by ``rows[i]``; the first ``len(texts)`` rows are the requested
            ones, one per text, the others are those the decomposition of a shift needs.
        rows: one per map.
        texts: as given; the empty text for no text.
        predicted: class index predicted with each text.
        target: as requested: ``predicted``, ``reference``, ``label`` or a class name.
        classes: class names of the model.
        method: name of the method.
        model: digest of the model.
        noise: each map's noise level, in units of the map: the residue of its terms due to rounding. None: unknown (files of version 0.1).
        gaps: relative completeness error of each map's sum; NaN for methods without completeness.
        remarks: further remarks on how a third-party model was explained, one sentence each; usually empty.
    """

    key: str
    raw: Float[np.ndarray, "r h w"]
    rows: tuple[MapRow, ...]
    texts: tuple[str, ...]
    predicted: tuple[int, ...]
    target: str
    classes: tuple[str, ...]
    method: str
    model: str
    noise: Float[np.ndarray, " r"] | None = None
    gaps: Float[np.ndarray, " r"] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str | None, ...]:
        """Why each undefined map is undefined, in words; None for a map that has a positive value."""
        noise = np.zeros(len(self.raw)) if self.noise is None else self.noise
        rows = zip(self.raw, noise, self.rows, strict=True)
        return tuple(why_undefined(raw, float(level), row.logit) for raw, level, row in rows)

    @property
    def notes(self) -> tuple[str | None, ...]:
        """Further caveats of each map: that its sum violates completeness; usually None."""
        gaps = np.full(len(self.raw), np.nan) if self.gaps is None else self.gaps
        return tuple(why_incomplete(float(gap)) for gap in gaps)

    @property
    def undefined(self) -> Bool[np.ndarray, " r"]:
        """Whether a map has no positive value above its noise level: it points nowhere, and no measure of place holds for it."""
        return undefined(self.raw)

    def predicted_with(self, text: int) -> int:
        """Class index predicted with a text (index).

        Raises:
            UsageError: no such text.
        """
        if not 0 <= text < len(self.texts):
            raise UsageError(f"no text {text}: these maps have texts 0 to {len(self.texts) - 1}.")
        return self.predicted[text]

    def row(self, text: int, target: int) -> int:
        """Index of the map of a class (index) under a text (index).

        Raises:
            UsageError: there is no such map; names it.
        """
        for index, row in enumerate(self.rows):
            if (row.text, row.target) == (text, target):
                return index
        self.predicted_with(text)
        if not 0 <= target < len(self.classes):
            raise UsageError(f"no class {target}: these maps have classes 0 to {len(self.classes) - 1}.")
        name = self.classes[target]
        raise UsageError(f"no map of class {name!r} with text {text}; ask explain for it: target={name!r}.")

    def at(self, height: int, width: int) -> Float[np.ndarray, "r H W"]:
        """Raw maps interpolated (bilinear) to a size, only to draw: interpolated pixels are not independent samples."""
        maps = torch.from_numpy(self.raw)[:, None]
        return torch.nn.functional.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)[
            :, 0
        ].numpy()

    def normalised(self, how: str) -> Float[np.ndarray, "r h w"]:
        """Maps on a stated scale, in float64; NaN where undefined.

        Args:
            how: ``maximum``: ReLU, divided by its maximum (to draw). ``sum``: ReLU, divided by its sum (a distribution).
                ``signed``: divided by the largest absolute value; defined for every finite map that is not all zero.

        Raises:
            UsageError: an unknown scale.
        """
        return lookup(_SCALES, how, "scale")(self.raw)

    def save(self, path: Path) -> None:
        """Write one ``.safetensors`` file: the raw maps, and everything else as JSON in its metadata; whole or not at all.

        Raises:
            DataError: it cannot be written.
            UsageError: a folder, a device or a pipe is there.
        """
        fields = {
            name: getattr(self, name)
            for name in ("key", "texts", "predicted", "target", "classes", "method", "model", "remarks")
        }
        meta = {**fields, "rows": [[row.text, row.target, row.logit, row.probability] for row in self.rows]}
        metadata = {"format": FORMAT, "maps": json.dumps(meta)}
        named = {"raw": self.raw, "noise": self.noise, "gaps": self.gaps}
        arrays = {name: np.ascontiguousarray(array) for name, array in named.items() if array is not None}
        try:
            with atomic_write(path) as file:
                save_file(arrays, file, metadata=metadata)
        except SafetensorError as error:
            raise DataError(f"{path}: cannot be written ({error}).") from error

    @classmethod
    def load(cls, path: Path) -> "SaliencyMaps":
        """Read what ``save`` wrote.

        Raises:
            DataError: not such a file.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {"raw": file.get_tensor("raw")}
                # The others are younger than the format, and missing in older files.
                younger = [name for name in ("noise", "gaps") if name in file.keys()]  # noqa: SIM118  # it is no mapping
                arrays |= {name: file.get_tensor(name) for name in younger}
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path} holds no saved maps: {error}.") from error
        if metadata.get("format") != FORMAT:
            raise DataError(f"{path} holds no maps of format {FORMAT!r}.")
        try:
            meta = json.loads(metadata["maps"])
            rows = tuple(MapRow(*row) for row in meta.pop("rows"))
            for name in ("texts", "predicted", "classes", "remarks"):
                meta[name] = tuple(meta.get(name, ()))
            return cls(rows=rows, **arrays, **meta)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: the description of its maps is damaged ({error}).") from error


@dataclass(frozen=True)
class Skipped:
    """A pair without maps.

    Attributes:
        pair: the pair.
        status: what is wrong with it.
        error: one line that begins with the pair's key.
    """

    pair: Pair
    status: Literal["undecodable"]
    error: str


@dataclass(frozen=True, eq=False)
class MapBatch:
    """The maps of some images: every image ``n`` with every text ``t`` for every requested class ``c``.

    Attributes:
        pairs: whose images could be decoded.
        maps: raw and signed, on the native grid.
        classes: index of the explained class of each map.
        logits: of the explained class.
        skipped: pairs without maps, and why.
        gaps: how far each map's sum misses what its method promises, as a share of it; NaN for methods without completeness; None: unknown.
        probabilities: softmax of the logits; NaN for a model with a single score; None: unknown.
    """

    pairs: tuple[Pair, ...]
    maps: Float[np.ndarray, "n t c h w"]
    classes: Int[np.ndarray, "n t c"]
    logits: Float[np.ndarray, "n t c"]
    skipped: tuple[Skipped, ...]
    gaps: Float[np.ndarray, "n t c"] | None = None
    probabilities: Float[np.ndarray, "n t c"] | None = None

    @classmethod
    def nothing(cls, skipped: tuple[Skipped, ...]) -> "MapBatch":
        """No map at all, and why."""
        logits = np.zeros((0, 0, 0), np.float32)
        maps = np.zeros((0, 0, 0, 0, 0), np.float32)
        return cls((), maps, logits.astype(np.int64), logits, skipped, logits, logits)
