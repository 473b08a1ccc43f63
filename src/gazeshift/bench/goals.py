"""What we aim at, in one table: ratios that ``gazeshift bench --goals`` measures, and the bound that each should keep."""

from collections.abc import Sequence
from dataclasses import dataclass

from gazeshift.bench.results import BenchResult


@dataclass(frozen=True)
class Goal:
    """A bound on one ratio of one model.

    Attributes:
        model: a timm name.
        ratio: as in ``BenchResult.ratios``.
        bound: what it should not exceed, or should reach.
        reach: whether it should reach the bound (more is better).
        compiled: of the compiled trunk.
    """

    model: str
    ratio: str
    bound: float
    reach: bool
    compiled: bool = False

    def met(self, found: float) -> bool:
        """Whether a ratio keeps the bound."""
        return found >= self.bound if self.reach else found <= self.bound


GOALS = (
    Goal("inception_v3", "map_vs_forward", 0.55, reach=False),
    Goal("inception_v3", "map_vs_forward", 0.45, reach=False, compiled=True),
    Goal("vit_base_patch16_224", "map_vs_forward", 0.97, reach=False),
    Goal("inception_v3", "texts_loop_vs_ours", 2000, reach=True),
    Goal("vit_base_patch16_224", "texts_loop_vs_ours", 1500, reach=True),
    Goal("inception_v3", "pipeline_vs_forward", 0.95, reach=True),
    Goal("vit_base_patch16_224", "pipeline_vs_forward", 0.95, reach=True),
)


def found_for(results: Sequence[BenchResult]) -> list[tuple[Goal, float]]:
    """Each goal with the ratio that was measured for it; goals that nothing was measured for are left out."""
    found = []
    for goal in GOALS:
        for result in results:
            settings = result.settings
            if (settings.model, settings.compiled) == (goal.model, goal.compiled) and goal.ratio in result.ratios:
                found.append((goal, result.ratios[goal.ratio]))
    return found
