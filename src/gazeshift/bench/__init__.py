"""How fast maps are, beside the model's own forward pass and beside other explainers, interleaved in one run."""

from gazeshift.bench.run import BenchSettings, run_bench

__all__ = ["BenchSettings", "run_bench"]
