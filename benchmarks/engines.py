"""What an engine costs: the same maps by a bare loop, in this process, on Ray, by Ray Data and by Daft, each in a process of its own.

``ray-nodes`` is Ray on two nodes that are there before (their memory is not counted).

``python benchmarks/engines.py --pairs 20000`` prints a table: pairs a second, relative to the bare loop; peak memory of the driver and of
everything that it started; seconds from start to the first shard. Ray Data and Daft run only if they are installed; gazeshift uses neither.
"""
# ruff: noqa: T201, PLC0415, S603

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import torch
from nodes import two_nodes

from gazeshift.data.plates import PlatesConfig, write
from gazeshift.data.sources import load_pairs
from gazeshift.engine.job import MapJob, Shard, cut, maps_per_pair, shard_size
from gazeshift.engine.run import run_maps
from gazeshift.engine.worker import MapWork
from gazeshift.mapstore.store import MapFile
from gazeshift.models import (
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
    load,
    save,
)
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.saliency import stream_maps

SIZE = 96
COLOURS = ("red", "green", "blue", "yellow", "white", "brown", "black", "pink", "orange", "purple")


def small_model(folder: Path, classes: tuple[str, ...], size: int) -> None:
    """A small model with random weights: the time does not depend on them."""
    text, image = TextSpec(encoder="transformer", width=64, layers=1), ImageSpec(name="small_cnn")
    torch.manual_seed(0)
    parts = build_text(text, texts(10))
    spec = ModelSpec(
        name="early-fusion",
        image=image,
        text=parts.spec,
        head=HeadSpec(head="early-fusion", hidden=256),
        classes=classes,
        preprocessing=Preprocessing(size=size, crop_fraction=1),
    )
    save(build_classifier(spec, build_trunk(image, size), parts, 0).eval(), folder, {}, {})


def prepare(folder: Path, pairs: int) -> None:
    """Write pictures and the model."""
    write(PlatesConfig(size=SIZE, train=8, test=pairs), folder / "plates", workers=2)
    small_model(folder / "model", tuple(sorted({pair.label for pair in load_pairs(folder / "plates").pairs})), SIZE)


def texts(count: int) -> tuple[str, ...]:
    """As many texts."""
    return tuple(f"a {COLOURS[index % 10]} dish {index // 10 or ''}".strip() for index in range(count))


def job_of(folder: Path, out: Path, count: int) -> MapJob:
    """The work."""
    return MapJob(Address(str(folder / "model")), out, texts(count))


def pairs_of(folder: Path) -> list[Pair]:
    """The pairs."""
    return [pair for pair in load_pairs(folder / "plates").pairs if pair.split == "test"]


Say = Callable[[], None]
ALONE: dict[str, Any] = {
    "num_cpus": 2,
    "include_dashboard": False,
    "log_to_driver": False,
    "_node_ip_address": "127.0.0.1",
}
"""A Ray cluster of this process."""


def bare(folder: Path, out: Path, count: int, first: Say) -> None:
    """A loop over batches, and one file."""
    model = load(folder / "model")
    with MapFile(out) as file:
        for batch in stream_maps(model, pairs_of(folder), texts(count)):
            rows = [(pair.key, text) for pair in batch.pairs for text in texts(count)]
            maps = batch.maps.reshape(-1, *batch.maps.shape[3:])
            file.add(
                {"key": [key for key, _ in rows], "text": [text for _, text in rows], "logit": batch.logits.ravel()},
                maps,
            )
            first()


def ours(engine: str) -> Callable[[Path, Path, int, Say], None]:
    """As ``gazeshift maps --engine``."""

    def run(folder: Path, out: Path, count: int, first: Say) -> None:
        job, pairs = job_of(folder, out, count), pairs_of(folder)
        run_maps(
            job,
            load(folder / "model"),
            pairs,
            len(pairs),
            engine=engine,
            watch=lambda status: first() if status.shards else None,
        )

    return run


class Actor:
    """What Ray Data and Daft start once for each of their workers."""

    def __init__(self, job: MapJob) -> None:
        self.worker = MapWork(job).worker()

    def compute(self, shard: Shard) -> int:
        """Compute a shard."""
        return self.worker(shard).maps


def shards_of(folder: Path, job: MapJob) -> Iterator[Shard]:
    """The shards of the work."""
    pairs = pairs_of(folder)
    return cut(pairs, shard_size(len(pairs), maps_per_pair(job, 8)))


def ray_data(folder: Path, out: Path, count: int, first: Say) -> None:
    """Ray Data: shards are rows, an actor pool maps them."""
    import ray

    ray.init(address="local", **ALONE)
    job = job_of(folder, out, count)

    class Mapper:
        def __init__(self) -> None:
            self.actor = Actor(job)

        def __call__(self, row: dict) -> dict:
            return {"maps": self.actor.compute(row["item"])}

    shards = list(shards_of(folder, job))
    rows = ray.data.from_items(shards, override_num_blocks=len(shards))
    done = rows.map(Mapper, compute=ray.data.ActorPoolStrategy(size=2), num_cpus=1)
    for _ in done.iter_rows():
        first()


def daft_on(runner: str) -> Callable[[Path, Path, int, Say], None]:
    """Daft: one query, its embedded engine or Ray."""

    def run(folder: Path, out: Path, count: int, first: Say) -> None:
        import pickle

        import daft

        if runner == "ray":
            import ray

            ray.init(address="local", **ALONE)
            daft.set_runner_ray()
        job = job_of(folder, out, count)

        @daft.cls(max_concurrency=2)
        class Mapper:
            def __init__(self, asked: bytes) -> None:
                self.actor = Actor(pickle.loads(asked))  # noqa: S301  # our own

            @daft.method(return_dtype=daft.DataType.int64())
            def compute(self, shard: bytes) -> int:
                return self.actor.compute(pickle.loads(shard))  # noqa: S301

        mapper = Mapper(pickle.dumps(job))
        shards = [pickle.dumps(shard) for shard in shards_of(folder, job)]
        rows = daft.from_pydict({"shard": shards}).into_partitions(len(shards)).into_batches(1)
        for _ in rows.select(mapper.compute(daft.col("shard"))).iter_rows():
            first()

    return run


WAYS: dict[str, Callable[[Path, Path, int, Say], None]] = {
    "bare": bare,
    "local": ours("local"),
    "ray": ours("ray"),
    "ray-nodes": ours("ray"),
    "ray-data": ray_data,
    "daft": daft_on("native"),
    "daft-ray": daft_on("ray"),
}
NEEDS = {"ray": "ray", "ray-nodes": "ray", "ray-data": "ray", "daft": "daft", "daft-ray": "daft"}


class Memory(threading.Thread):
    """Peak memory of a process and of those that it started, in MB (shared pages divided among those that share them)."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process, self.own, self.all = process, 0.0, 0.0

    def run(self) -> None:
        """Look until the process has ended."""
        while self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE:
            try:
                own = self.process.memory_full_info().pss
                others = sum(child.memory_full_info().pss for child in self.process.children(recursive=True))
            except psutil.Error:
                continue
            self.own, self.all = max(self.own, own / 1e6), max(self.all, (own + others) / 1e6)
            time.sleep(0.5)


def measured(way: str, folder: Path, count: int) -> dict[str, float] | None:
    """One way, in a process of its own; None if it failed."""
    nodes = two_nodes() if way == "ray-nodes" else nullcontext()
    with tempfile.TemporaryDirectory(dir=folder) as out, nodes as there:
        asked = ["--way", way, "--folder", str(folder), "--out", f"{out}/maps", "--texts", str(count)]
        environment = os.environ if there is None else there.environment
        process = subprocess.Popen(
            [sys.executable, __file__, *asked], stdout=subprocess.PIPE, text=True, env=environment
        )
        memory = Memory(psutil.Process(process.pid))
        memory.start()
        printed, _ = process.communicate()
        if process.returncode:
            return None
        found = json.loads(printed.strip().splitlines()[-1])
    return {**found, "driver_mb": memory.own, "all_mb": memory.all}


def one(way: str, folder: Path, out: Path, count: int) -> None:
    """Run one way here, and print its times as JSON."""
    started, firsts = time.perf_counter(), list[float]()

    def first() -> None:
        if not firsts:
            firsts.append(time.perf_counter() - started)

    WAYS[way](folder, out, count, first)
    print(json.dumps({"seconds": time.perf_counter() - started, "first": firsts[0] if firsts else float("nan")}))


def main() -> None:
    """Measure every way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--texts", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        one(asked.way, asked.folder, asked.out, asked.texts)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        prepare(folder, asked.pairs)
        bare = float("nan")
        for way in asked.ways:
            if not find_spec(NEEDS.get(way, "torch")):
                print(f"{way:10} not installed")
                continue
            rounds = [found for _ in range(asked.rounds) if (found := measured(way, folder, asked.texts)) is not None]
            if not rounds:
                print(f"{way:10} failed")
                continue
            best = min(rounds, key=lambda times: times["seconds"])
            bare = best["seconds"] if way == "bare" else bare
            print(
                f"{way:10} {asked.pairs / best['seconds']:8.0f} pairs/s  {bare / best['seconds']:5.2f} of the bare loop  "
                f"first shard {best['first']:5.1f} s  driver {best['driver_mb']:6.0f} MB  all {best['all_mb']:6.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
