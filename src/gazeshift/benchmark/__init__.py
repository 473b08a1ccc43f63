"""The public test of any image+text model: pictures whose truth is known, one table of what the text does to the gaze."""

from gazeshift.benchmark.record import Benchmark, ModelResult
from gazeshift.benchmark.run import run_benchmark
from gazeshift.benchmark.scenes import SceneSettings, scenes_for

__all__ = ["Benchmark", "ModelResult", "SceneSettings", "run_benchmark", "scenes_for"]
