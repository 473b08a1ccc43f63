"""What a CUDA device does: ``python benchmarks/gpu_record.py`` (or ``make gpu-record``). Without one it says so, and exits with 2.

Four parts run one after the other: ``gazeshift bench`` of everything that we make claims about, also compiled and in bfloat16; the image
trunk alone in every way that could pay: folded, in two memory layouts, in bfloat16, compiled, and as CUDA graphs; the tests that compare a
device with the CPU; and the demo's study. Everything goes into one JSON file named after the device, as soon as it is known; for a part
that fails, the file has its last output. At the end comes a line for the docs.
"""
# ruff: noqa: T201, S603

import argparse
import copy
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gazeshift.bench import BenchSettings, all_settings, goal_settings, run_all
from gazeshift.bench.subject import Subject, make_subject
from gazeshift.bench.timing import interleave
from gazeshift.models.folded import ready

ROOT = Path(__file__).parents[1]
DEVICE_TESTS = ("tests/saliency/test_devices.py", "tests/saliency/test_stream.py", "tests/training/test_devices.py")
MODELS = (("inception_v3", 299), ("vit_base_patch16_224", 224))
CASES = tuple((name, size, batch) for batch in (8, 256, 1) for name, size in MODELS)
PARTS = ("bench", "trunk", "tests", "demo")
CUT_OFF = "cut off before its end"
Way = Callable[[Subject], Callable[[], Tensor]]


def ran(*command: str, limit: int = 900) -> tuple[int, float, str]:
    """Exit code, seconds and the last lines of a program's output."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False
    )
    said = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode, time.perf_counter() - start, "\n".join(said[-12:])


def tests() -> dict[str, Any]:
    """Run the tests that compare a device with the CPU."""
    code, seconds, said = ran("pytest", "-q", "-p", "no:cacheprovider", *DEVICE_TESTS)
    return {"passed": code == 0, "seconds": seconds, "said": said.splitlines()[-1] if code == 0 else said}


def demo() -> dict[str, Any]:
    """Run the study of ``make demo``: how long it takes here, and whether its figures meet the thresholds of the configuration."""
    with tempfile.TemporaryDirectory() as folder:
        code, seconds, said = ran("gazeshift", "study", "configs/plates.yaml", "--out", f"{folder}/plates")
        summary = Path(folder, "plates", "summary.json")
        found = json.loads(summary.read_text()) if summary.is_file() else {}
    return {
        "passed": code == 0,
        "seconds": seconds,
        "said": said,
        "accuracy": found.get("accuracy"),
        "checks": found.get("checks"),
    }


Keep = Callable[[dict[str, Any]], None]
"""Called with what a part has found so far: a record that is cut off, by the end of a lease say, has lost what it did not keep."""


def keep_nothing(found: dict[str, Any]) -> None:
    """For a part whose result is not recorded."""


def bench(rounds: int, keep: Keep = keep_nothing) -> dict[str, Any]:
    """Run ``gazeshift bench --all`` on the device only, and a batch of 8 compiled and in bfloat16."""
    base = BenchSettings(device="cuda", rounds=rounds)
    inception, compiled, transformer = goal_settings(base)
    half = [replace(case, texts=(1,), precision="bfloat16") for case in (inception, compiled, transformer)]
    results = []
    for settings in (*all_settings(base), compiled, *half):
        results += [result.to_dict() for result in run_all([settings], lambda line: print(line, flush=True))]
        keep({"passed": False, "said": CUT_OFF, "results": results})
    return {"passed": True, "results": results}


def trunk_ways(
    device: str,
    cases: Sequence[tuple[str, int, int]],
    rounds: int,
    ways: Sequence[str] | None = None,
    keep: Keep = keep_nothing,
) -> dict[str, Any]:
    """Time the trunk in every way that could pay on a device; ``gap``: distance of its features from the plain ones, over the largest.

    Args:
        device: of the trunks.
        cases: a timm name, the side of the images, and the size of the batch.
        rounds: how often each is timed.
        ways: some of ``WAYS``; None: all.
        keep: called after each case.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, size, batch in cases:
        subject = make_subject(name, size, batch, 1, device)
        runs = {way: WAYS[way](subject) for way in ways or WAYS}
        with torch.no_grad():
            exact = _plain(subject)()
            gap = {way: float((run().float() - exact).abs().max() / exact.abs().max()) for way, run in runs.items()}
            seconds = interleave(runs, rounds, device)
        found[f"{name}, batch {batch}"] = {way: {"seconds": seconds[way], "gap": gap[way]} for way in runs}
        keep({"passed": False, "said": CUT_OFF, "found": found})
    return {"passed": True, "found": found}


def _plain(subject: Subject) -> Callable[[], Tensor]:
    trunk = subject.plain.model.trunk
    return lambda: trunk.tapped(trunk.emit(subject.images)).grid


def _ready(options: dict[str, Any] | None = None, *, half: bool = False, contiguous: bool = False) -> Way:
    """The trunk with its batch norms folded: compiled with some options or not, in bfloat16 or not, in channels_last or contiguous."""
    layout = torch.contiguous_format if contiguous else torch.channels_last

    def way(subject: Subject) -> Callable[[], Tensor]:
        images = subject.images.contiguous(memory_format=layout)
        trunk = copy.deepcopy(ready(subject.model.trunk, images).trunk).to(memory_format=layout)

        def features(images: Tensor) -> Tensor:
            return trunk.tapped(trunk.emit(images)).grid

        run = features if options is None else torch.compile(features, dynamic=False, options=options)

        def work() -> Tensor:
            with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
                return run(images).clone()  # a graph writes its next result into the same memory

        return work

    return way


FREEZING = {"freezing": True}
GRAPHS = {"freezing": True, "triton.cudagraphs": True}
WAYS: dict[str, Way] = {
    "plain": _plain,
    "folded": _ready(),
    "folded, contiguous": _ready(contiguous=True),
    "folded, bfloat16": _ready(half=True),
    "compiled": _ready(FREEZING),
    "compiled, bfloat16": _ready(FREEZING, half=True),
    "graphs": _ready(GRAPHS),
    "graphs, bfloat16": _ready(GRAPHS, half=True),
}
"""How a trunk can run. ``plain`` is the eager forward pass in the default layout; the others are copies (``gazeshift.models.folded``)."""


def line(record: dict[str, Any]) -> str:
    """A record's ratios as a row of a table for the docs; empty for a part that failed."""
    cells = [record["device"]]
    for result in record.get("bench", {}).get("results", []):
        settings, ratios = result["settings"], result["ratios"]
        how = f"{settings['model']} {settings['precision']}{' compiled' if settings['compiled'] else ''}"
        names = [name for name in ("map_vs_forward", "texts_loop_vs_ours", "pipeline_vs_forward") if name in ratios]
        cells.append(f"{how}: {', '.join(f'{name} {ratios[name]:,.2f}' for name in names)}")
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Record what the device does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks", help="the folder of the JSON file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", nargs="*", choices=PARTS, help="some of them, in this order; without: all")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device on this machine; nothing recorded.")
        return 2
    device = torch.cuda.get_device_name()
    path = options.out / f"bench-{re.sub(r'[^a-z0-9]+', '-', device.lower())}.json"
    record: dict[str, Any] = {"device": device, "torch": torch.__version__}

    def write(name: str, found: dict[str, Any]) -> None:
        record[name] = found
        path.write_text(json.dumps(record, indent=1) + "\n")

    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "bench": lambda: bench(options.rounds, partial(write, "bench")),
        "trunk": lambda: trunk_ways("cuda", CASES, options.rounds, keep=partial(write, "trunk")),
        "tests": tests,
        "demo": demo,
    }
    for name in options.parts or parts:
        try:
            write(name, parts[name]())
        except Exception as error:  # a failure of one part must not lose the others
            write(name, {"passed": False, "said": repr(error)})
        print(f"{name}: {'passed' if record[name]['passed'] else 'FAILED'}", flush=True)
    print(f"Written: {path}. For the docs:\n{line(record)}")
    return 0 if all(record[name]["passed"] for name in options.parts or parts) else 1


if __name__ == "__main__":
    sys.exit(main())
