"""A mean with its interval."""

from dataclasses import replace

import numpy as np
import pytest

from gazeshift.measures import Figure, crossed_figure, crossed_statistic
from gazeshift.statistics import crossed_interval


def test_images_that_are_not_defined_in_every_seed_are_left_out_and_counted() -> None:
    values = np.array([[1.0, 2.0, np.nan, np.nan, 5.0], [3.0, np.nan, np.nan, 6.0, 7.0]])
    figure = crossed_figure(values)
    assert figure.mean == pytest.approx((1 + 3 + 5 + 7) / 4)
    assert (figure.n, figure.seeds, figure.left_out) == (2, 2, 3)
    assert figure.interval is not None
    assert figure.interval[0] <= figure.mean <= figure.interval[1]


def test_missing_cells_are_dropped_as_the_interval_of_claims_drops_them() -> None:
    """The same table, read once as images and once as classes: the same cells enter."""
    cells = np.random.default_rng(0).normal(size=(3, 12))
    cells[0, 2] = cells[1, 5] = np.nan
    figure, interval = crossed_figure(cells), crossed_interval(cells)
    assert figure.mean == pytest.approx(interval.mean)
    assert (figure.n, figure.left_out) == (interval.classes, interval.dropped_classes)
    assert figure == replace(crossed_figure(np.delete(cells, [2, 5], axis=1)), left_out=2)


@pytest.mark.parametrize("values", [np.full((2, 3), np.nan), np.empty((2, 0)), np.full((1, 1), np.inf)])
def test_nothing_defined(values: np.ndarray) -> None:
    figure = crossed_figure(values)
    assert (figure.mean, figure.interval, figure.n) == (None, None, 0)


def test_one_image_has_no_interval() -> None:
    assert crossed_figure(np.array([[1.0, np.nan], [3.0, np.nan]])) == Figure(2.0, None, 1, 2, 1)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=(3, 40))
    assert crossed_figure(values) == crossed_figure(values)
    assert crossed_figure(values).interval != crossed_figure(values, seed=1).interval
    assert crossed_figure(values[0]) == crossed_figure(values[:1]), "one row is one seed"


def test_scale_and_offset_pass_through() -> None:
    values = np.random.default_rng(0).normal(size=(3, 40))
    plain, moved = crossed_figure(values), crossed_figure(5 - 2e-9 * values)
    assert moved.mean == pytest.approx(5 - 2e-9 * plain.mean, abs=1e-12)
    assert moved.interval == pytest.approx((5 - 2e-9 * plain.interval[1], 5 - 2e-9 * plain.interval[0]), abs=1e-12)


def test_one_seed_is_the_plain_bootstrap_of_images() -> None:
    values = np.random.default_rng(0).exponential(size=60)
    figure = crossed_figure(values, draws=20_000)
    rng = np.random.default_rng(1)
    means = [values[rng.integers(0, 60, 60)].mean() for _ in range(20_000)]
    spread = np.std(means)
    assert figure.interval == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.25 * spread)


def test_crossed_against_loops() -> None:
    """Draw seeds and complete images with replacement, take the mean of the cells."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 25)) + rng.normal(size=(4, 1))
    values[rng.random(values.shape) < 0.05] = np.nan
    figure = crossed_figure(values, draws=20_000)
    whole = values[:, ~np.isnan(values).any(0)]
    assert 2 < whole.shape[1] < 25
    means = []
    for _ in range(20_000):
        rows, columns = rng.integers(0, 4, 4), rng.integers(0, whole.shape[1], whole.shape[1])
        means.append(np.mean(whole[np.ix_(rows, columns)]))
    spread = np.std(means)
    assert figure.interval == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.25 * spread)


@pytest.mark.slow
def test_coverage_in_a_simulation() -> None:
    """Crossed effects of seed and image: the interval holds the truth nearly as often as it says, images alone far less."""
    rng = np.random.default_rng(0)
    crossed = naive = 0
    for _ in range(150):
        values = rng.normal(size=(10, 1)) * 0.5 + rng.normal(size=(1, 50)) * 0.5 + rng.normal(size=(10, 50)) * 0.5
        low, high = crossed_figure(values, draws=400).interval
        crossed += low <= 0 <= high
        low, high = crossed_figure(values.mean(0), draws=400).interval
        naive += low <= 0 <= high
    assert 0.85 <= crossed / 150 <= 0.99
    assert naive / 150 < 0.75


def test_a_crossed_statistic_of_a_mean_is_the_crossed_figure() -> None:
    values = np.random.default_rng(3).normal(size=(3, 12))
    sums = np.stack([values, np.ones_like(values)], axis=-1)
    found = crossed_statistic(sums, lambda totals: totals[..., 0] / totals[..., 1])
    wanted = crossed_figure(values)
    assert found.mean == pytest.approx(wanted.mean)
    assert found.interval == pytest.approx(wanted.interval)
    assert (found.n, found.seeds) == (12, 3)


def test_a_crossed_statistic_against_draws_in_a_loop() -> None:
    rng = np.random.default_rng(5)
    sums = rng.uniform(0.5, 2, size=(2, 9, 2))
    found = crossed_statistic(sums, lambda totals: totals[..., 0] / totals[..., 1], draws=50, seed=4)
    again = np.random.default_rng(4)
    rows = again.multinomial(2, [0.5, 0.5], size=50)
    columns = again.multinomial(9, np.full(9, 1 / 9), size=50)
    drawn = []
    for row, column in zip(rows, columns, strict=True):
        ratios = [(column @ sums[s, :, 0]) / (column @ sums[s, :, 1]) for s in range(2)]
        drawn.append(np.average(ratios, weights=row))
    assert found.interval == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_crossed_statistic_leaves_out_what_is_undefined() -> None:
    def ratio(totals: np.ndarray) -> np.ndarray:
        return totals[..., 0] / np.where(totals[..., 1] > 0, totals[..., 1], np.nan)

    sums = np.array([[[1.0, 2.0], [np.nan, np.nan], [1.0, 2.0]], [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]])
    found = crossed_statistic(sums, ratio)
    assert (found.mean, found.interval, found.n, found.seeds) == (0.5, (0.5, 0.5), 2, 2)
    assert crossed_statistic(sums[1:], ratio).mean is None
    assert crossed_statistic(sums[:, :1], ratio).interval is None
