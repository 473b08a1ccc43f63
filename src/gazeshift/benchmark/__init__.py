"""The public test of any image+text model: pictures whose truth is known, one table of what the text does to the gaze."""

from gazeshift.benchmark.record import Benchmark, LeftOut, ModelResult
from gazeshift.benchmark.run import run_benchmark
from gazeshift.benchmark.scenes import SceneSettings, scenes_for

__all__ = ["Benchmark", "LeftOut", "ModelResult", "SceneSettings", "run_benchmark", "scenes_for"]
