"""The three parts of a change: their sum, their way back, and what does not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.measures import mediated_effects

SCORE = st.floats(-100, 100, width=32)
FOUR = st.tuples(SCORE, SCORE, SCORE, SCORE)


@given(FOUR)
def test_each_part_is_its_difference_and_the_sum_is_the_total(four: tuple[float, float, float, float]) -> None:
    before, gaze, text, after = four
    found, near = mediated_effects(*four), 2e-5 * max(map(abs, four))
    assert found.total == found.mediated + found.direct + found.interaction
    assert found.total == pytest.approx(after - before, abs=3 * near)
    assert found.mediated == pytest.approx(gaze - before, abs=near)
    assert found.direct == pytest.approx(text - before, abs=near)
    assert found.interaction == pytest.approx((after - text) - (gaze - before), abs=near)


def test_the_total_is_the_change_itself_bit_by_bit_where_no_part_is_rounding() -> None:
    four = np.random.default_rng(0).normal(size=(4, 1000)).astype(np.float32)
    found = mediated_effects(*four)
    before, _, _, after = four.astype(np.float64)
    beyond = np.all([np.abs(part) > 0 for part in (found.mediated, found.direct, found.interaction)], axis=0)
    assert beyond.sum() > 990
    np.testing.assert_array_equal(found.total[beyond], (after - before)[beyond])


@given(FOUR)
def test_the_way_back_is_that_of_the_exchanged_texts(four: tuple[float, float, float, float]) -> None:
    before, gaze, text, after = four
    back, exchanged = mediated_effects(*four).reverse, mediated_effects(after, text, gaze, before)
    near = 1e-4 * max(map(abs, four))
    for part in ("total", "mediated", "direct", "interaction"):
        assert getattr(back, part) == pytest.approx(getattr(exchanged, part), abs=near)


@given(FOUR, SCORE)
def test_an_offset_changes_nothing_and_a_factor_is_one(four: tuple[float, float, float, float], by: float) -> None:
    found, moved, scaled = (
        mediated_effects(*(change(y) for y in four))
        for change in (lambda y: y, lambda y: y + by, lambda y: -3 * y)  # type: ignore[misc]
    )
    near = 1e-4 * (max(map(abs, four)) + abs(by))
    for part in ("total", "mediated", "direct", "interaction"):
        assert getattr(moved, part) == pytest.approx(getattr(found, part), abs=near)
        assert getattr(scaled, part) == pytest.approx(-3 * getattr(found, part), abs=near)


def test_equal_scores_and_rounding_are_exactly_0_and_have_no_share() -> None:
    found = mediated_effects(*np.array([[5.0, 1.0], [5.0, 1 + 1e-7], [5.0, 1 - 1e-7], [5.0, 1.0]]))
    for part in (found, found.reverse):
        for name in ("total", "mediated", "direct", "interaction"):
            assert (getattr(part, name) == 0).all()
            assert not np.signbit(getattr(part, name)).any()
        assert np.isnan(part.share).all()


def test_a_share_may_be_anything() -> None:
    assert mediated_effects(0.0, 1.0, 2.0, 4.0).share == 0.25
    assert mediated_effects(0.0, 3.0, -1.0, 2.0).share == 1.5
    assert mediated_effects(0.0, -1.0, 5.0, 4.0).share == -0.25


def test_nan_stays() -> None:
    assert np.isnan(mediated_effects(0.0, np.nan, 1.0, 2.0).total)
