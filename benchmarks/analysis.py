"""How long ``gazeshift analyse`` takes, and how much memory, on any number of synthetic stored maps.

    python benchmarks/analysis.py                                  # everything: 22,716 images x 100 texts x 5 models
    python benchmarks/analysis.py --images 2000 --models 2         # a part
    python benchmarks/analysis.py --images 10000 --models 1 --against ../main/src   # and the same by another checkout of gazeshift

Each map is the sum of a part of the image, a part of the text, and noise; about one in a hundred has no positive value. Maps are stored as
``gazeshift maps`` stores them, and removed at the end. The command runs in its own process; the peak memory is that of its largest process.
With ``--against`` both versions run in turn on the same maps, ``--repeats`` times each.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CLASSES = 101
SIDE = 8
IMAGES_AT_ONCE = 64


def write_maps(path: Path, images: int, texts: int, seed: int) -> None:
    """Store synthetic maps of one model."""
    rng = np.random.default_rng(seed)
    names = pa.array([f"class {place:03d}" for place in range(CLASSES)])
    words = pa.array([f"text number {place}" for place in range(texts)])
    nudges = 0.5 * rng.normal(size=(texts, SIDE, SIDE)).astype(np.float32)
    writer = None
    for start in range(0, images, IMAGES_AT_ONCE):
        some = np.arange(start, min(start + IMAGES_AT_ONCE, images))
        maps = _maps(rng, len(some), nudges)
        rows = len(maps)
        label = np.repeat(some * CLASSES // images, texts)
        predicted = np.where(rng.random(rows) < 0.8, label, rng.integers(0, CLASSES, rows))
        scale = np.abs(maps).max((1, 2))
        table = pa.table(
            {
                "key": pa.array([f"test/{image:06d}.jpg" for image in some]).take(
                    np.repeat(np.arange(len(some)), texts)
                ),
                "label": names.take(pa.array(label)),
                "text": words.take(pa.array(np.tile(np.arange(texts), len(some)))),
                "class": names.take(pa.array(predicted)),
                "logit": pa.array(rng.normal(size=rows)),
                "height": pa.array(np.full(rows, SIDE, np.int32)),
                "width": pa.array(np.full(rows, SIDE, np.int32)),
                "scale": pa.array(scale),
                "map": pa.FixedSizeListArray.from_arrays(
                    pa.array((maps / scale[:, None, None]).astype(np.float16).astype(np.float32).ravel()),
                    SIDE * SIDE,
                ),
            }
        )
        if writer is None:
            encoding = {"map.list.element": "BYTE_STREAM_SPLIT"}
            words_only = ["key", "label", "text", "class"]
            writer = pq.ParquetWriter(
                path, table.schema, compression="zstd", use_dictionary=words_only, column_encoding=encoding
            )
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _maps(rng: np.random.Generator, images: int, nudges: np.ndarray) -> np.ndarray:
    of_image = rng.normal(size=(images, 1, SIDE, SIDE)).astype(np.float32)
    noise = rng.standard_normal((images, len(nudges), SIDE, SIDE), dtype=np.float32)
    maps = (of_image + nudges + 0.3 * noise).reshape(-1, SIDE, SIDE)
    maps[rng.random(len(maps)) < 0.01] *= -1
    nowhere = rng.random(len(maps)) < 0.01
    maps[nowhere] = -np.abs(maps[nowhere])
    return maps


def main() -> None:
    """Write maps, run the command, and print one line and then JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=22_716)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--threads", type=int, help="one per processor by default")
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--wasserstein", type=int, default=10_000)
    parser.add_argument("--no-rows", action="store_true")
    parser.add_argument("--against", type=Path, metavar="SRC", help="src/ of another checkout, to compare with")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where maps and tables are written temporarily")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gazeshift-analysis-", dir=options.folder))
    try:
        files = [folder / f"model-{place}.parquet" for place in range(options.models)]
        for seed, path in enumerate(files):
            write_maps(path, options.images, options.texts, seed)
        for _ in range(options.repeats):
            for source in (None, options.against)[: 2 if options.against else 1]:
                sys.stdout.write(json.dumps(measure(options, files, folder / "tables", source)) + "\n")
                shutil.rmtree(folder / "tables")
    finally:
        shutil.rmtree(folder)


def measure(
    options: argparse.Namespace, files: Sequence[Path], out: Path, source: Path | None = None
) -> dict[str, object]:
    """Run the command once: of this checkout, or of the one whose ``src/`` is given, with its own defaults."""
    command = [sys.executable, "-c", "from gazeshift.cli.main import run; run()", "analyse", *map(str, files)]
    command += ["--out", str(out), "--wasserstein", str(options.wasserstein), "--json"]
    command += ["--no-rows"] if options.no_rows else []
    if source is None:
        command += ["--memory", options.memory]
        command += ["--threads", str(options.threads)] if options.threads else []
    environment = os.environ | ({"PYTHONPATH": str(source.resolve())} if source else {})
    load = os.getloadavg()[0]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603  # this interpreter
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"the command ended with {os.waitstatus_to_exitcode(status)}")
    maps = options.images * options.texts * options.models
    found = {
        "version": str(source) if source else "this",
        "images": options.images,
        "texts": options.texts,
        "models": options.models,
        "maps": maps,
        "threads": options.threads,
        "memory": options.memory,
        "wasserstein_pairs": options.wasserstein * options.models,
        "rows": not options.no_rows,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "maps_per_second": round(maps / seconds),
        "peak_process_mb": round(used.ru_maxrss / 1024),
        "stored_mb": round(sum(path.stat().st_size for path in files) / 1e6),
        "tables_mb": round(sum(path.stat().st_size for path in out.iterdir()) / 1e6),
        "load_before": round(load, 1),
        "cpus": os.cpu_count(),
    }
    sys.stderr.write(
        f"{found['version']}: {maps:,} maps in {seconds:,.1f} s, {found['cpu_seconds']} s of CPU time: "
        f"{found['maps_per_second']:,} maps a second, {found['peak_process_mb']:,} MB (load before: {load:.1f} on {os.cpu_count()} CPUs)\n"
    )
    return found


if __name__ == "__main__":
    main()
