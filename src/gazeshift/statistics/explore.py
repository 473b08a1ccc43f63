"""Exploration: a mixed model of what is associated with an effect. No verdict depends on it."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.json_types import Json
from gazeshift.statistics.multiplicity import benjamini_hochberg

Column = np.ndarray  # one value per row; names or numbers
MAX_ROWS = 50_000  # 101 classes x 5 seeds x 20 words x 3 truths are 30,300 and take two minutes


@dataclass(frozen=True)
class FixedEffect:
    """A coefficient with its 95 % Wald interval, in the unit of the excess (per unit of a covariate).

    Attributes:
        name: "intercept", "kind[position]", "truth[absent]", "kind[position] x truth[absent]", "text change" or "pmi". A level's effect is
            against the first level in alphabetical order.
        estimate: NaN if the fit failed.
        low: lower end.
        high: upper end.
        p_value: two-sided, against 0; not adjusted.
        p_adjusted: the same, controlling the false discovery rate over all effects except the intercept
            (``benjamini_hochberg``); NaN for the intercept.
    """

    name: str
    estimate: float
    low: float
    high: float
    p_value: float
    p_adjusted: float


@dataclass(frozen=True)
class Exploration:
    """A fitted mixed model. Exploratory: a description of these data, not a test of a claim.

    Attributes:
        effects: fixed effects.
        components: variances of "class", "seed", "word" and "residual"; one with a single level is left out, and a note says so.
        converged: whether the fit converged. If not, the numbers mean nothing.
        notes: remarks of the fit, one line each, including abandoned attempts; the first says if it did not converge.
        rows: number of rows included.
        dropped: number of rows left out because a value was missing.
    """

    effects: tuple[FixedEffect, ...]
    components: dict[str, float]
    converged: bool
    notes: tuple[str, ...]
    rows: int
    dropped: int
    exploratory: bool = True

    def to_dict(self) -> Json:
        """Plain values, for JSON; None where there is no number."""
        numbers = {name: _or_none(value) for name, value in self.components.items()}
        effects = [{key: _or_none(value) for key, value in asdict(effect).items()} for effect in self.effects]
        return asdict(self) | {"effects": effects, "components": numbers, "notes": list(self.notes)}


def explore(
    excess: Float[np.ndarray, " rows"],
    *,
    kind: Column,
    truth: Column,
    text_change: Float[np.ndarray, " rows"],
    pmi: Float[np.ndarray, " rows"],
    class_: Column,
    seed: Column,
    word: Column,
) -> Exploration:
    """``excess ~ kind * truth + |du| + PMI + (1 | class) + (1 | seed) + (1 | word)``, by restricted maximum likelihood (statsmodels).

    On cell means (one row per class, seed and word), not on images. With 5 or 10 seeds the Wald intervals of effects that vary between
    seeds are too narrow; ``crossed_interval`` is for claims.

    Args:
        excess: the edit's effect beyond the noise floor.
        kind: kind of the modifier, such as colour and position.
        truth: whether the modifier is true of the image, such as true, elsewhere, absent. A single level drops out.
        text_change: ``|du|``, length of the change of the text feature.
        pmi: pointwise mutual information of word and class.
        class_: class of the row.
        seed: training seed of the row.
        word: the modifier.

    Raises:
        UsageError: statsmodels is not installed, columns of different length, too many or too few rows, or a term determined by the others.
    """
    mixed = _mixed_models()
    numbers = {"excess": excess, "text change": text_change, "pmi": pmi}
    names = {"kind": kind, "truth": truth, "class": class_, "seed": seed, "word": word}
    numbers, names, dropped = _whole_rows(numbers, names)
    # In units of their spread, so that the fit's tolerances mean the same for bits and for per cent; undone below.
    units = {name: float(values.std()) or 1.0 for name, values in numbers.items()}
    scaled = {name: values / units[name] for name, values in numbers.items()}
    terms = _terms(scaled, names)
    _check_rank(terms)
    grouping = {name: names[name] for name in ("class", "seed", "word") if len(np.unique(names[name])) > 1}
    notes = [
        f"only one {name}: its variance component cannot be estimated"
        for name in ("class", "seed", "word")
        if name not in grouping
    ]
    fit, remarks = _fit(mixed, scaled["excess"], np.stack(list(terms.values()), axis=1), grouping)
    converged = fit is not None and bool(fit.converged) and bool(np.isfinite(fit.bse_fe).all())
    if not converged:
        notes.insert(0, "the fit did not converge; its numbers mean nothing")
    per_unit = np.array([units["excess"] / units.get(name, 1.0) for name in terms])
    return Exploration(
        effects=_effects(list(terms), fit, per_unit),
        components=_components(list(grouping), fit, units["excess"] ** 2),
        converged=converged,
        notes=(*notes, *remarks),
        rows=len(scaled["excess"]),
        dropped=dropped,
    )


def _mixed_models() -> Any:
    try:
        return import_module("statsmodels.regression.mixed_linear_model")
    except ImportError:
        raise UsageError("the exploratory mixed model needs statsmodels: pip install 'gazeshift[explore]'.") from None


def _fit(
    mixed: Any,
    response: Float[np.ndarray, " rows"],
    design: Float[np.ndarray, "rows terms"],
    grouping: Mapping[str, np.ndarray],
) -> tuple[Any, list[str]]:
    """The fit, or None if it fails; and its remarks, each once."""
    labels = [[[str(level) for level in np.unique(values)]] for values in grouping.values()]
    indicators = [[_indicators(values)] for values in grouping.values()]
    fit, broken = None, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            spec = mixed.VCSpec(list(grouping), labels, indicators)
            fit = mixed.MixedLM(response, design, np.zeros(len(response)), exog_vc=spec).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError) as error:
            broken = [f"the fit failed: {error}"]
    return fit, [*broken, *dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught)]


def _whole_rows(
    numbers: Mapping[str, Any], names: Mapping[str, Any]
) -> tuple[dict[str, Float[np.ndarray, " rows"]], dict[str, np.ndarray], int]:
    """Rows without missing numbers, and how many were left out."""
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in numbers.items()}
    levels = {name: np.asarray(values) for name, values in names.items()}
    shapes = {name: values.shape for name, values in (columns | levels).items()}
    if len(set(shapes.values())) > 1 or len(shapes["excess"]) != 1:
        described = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise UsageError(f"the columns of a mixed model must be lists of equal length, not {described}.")
    whole = np.isfinite(np.stack(list(columns.values()))).all(0)
    if whole.sum() > MAX_ROWS:
        raise UsageError(f"{whole.sum():,} rows are too many for the mixed model ({MAX_ROWS:,}): give cell means.")
    kept_columns = {name: values[whole] for name, values in columns.items()}
    return kept_columns, {name: values[whole] for name, values in levels.items()}, int((~whole).sum())


def _terms(
    numbers: dict[str, Float[np.ndarray, " rows"]], names: dict[str, np.ndarray]
) -> dict[str, Float[np.ndarray, " rows"]]:
    """Columns of the design, by name, dummy-coded with the first level as the reference."""
    levels = {
        factor: {
            f"{factor}[{level}]": (names[factor] == level).astype(np.float64) for level in np.unique(names[factor])[1:]
        }
        for factor in ("kind", "truth")
    }
    together = {
        f"{kind} x {truth}": levels["kind"][kind] * levels["truth"][truth]
        for kind, truth in product(levels["kind"], levels["truth"])
    }
    intercept = {"intercept": np.ones(len(numbers["excess"]))}
    return (
        intercept | levels["kind"] | levels["truth"] | together | {key: numbers[key] for key in ("text change", "pmi")}
    )


def _check_rank(terms: dict[str, Float[np.ndarray, " rows"]]) -> None:
    """Refuse a term that is determined by the terms before it."""
    names, columns = list(terms), np.stack(list(terms.values()), axis=1)
    if len(columns) <= len(names):
        raise UsageError(f"{len(columns)} rows are too few for the {len(names)} terms of the mixed model.")
    for end in range(1, len(names) + 1):
        if np.linalg.matrix_rank(columns[:, :end]) < end:
            raise UsageError(
                f"the mixed model cannot separate the effect of {names[end - 1]!r} from that of the terms before it: it is constant, or "
                "some combination of kind and truth has no row. Leave out a level, or give truth a single one."
            )


def _indicators(values: np.ndarray) -> Float[np.ndarray, "rows levels"]:
    return (values[:, None] == np.unique(values)).astype(np.float64)


def _effects(names: list[str], fit: Any, per_unit: Float[np.ndarray, " terms"]) -> tuple[FixedEffect, ...]:
    if fit is None:
        return tuple(FixedEffect(name, *[float("nan")] * 5) for name in names)
    count = len(names)
    ends = np.asarray(fit.conf_int(0.05))[:count] * per_unit[:, None]
    p_values = np.asarray(fit.pvalues)[:count]
    asked = np.where(np.array(names) == "intercept", np.nan, p_values)
    values = np.column_stack([fit.fe_params * per_unit, ends, p_values, benjamini_hochberg(asked)])
    return tuple(FixedEffect(name, *(float(value) for value in row)) for name, row in zip(names, values, strict=True))


def _components(names: list[str], fit: Any, unit: float) -> dict[str, float]:
    if fit is None:
        return dict.fromkeys([*names, "residual"], float("nan"))
    found = {name: float(value) * unit for name, value in zip(names, fit.vcomp, strict=True)}
    return found | {"residual": float(fit.scale) * unit}


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
