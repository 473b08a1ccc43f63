"""Does a run of ``gazeshift maps`` stay the same from 10,000 to 200,000 pairs, and to a million maps?

``python benchmarks/scale.py --pairs 10000 200000 --texts 5`` packs small pictures into tar shards, runs the command on each number of
them, and prints for each the peak memory of the process, images a second, and the bytes of a stored map; ``--s3`` reads the shards from an
S3 server on loopback (moto, in Python). ``--figure FILE.png`` draws the cost of a map against the number of maps so far.
"""
# ruff: noqa: T201, S603

import argparse
import io
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from engines import Memory, small_model, texts
from PIL import Image
from reading import serve, shards, upload

from gazeshift.mapstore.lookup import maps_of

SIZE = 96
CLASSES = 101


def pictures(count: int) -> Iterator[tuple[int, bytes, str]]:
    """Small JPEGs, all different, with a text each."""
    rng = np.random.default_rng(0)
    for number in range(count):
        file = io.BytesIO()
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(file, "JPEG")
        yield number, file.getvalue(), f"a tasty dish, number {number}"


def run(folder: Path, root: str, out: Path, count: int) -> tuple[Memory, list[tuple[float, int]]]:
    """Run the command; its memory, and how many images were done when."""
    asked = [part for text in texts(count) for part in ("--text", text)]
    command = [sys.executable, "-m", "gazeshift", "maps", str(folder / "model"), "--data", root, "--split", "all"]
    process = subprocess.Popen([*command, "--out", str(out), *asked], stdout=subprocess.DEVNULL)
    memory = Memory(psutil.Process(process.pid))
    memory.start()
    done: list[tuple[float, int]] = []
    while process.poll() is None:
        time.sleep(1)
        if (out / "status.json").is_file():
            status = json.loads((out / "status.json").read_text())
            done.append((status["seconds"], status["done"]))
    if process.returncode:
        raise SystemExit("the run failed")
    return memory, done


def draw(done: list[tuple[float, int]], maps_per_image: int, path: Path) -> None:
    """The cost of a map in each stretch of the run."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    seconds, images = np.array(sorted(set(done))).T
    places = np.searchsorted(images, np.linspace(0, images[-1], 41)[1:])
    places = np.unique(np.minimum(places, len(images) - 1))
    cost = np.diff(seconds[places]) / (np.diff(images[places]) * maps_per_image) * 1e6
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.plot(images[places][1:] * maps_per_image, cost, ".-", color="#35618f")
    axes.set(xlabel="maps so far", ylabel="µs a map", ylim=(0, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    figure.savefig(path, dpi=150)


def lookup_ms(out: Path, keys: int = 50) -> float:
    """Median milliseconds to find the maps of one image."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    every = pq.read_table(out / "index.parquet")["key"].to_pylist()
    times = []
    for key in np.random.default_rng(0).choice(every, keys):
        started = time.perf_counter()
        maps_of(out, str(key))
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000


def main() -> None:
    """Run every number of pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 200_000])
    parser.add_argument("--texts", type=int, default=5)
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--figure", type=Path)
    asked = parser.parse_args()
    server, spawn = None, multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small_model(folder / "model", tuple(map(str, range(CLASSES))), size=128)  # 8 x 8 cells
        for count in asked.pairs:
            packed = folder / f"shards-{count}"
            packed.mkdir()
            shards(packed, pictures(count))
            root = str(packed)
            if asked.s3:
                if server is None:
                    found = spawn.Queue()
                    server = spawn.Process(target=partial(serve, found), daemon=True)
                    os.environ |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "key")
                    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
                    server.start()
                    os.environ["AWS_ENDPOINT_URL"] = found.get()
                root = upload(os.environ["AWS_ENDPOINT_URL"], packed, f"pairs-{count}")
            out = folder / f"maps-{count}"
            memory, done = run(folder, root, out, asked.texts)
            size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
            maps = json.loads((out / "manifest.json").read_text())["maps"]
            print(
                f"{'S3' if asked.s3 else 'tar'}: {count:9,} pairs, {maps:9,} maps: peak memory {memory.own:5.0f} MB, "
                f"{count / done[-1][0]:6.0f} images a second, {size / maps:5.1f} bytes a map, one image in {lookup_ms(out):.1f} ms",
                flush=True,
            )
        if asked.figure:
            draw(done, asked.texts, asked.figure)
        if server is not None:
            server.terminate()


if __name__ == "__main__":
    main()
