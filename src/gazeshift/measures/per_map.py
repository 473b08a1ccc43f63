"""The measures of one map that tables have as columns, in one dict: ``gazeshift analyse`` takes all of them, a study most."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from gazeshift.measures.prior import centre_prior, likelihood_ratio
from gazeshift.measures.spread import concentration, gini, share_holding
from gazeshift.measures.where import (
    CentreBiasParts,
    Maps,
    PerMap,
    amplitude,
    centre_bias,
    centre_bias_parts,
    coverage,
    distribution,
    entropy,
)


@dataclass(frozen=True, eq=False)
class Measurable:
    """Signed maps, and what several measures need of them, each computed once and only when it is needed.

    Attributes:
        raw: signed maps on their native grid.

    Example:
        >>> import numpy as np
        >>> Measurable(np.array([[-1.0, 1.0, 3.0]])).p.tolist()
        [[0.0, 0.25, 0.75]]
    """

    raw: Maps

    @cached_property
    def p(self) -> Maps:
        """The maps as distributions over cells, NaN where undefined."""
        return distribution(self.raw)

    @cached_property
    def bits(self) -> PerMap:
        """The entropy of each distribution."""
        return entropy(self.p)

    @cached_property
    def parts(self) -> CentreBiasParts:
        """The two parts of the centre bias."""
        return centre_bias_parts(self.p)


@dataclass(frozen=True)
class MapMeasure:
    """A measure of one map.

    Attributes:
        value: one number per map, NaN where the map is undefined.
        range: the values it can take, as ``docs/measures.md`` states them.
        higher: what a higher value says of the map, as ``docs/measures.md`` states it.
        secondary: a study has it too, as a column of its measures and with an interval in ``summary.json``, without drawing conclusions
            from it. Otherwise only ``gazeshift analyse`` has it, unless the study asks for it by name, as it does for its primary measures.
    """

    value: Callable[[Measurable], PerMap]
    range: str
    higher: str
    secondary: bool = True


MAP_MEASURES: dict[str, MapMeasure] = {
    "centre_bias": MapMeasure(
        lambda maps: centre_bias(maps.p), "at most 1; 0 uniform", "nearer the centre", secondary=False
    ),
    "centre_offset": MapMeasure(
        lambda maps: maps.parts.offset, "0 and up", "off the centre as a whole", secondary=False
    ),
    "centre_spread": MapMeasure(lambda maps: maps.parts.spread, "0 and up", "wide", secondary=False),
    "coverage": MapMeasure(lambda maps: coverage(maps.p, maps.bits), "`1 / cells` to 1", "wider", secondary=False),
    "concentration": MapMeasure(lambda maps: concentration(maps.p, maps.bits), "0 to `log2(cells)` bits", "narrower"),
    "gini": MapMeasure(lambda maps: gini(maps.p), "0 to `1 - 1 / cells`", "narrower"),
    "share_holding": MapMeasure(lambda maps: share_holding(maps.p), "`1 / cells` to 1", "wider"),
    "likelihood_ratio_centre": MapMeasure(
        lambda maps: likelihood_ratio(maps.p, centre_prior(*maps.raw.shape[-2:])),
        "bits, negative away from it",
        "nearer the centre",
    ),
    "amplitude": MapMeasure(lambda maps: amplitude(maps.raw), "any", "more positive evidence", secondary=False),
}
"""By the name of the column, in the order of the columns of ``gazeshift analyse``. A new entry is in all tables that it belongs to."""


def measure_maps(maps: Measurable) -> dict[str, PerMap]:
    """Every measure of ``MAP_MEASURES``, by name.

    Example:
        >>> import numpy as np
        >>> values = measure_maps(Measurable(np.array([[[1.0, 0.0]], [[-1.0, 0.0]]])))
        >>> values["gini"].tolist()
        [0.5, nan]
    """
    return {name: measure.value(maps) for name, measure in MAP_MEASURES.items()}


def secondary_measures() -> tuple[str, ...]:
    """The names of the measures of one map that a study reports as secondary."""
    return tuple(name for name, measure in MAP_MEASURES.items() if measure.secondary)
