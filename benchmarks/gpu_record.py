"""What a CUDA device does: ``python benchmarks/gpu_record.py`` (or ``make gpu-record``). Without one it says so, and exits with 1.

Three parts run one after the other: the tests that compare a device with the CPU, the demo's study, and ``gazeshift bench`` of everything
that we make claims about. Everything goes into one JSON file named after the device; for a part that fails, the file has its last output.
"""
# ruff: noqa: T201, S603

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from gazeshift.bench import BenchSettings, all_settings, run_all

ROOT = Path(__file__).parents[1]
DEVICE_TESTS = ("tests/saliency/test_devices.py", "tests/saliency/test_stream.py", "tests/training/test_devices.py")


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


def bench(rounds: int) -> dict[str, Any]:
    """Run ``gazeshift bench --all`` on the device only."""
    results = run_all(all_settings(BenchSettings(device="cuda", rounds=rounds)), lambda line: print(line, flush=True))
    return {"passed": True, "results": [result.to_dict() for result in results]}


def main() -> int:
    """Record what the device does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks", help="the folder of the JSON file")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device on this machine; nothing recorded.")
        return 1
    device = torch.cuda.get_device_name()
    path = options.out / f"bench-{re.sub(r'[^a-z0-9]+', '-', device.lower())}.json"
    record: dict[str, Any] = {"device": device, "torch": torch.__version__}
    for name, part in (("tests", tests), ("demo", demo), ("bench", lambda: bench(options.rounds))):
        try:
            record[name] = part()
        except Exception as error:  # a failure of one part must not lose the others
            record[name] = {"passed": False, "said": repr(error)}
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(f"{name}: {'passed' if record[name]['passed'] else 'FAILED'}", flush=True)
    print(f"Written: {path}")
    return 0 if all(record[name]["passed"] for name in ("tests", "demo", "bench")) else 1


if __name__ == "__main__":
    sys.exit(main())
