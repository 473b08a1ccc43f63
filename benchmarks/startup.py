"""How long commands take to start, relative to ``python -c "import torch"``: ``python benchmarks/startup.py``.

Every round runs each program once, in turn, each in its own process; the minimum over the rounds counts, because a busy machine affects it
least. Exits with 1 if ``gazeshift explain`` takes more than twice as long as importing torch, or help more than half a second; the latter
is meaningful only on an idle machine.
"""
# ruff: noqa: T201, S603

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from gazeshift.models import HeadSpec, ImageSpec, ModelSpec, TextSpec, build_classifier, build_text, build_trunk, save
from gazeshift.preprocessing import Preprocessing

HELP, TORCH, EXPLAIN = "gazeshift --help", "import torch", "gazeshift explain"


def small_model(folder: Path) -> None:
    """Save an untrained model of the kind that a study of Plates trains."""
    spec = ModelSpec(
        name="early-fusion",
        image=ImageSpec(name="small_cnn"),
        text=TextSpec(encoder="transformer"),
        head=HeadSpec(head="early-fusion"),
        classes=("apple pie", "baklava", "ceviche"),
        preprocessing=Preprocessing(size=96, crop_fraction=1),
    )
    texts = build_text(spec.text, ["apple pie with cream", "red tomato ketchup"])
    save(build_classifier(spec, build_trunk(spec.image, 96), texts), folder)


def programs(folder: Path) -> dict[str, list[str]]:
    """The timed commands, by name."""
    small_model(folder / "model")
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    python, gazeshift = [sys.executable, "-c"], [sys.executable, "-m", "gazeshift"]
    asked = [str(folder / "model"), str(folder / "photo.png")]
    explain = [*gazeshift, "explain", *asked, "--text", "apple pie", "--text", "red tomato ketchup"]
    return {
        "python": [*python, "pass"],
        TORCH: [*python, "import torch"],
        HELP: [*gazeshift, "--help"],
        EXPLAIN: explain,
        f"{EXPLAIN} --out": [*explain, "--out", str(folder / "maps.png")],
        "gazeshift words": [*gazeshift, "words", *asked, "apple pie"],
    }


def seconds(command: list[str]) -> float:
    """How long a program takes from start to end."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        timed = programs(Path(folder))
        for command in timed.values():
            seconds(command)  # the very first run reads files from disk and compiles them
        found = [{name: seconds(command) for name, command in timed.items()} for _ in range(rounds)]
    least = {name: min(each[name] for each in found) for name in timed}
    for name, value in least.items():
        print(f"{name:24} {value:6.2f} s  {value / least[TORCH]:5.2f} x import torch")
    return int(least[EXPLAIN] > 2 * least[TORCH] or least[HELP] > 0.5)


if __name__ == "__main__":
    sys.exit(main())
