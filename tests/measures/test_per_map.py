"""Every measure of one map in the tables: by its definition, on its page, and no fewer than it should be."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.slow_measures import SLOW_MEASURES, slow_measures

from gazeshift.measures import MAP_MEASURES, Measurable, measure_maps, secondary_measures

PAGE = "docs/measures.md"
HEADING = "| measure of one map | range | higher |"
RAW = arrays(np.float64, st.tuples(st.integers(2, 4), st.integers(2, 5)), elements=st.floats(-2, 2, width=16))


def rows_of_the_page() -> dict[str, tuple[str, str]]:
    """Range and direction of each measure, as the page states them."""
    lines = (Path(__file__).parents[2] / PAGE).read_text(encoding="utf-8").splitlines()
    table = lines[lines.index(HEADING) + 2 :]
    rows = table[: next(place for place, line in enumerate(table) if not line.startswith("|"))]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return {re.findall(r"`(\w+)`", name)[0]: (range_, higher) for name, range_, higher in cells}


def test_no_definition_is_of_a_measure_that_is_gone() -> None:
    unknown = SLOW_MEASURES - MAP_MEASURES.keys()
    assert not unknown, f"tests/slow_measures.py defines {sorted(unknown)}, which MAP_MEASURES lacks"


@pytest.mark.parametrize("name", MAP_MEASURES)
def test_the_page_states_its_range_and_direction(name: str) -> None:
    measure, rows = MAP_MEASURES[name], rows_of_the_page()
    wanted = f"| `{name}` | {measure.range} | {measure.higher} |"
    assert rows.get(name) == (measure.range, measure.higher), f"{PAGE}, below '{HEADING}', needs the row {wanted}"


def test_the_page_has_the_measures_in_the_order_of_the_columns() -> None:
    there = [name for name in MAP_MEASURES if name in rows_of_the_page()]
    assert list(rows_of_the_page()) == there, (
        f"{PAGE}: the rows of measures of one map stand in the order of MAP_MEASURES"
    )


@given(RAW)
def test_every_measure_is_its_definition(raw: np.ndarray) -> None:
    found, wanted = measure_maps(Measurable(raw[None])), slow_measures(raw)
    for name in MAP_MEASURES:
        assert found[name].shape == (1,), name
        assert found[name][0] == pytest.approx(wanted[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("name", MAP_MEASURES)
def test_undefined_maps_are_nan_and_leave_the_others_as_they_are(name: str) -> None:
    raw = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    raw[0, 1] = -1
    raw[1, 0, 2, 2] = np.nan
    found = MAP_MEASURES[name].value(Measurable(raw))
    assert np.isnan(found).tolist() == [[False, True, False], [True, False, False]]
    np.testing.assert_array_equal(MAP_MEASURES[name].value(Measurable(raw[1, 2])), found[1, 2])


def test_secondary_in_a_study_is_what_it_does_not_name_itself_and_no_part_of_another() -> None:
    others = {"centre_bias", "centre_offset", "centre_spread", "coverage", "amplitude"}
    assert secondary_measures() == tuple(name for name in MAP_MEASURES if name not in others)
