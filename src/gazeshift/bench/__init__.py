"""How fast maps are, beside the model's own forward pass and beside other explainers, interleaved in one run."""

from gazeshift.bench.run import BenchSettings, all_settings, run_all, run_bench

__all__ = ["BenchSettings", "all_settings", "run_all", "run_bench"]
