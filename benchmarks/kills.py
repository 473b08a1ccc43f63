"""Kill a run of ``gazeshift maps`` again and again, at any moment, and count what is lost, twice there, or computed again.

``python benchmarks/kills.py --engine local`` kills the driver with SIGKILL. ``--engine ray`` has a cluster of two nodes on this machine and
kills, in turn, the driver, a worker, and a node. After each kill the same command is started again if it has ended, until it is done; its
rows are compared with those of a run that nobody disturbed.
"""
# ruff: noqa: T201, S603

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from engines import prepare, texts
from nodes import Nodes, two_nodes

Times = dict[Path, int]


def command(folder: Path, out: Path, engine: str, count: int) -> list[str]:
    """The run."""
    asked = [part for text in texts(count) for part in ("--text", text)]
    return [
        *(sys.executable, "-m", "gazeshift", "maps", str(folder / "model"), "--data", str(folder / "plates")),
        *("--out", str(out), "--engine", engine, "--workers", "2", *asked),
    ]


def rows_of(out: Path) -> pa.Table:
    """Every row that is stored."""
    return pa.concat_tables([pq.read_table(path) for path in sorted((out / "maps").glob("part-*.parquet"))])


def written(out: Path) -> Times:
    """When each shard was written."""
    return {path: path.stat().st_mtime_ns for path in (out / "maps").glob("part-*.parquet")}


@dataclass
class Running:
    """What a run uses: two nodes with one processor each; none for the local engine."""

    environment: dict[str, str]
    nodes: Nodes | None = None

    @property
    def victims(self) -> list[str]:
        """What is killed in turn."""
        return ["driver"] if self.nodes is None else ["driver", "worker", "node"]

    def kill(self, victim: str, driver: subprocess.Popen[bytes]) -> bool:
        """Kill; whether there was anything to kill."""
        if victim == "driver":
            driver.kill()
            driver.wait()
            return True
        if victim == "worker":
            workers = [
                each
                for each in psutil.process_iter(["cmdline"])
                if "ray::_Remote" in " ".join(each.info["cmdline"] or [])
            ]
            if workers:
                os.kill(random.choice(workers).pid, signal.SIGKILL)
            return bool(workers)
        assert self.nodes is not None  # noqa: S101
        self.nodes.kill_second()
        return True


@contextmanager
def running(engine: str) -> Iterator[Running]:
    """What an engine runs on."""
    if engine == "local":
        yield Running(dict(os.environ))
        return
    with two_nodes() as nodes:
        yield Running(nodes.environment, nodes)


@dataclass
class Found:
    """What 20 kills did."""

    kills: Counter[str] = field(default_factory=Counter)
    again: int = 0


def disturbed(started: list[str], out: Path, there: Running, kills: int) -> Found:
    """Run until it is done, killing on the way."""
    found, seen = Found(), Times()
    driver = subprocess.Popen(started, env=there.environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while True:
        count, wanted = sum(found.kills.values()), len(seen) + random.randrange(3)
        while driver.poll() is None and (len(written(out)) < wanted or count == kills):
            time.sleep(random.random() / 20)  # at any moment of a shard
        now = written(out)
        found.again += sum(1 for path, when in seen.items() if now[path] != when)
        seen = now
        if driver.poll() == 0:
            return found
        victim = there.victims[count % len(there.victims)]
        if driver.poll() is None and there.kill(victim, driver):
            found.kills[victim] += 1
        if driver.poll() is not None:
            driver = subprocess.Popen(
                started, env=there.environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )


def main() -> None:
    """Kill, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--texts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, asked.pairs)
        whole = folder / "whole"
        subprocess.run(command(folder, whole, "local", asked.texts), check=True, stdout=subprocess.DEVNULL)
        with running(asked.engine) as there:
            out = folder / "killed"
            found = disturbed(command(folder, out, asked.engine, asked.texts), out, there, asked.kills)
        ours, theirs, shards = rows_of(out), rows_of(whole), len(written(out))
    keys, wanted = (
        Counter(zip(*(table[name].to_pylist() for name in ("key", "text_index")), strict=True))
        for table in (ours, theirs)
    )
    print(
        f"{asked.engine}: {sum(found.kills.values())} kills ({dict(found.kills)}) in a run of {shards} shards; "
        f"lost {sum((wanted - keys).values())}, twice {sum((keys - wanted).values())}, finished shards computed again {found.again}, "
        f"rows equal to an undisturbed run's: {ours.equals(theirs)}"
    )


if __name__ == "__main__":
    main()
