"""The interval holds what it promises, at a small scale; a wrong one is found out. The large scale is `gazeshift calibrate`."""

import json

import numpy as np
import pytest
import scipy.stats
from tests.conftest import Command

from gazeshift.errors import UsageError
from gazeshift.statistics import calibrate, calibration, crossed_interval
from gazeshift.statistics.mean_squares import MeanSquares, MeanVariance, variance_of_mean
from gazeshift.statistics.rates import Calibration, Point, Rates
from gazeshift.statistics.scenarios import SCENARIOS, Grid

SMALL = Grid(classes=(10,), components=(0.0, 1.0, 10.0), scenarios=("normal", "skewed residual", "binary residual"))


@pytest.fixture(scope="module")
def small() -> Calibration:
    return calibrate(2000, 0, SMALL)


def test_false_positives_and_coverage_hold(small: Calibration) -> None:
    assert len(small.points) == 3 * 2 * 9
    for point in small.points:
        assert 0.02 < point.interval.false_positives < 0.08, str(point)
        assert point.interval.coverage == pytest.approx(1 - point.interval.false_positives), (
            "the test inverts the interval"
        )
    assert small.missed == []


def test_images_alone_are_far_too_sure(small: Calibration) -> None:
    seeds_differ = [point for point in small.points if point.seed_component == 10]
    assert all(point.images.false_positives > 0.5 for point in seeds_differ)
    noise_alone = [point for point in small.points if point.seed_component == point.class_component == 0]
    assert all(0.03 < point.images.false_positives < 0.07 for point in noise_alone), "right only where nothing differs"


def test_the_bootstrap_is_somewhat_too_sure(small: Calibration) -> None:
    few = [point.bootstrap.false_positives for point in small.points if point.seeds == 5 and point.seed_component == 10]
    more = [
        point.bootstrap.false_positives for point in small.points if point.seeds == 10 and point.seed_component == 10
    ]
    assert 0.07 < min(few) < max(few) < 0.25
    assert np.mean(more) < np.mean(few)


def without_seeds(squares: MeanSquares) -> MeanVariance:
    right = variance_of_mean(squares)
    variance = squares.class_ / (squares.seeds * squares.classes)
    return MeanVariance(variance, np.full_like(variance, squares.classes - 1), right.kept_seed, right.kept_class)


def truncated(squares: MeanSquares) -> MeanVariance:
    """No pooling; a negative component is zero."""
    right, residual = variance_of_mean(squares), squares.residual
    total = np.maximum(squares.seed, residual) + np.maximum(squares.class_, residual) - residual
    a, b = squares.seeds - 1, squares.classes - 1
    df = total**2 / (squares.seed**2 / a + squares.class_**2 / b + residual**2 / (a * b))
    return MeanVariance(total / (squares.seeds * squares.classes), df, right.kept_seed, right.kept_class)


def normal_quantiles(squares: MeanSquares) -> MeanVariance:
    right = variance_of_mean(squares)
    return MeanVariance(right.variance, np.full_like(right.variance, 1e9), right.kept_seed, right.kept_class)


@pytest.mark.parametrize("wrong", [without_seeds, truncated, normal_quantiles])
def test_a_wrong_formula_is_found_out(monkeypatch: pytest.MonkeyPatch, wrong: object) -> None:
    monkeypatch.setattr(calibration, "variance_of_mean", wrong)
    grid = Grid(seeds=(5,), classes=(10,), components=(0.0, 10.0), scenarios=("normal",))
    missed = calibrate(1000, 0, grid).missed
    assert missed
    assert "5 seeds, 10 classes" in missed[0]


def test_the_shortcut_through_margins_gives_the_intervals_own_numbers() -> None:
    """The grid adds effects to the margins of a residual; here they are added to its cells."""
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(40, 5, 10))
    seed, class_ = 2 * rng.normal(size=(40, 5)), rng.normal(size=(40, 10))
    inner = ((cells - cells.mean(2)[..., None] - cells.mean(1)[:, None] + cells.mean((1, 2))[:, None, None]) ** 2).sum(
        (1, 2)
    )
    rows = cells.mean(2) + seed + class_.mean(1, keepdims=True)
    columns = cells.mean(1) + class_ + seed.mean(1, keepdims=True)
    squares = calibration.from_margins(rows, columns, rows.mean(1), inner)
    found = calibration._primary(squares)
    whole = [crossed_interval(table) for table in cells + seed[..., None] + class_[:, None, :]]
    assert found.false_positives == np.mean([interval.p_value < 0.05 for interval in whole])
    assert found.coverage == np.mean([interval.low <= 0 <= interval.high for interval in whole])


@pytest.mark.parametrize("name", SCENARIOS)
def test_residuals_and_effects_have_mean_0_and_variance_1(name: str) -> None:
    rng = np.random.default_rng(0)
    for random in (SCENARIOS[name].residual, SCENARIOS[name].effects):
        values = random((400, 10, 100), rng)
        assert values.shape == (400, 10, 100)
        assert values.mean() == pytest.approx(0, abs=0.01)
        assert values.var() == pytest.approx(1, abs=0.03)
    skewness = scipy.stats.skew(SCENARIOS["skewed residual"].residual((400, 10, 100), rng), axis=None)
    assert skewness == pytest.approx(2, abs=0.1)


def test_points_depend_on_the_seed_alone() -> None:
    grid = Grid(seeds=(5,), classes=(10,), components=(1.0,), scenarios=("normal",))
    assert calibrate(200, 3, grid) == calibrate(200, 3, grid)
    assert calibrate(200, 3, grid) != calibrate(200, 4, grid)


def point(false_positives: float, component: float = 1.0) -> Point:
    rates = Rates(false_positives, 1 - false_positives)
    return Point("normal", 5, 10, component, 1.0, True, rates, rates, rates)


def test_a_target_is_missed_beyond_the_noise_of_the_simulation() -> None:
    assert point(0.05).misses(10_000) == []
    assert point(0.072).misses(10_000) == [], "within two standard errors of 7 %"
    assert point(0.072).misses(1_000_000) == ["false positives 7.2%, not 3% to 7%"]
    assert point(0.09).misses(10_000) == ["false positives 9.0%, not 3% to 7%", "coverage 91.0%, not 92% to 97%"]
    assert len(point(0.01).misses(10_000)) == 2
    assert len(point(0.01, component=0).misses(10_000)) == 1, "where a component is zero, coverage may be higher"


@pytest.mark.parametrize(
    ("draws", "grid", "message"),
    [
        (99, Grid(), "at least 100"),
        (100, Grid(seeds=()), "at least one"),
        (100, Grid(seeds=(1,)), "2 seeds"),
        (100, Grid(components=(-1.0,)), "negative"),
        (100, Grid(scenarios=("odd",)), "odd.*normal"),
    ],
)
def test_a_grid_that_means_nothing_is_refused(draws: int, grid: Grid, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        calibrate(draws, 0, grid)


@pytest.mark.slow
def test_the_command_prints_one_table_and_its_targets(gazeshift: Command) -> None:
    code, out, _ = gazeshift("calibrate", "--draws", 300, columns=80)
    assert code == 0, out
    assert "3% to 7%" in out
    assert "All targets hold." in out
    assert "…" not in out, "nothing is cut off in a narrow terminal"
    assert len([line for line in out.splitlines() if " x 10" in line]) == 4 * 2 * 2


@pytest.mark.slow
def test_the_command_exits_1_and_names_the_points_that_miss(
    gazeshift: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "variance_of_mean", without_seeds)
    code, out, _ = gazeshift("calibrate", "--draws", 100, columns=80)
    assert code == 1
    assert "normal, 5 seeds, 10 classes, components 10 (seed)" in out
    code, out, _ = gazeshift("calibrate", "--draws", 100, "--json")
    assert code == 1
    found = json.loads(out)
    assert len(found["points"]) == 4 * 2 * 2 * 25
    assert found["missed"]
