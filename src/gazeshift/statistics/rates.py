"""The results of a calibration, and its targets."""

from dataclasses import asdict, dataclass
from math import sqrt

from gazeshift.json_types import Json

FALSE_POSITIVES = (0.03, 0.07)
COVERAGE = (0.92, 0.97)  # the upper end only where no component is zero


@dataclass(frozen=True)
class Rates:
    """Rates over the tables of one point.

    Attributes:
        false_positives: rate at a nominal 5 %, with a mean of 0.
        coverage: of nominal 95 % intervals.
    """

    false_positives: float
    coverage: float


@dataclass(frozen=True)
class Point:
    """One design with its variance components, in units of the residual's.

    Attributes:
        scenario: how residuals and effects are distributed.
        seeds: number of training seeds.
        classes: classes.
        seed_component: variance of the seeds' effects.
        class_component: variance of the classes' effects.
        held: whether the targets apply here.
        interval: rates of the primary interval.
        bootstrap: rates of the multi-bootstrap.
        images: rates of the interval that takes images as the sample.
    """

    scenario: str
    seeds: int
    classes: int
    seed_component: float
    class_component: float
    held: bool
    interval: Rates
    bootstrap: Rates
    images: Rates

    @property
    def full(self) -> bool:
        """Whether no component is zero."""
        return self.seed_component > 0 and self.class_component > 0

    def __str__(self) -> str:
        """The point in words."""
        return (
            f"{self.scenario}, {self.seeds} seeds, {self.classes} classes, components {self.seed_component:g} (seed) "
            f"and {self.class_component:g} (class)"
        )

    def misses(self, draws: int) -> list[str]:
        """Targets missed by more than two standard errors of a rate out of ``draws``."""
        missed = []
        for name, rate, (low, high) in (
            ("false positives", self.interval.false_positives, FALSE_POSITIVES),
            ("coverage", self.interval.coverage, COVERAGE if self.full else (COVERAGE[0], 1.0)),
        ):
            bound = min(max(rate, low), high)
            if abs(rate - bound) > 2 * sqrt(bound * (1 - bound) / draws):
                missed.append(f"{name} {rate:.1%}, not {low:.0%} to {high:.0%}")
        return missed


@dataclass(frozen=True)
class Calibration:
    """Rates at every point of a grid.

    Attributes:
        draws: tables per point.
        seed: of the random numbers.
        bootstrap_tables: tables per point for the bootstrap.
        bootstrap_draws: its draws per table.
        images_per_class: for the interval over images.
        points: of the grid.
    """

    draws: int
    seed: int
    bootstrap_tables: int
    bootstrap_draws: int
    images_per_class: int
    points: tuple[Point, ...]

    @property
    def missed(self) -> list[str]:
        """One line for each point that misses a target that applies; empty if all targets are met."""
        held = [(point, point.misses(self.draws)) for point in self.points if point.held]
        return [f"{point}: {'; '.join(misses)}" for point, misses in held if misses]

    def to_dict(self) -> Json:
        """Plain values, for JSON."""
        return asdict(self) | {"points": [asdict(point) for point in self.points], "missed": self.missed}
