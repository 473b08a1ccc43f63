"""How fast maps are, compared with the model's own forward pass and with other explainers, interleaved in one run."""

from gazeshift.bench.results import BenchResult
from gazeshift.bench.run import all_settings, goal_settings, run_all, run_bench
from gazeshift.bench.settings import BenchSettings

__all__ = ["BenchResult", "BenchSettings", "all_settings", "goal_settings", "run_all", "run_bench"]
