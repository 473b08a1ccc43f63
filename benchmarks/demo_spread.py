"""How the demo's figures vary over processors and seeds, against the thresholds that it must meet.

    python benchmarks/demo_spread.py --out runs/spread                  # three processors x four seeds
    python benchmarks/demo_spread.py --out runs/spread --seeds 0 1      # fewer

One machine rounds like several if torch and oneDNN are told which instructions to use, and with different rounding the same seed trains
to different weights. The study of each processor has its own run folder under ``--out``; finished runs are reused, so the same command
continues, or prints the same table again. Exits with 1 if a threshold has less than four standard deviations to spare.
"""
# ruff: noqa: T201

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

STUDY = Path(__file__).parents[1] / "configs" / "plates.yaml"
PROCESSORS = {"sse41": ("default", "SSE41"), "avx2": ("avx2", "AVX2"), "avx512": ("avx512", "AVX512_CORE")}
"""Names of run folders, and the values of ``ATEN_CPU_CAPABILITY`` and ``ONEDNN_MAX_CPU_ISA``; the last needs a processor with AVX-512."""
WANTED_MARGIN = 4.0
"""Standard deviations: with this many, a machine misses a threshold by chance in fewer than one of 10,000 runs."""

MULTIPLES = {"lift", "lift_over_image_only", "named_over_paraphrase"}
"""Ratios, which vary by factors: their mean, deviation and margin are those of the logarithm."""

Checks = dict[str, dict[str, tuple[float, float]]]
"""Per threshold, seed and processor: the figure and the value it was compared with."""


def run(out: Path, processor: str, seeds: list[int]) -> None:
    """Run the demo's study as if on ``processor``; a missed threshold is not an error here."""
    capability, instructions = PROCESSORS[processor]
    command = [sys.executable, "-m", "gazeshift", "study", str(STUDY), "--set", f"seeds={seeds}", "--out", str(out)]
    environment = os.environ | {"ATEN_CPU_CAPABILITY": capability, "ONEDNN_MAX_CPU_ISA": instructions}
    if subprocess.run(command, env=environment, check=False).returncode not in {0, 1}:  # noqa: S603
        sys.exit(f"the study did not end on {processor}: see above.")


def read(out: Path, processor: str, found: Checks) -> None:
    """Add the figures of a finished run to ``found``."""
    for check in json.loads((out / "summary.json").read_text(encoding="utf-8"))["checks"]:
        name, _, seed = check["name"].partition(":")[0].removesuffix(")").partition(" (seed ")
        values = found.setdefault(f"{name} {check['wanted'].split()[0]}", {})
        values[f"{processor}/{seed}"] = (float(check["found"]), float(check["wanted"].split()[1]))


def report(found: Checks) -> float:
    """Print one line per threshold with every figure; return the smallest margin."""
    margins = []
    print("\n| figure | threshold | mean | worst | standard deviation | margin in standard deviations |")
    print("|---|---|---|---|---|---|")
    for name, values in found.items():
        figures = np.array([figure for figure, _ in values.values()])
        threshold = next(iter(values.values()))[1]
        sign = 1 if name.endswith(">=") else -1
        multiple = name.split()[0] in MULTIPLES
        scaled, wanted = (np.log(figures), np.log(threshold)) if multiple else (figures, threshold)
        mean, deviation = scaled.mean(), scaled.std(ddof=1)
        margins.append(sign * (mean - wanted) / deviation)
        shown = (
            f"{np.exp(mean):.4g} | {{}} | {np.expm1(deviation):.0%}"
            if multiple
            else f"{mean:.4g} | {{}} | {deviation:.2g}"
        )
        worst = f"{sign * (sign * figures).min():.4g}"
        print(f"| {name} | {threshold:g} | {shown.format(worst)} | {margins[-1]:.1f} |")
    print()
    for name, values in found.items():
        print(f"{name}", *(f"{place} {figure:g}" for place, (figure, _) in values.items()), sep="  ")
    return min(margins)


def main() -> None:
    """Run whatever is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--processors", nargs="+", choices=PROCESSORS, default=list(PROCESSORS))
    arguments = parser.parse_args()
    found: Checks = {}
    for processor in arguments.processors:
        run(arguments.out / processor, processor, arguments.seeds)
        read(arguments.out / processor, processor, found)
    sys.exit(report(found) < WANTED_MARGIN)


if __name__ == "__main__":
    main()
