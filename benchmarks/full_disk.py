"""Fill small disks on purpose: what is reported, what remains, and whether a study continues after space is freed.

``python benchmarks/full_disk.py --sizes 15``

Needs root on Linux, to mount file systems of a few kilobytes in memory (tmpfs). For each size a very small study of Plates runs with its
run folder and its temporary files on such a disk; then the disk is enlarged and the same command runs again. The same is done, for
every step, with a finished study in which that step and all later ones must be repeated. Every other command that writes is tried on ever
larger disks. Exits with 1 unless every command on a full disk ends with exit code 2 and one line that names a folder on that disk, without
a signal or a half-written file, and every continued study ends with the figures, maps, tables and weights of an undisturbed one, byte for
byte.
"""
# ruff: noqa: T201, S603, S607, PLC0415

import argparse
import importlib
import math
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STUDY = """
title: small
data: {plates: {size: 64, train: 48, test: 16, n_dishes: 4}, validation: 0.25, workers: 1}
preprocessing: {size: 64, crop_fraction: 1.0}
image: {name: small_cnn}
pretrain: {images: 32, epochs: 1}
text: {encoder: transformer, width: 16, layers: 1, heads: 2, vocabulary: 200}
head: {image_width: 0, hidden: 16}
recipe: adamw
training: {epochs: 1, batch_size: 16}
models:
  image-only:
  early-fusion: {recipe: plates}
seeds: [0]
explain: {edits: [paraphrase, paper-colour, other-object], samples: 1, modifiers: 3, windows: 2, checks: [modality],
  check_images: 4, wasserstein: 10}
"""
FEWEST_KB = 100
SPARE_KB = (0, 16, 128)
"""Free space on the disk when a step begins: none, or enough for some of its files."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: the signal that ended it), and what it printed to standard error."""

    code: int
    said: str


def gazeshift(arguments: Sequence[object], temporary: Path) -> Ended:
    """Run a command in a fork of this process, which has imported everything already, with its temporary files in a folder."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_in_child(arguments, temporary))
        _, status = os.waitpid(child, 0)
        err.seek(0)
        return Ended(os.waitstatus_to_exitcode(status), err.read().decode("utf-8", "replace"))


def _in_child(arguments: Sequence[object], temporary: Path) -> int:
    from gazeshift.cli.main import run

    os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
    sys.argv = ["gazeshift", *map(str, arguments)]
    try:
        run()
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:  # printed, as Python does
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of the given size."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def resize(disk: Path, kilobytes: int) -> None:
    """Resize a small disk, keeping its contents."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", disk], check=True)


def faults(ended: Ended, disk: Path) -> list[str]:
    """The faults in how a command ended on a full disk."""
    found = []
    if ended.code != 2:
        found.append(f"exit code {ended.code}")
    if ended.said.count("\n") != 1 or not ended.said.startswith("gazeshift: "):
        found.append(f"not one line: {ended.said!r}")
    if str(disk) not in ended.said or "disk is full" not in ended.said:
        found.append(f"names no folder of the full disk: {ended.said!r}")
    left = [path for path in disk.rglob("*") if {".unfinished", ".retired", ".partial"} & set(path.suffixes)]
    return found + [f"left behind: {path.relative_to(disk)}" for path in left]


RESULTS = ("summary.json", "*.csv", "store/**/*.parquet", "models/*/*/model.safetensors")


def differences(one: Path, other: Path) -> list[str]:
    """Results of two runs that should be identical byte for byte but differ."""
    there = [
        {str(path.relative_to(run)): path.read_bytes() for pattern in RESULTS for path in run.glob(pattern)}
        for run in (one, other)
    ]
    found = [
        f"differs: {name}"
        for name in sorted(there[0].keys() | there[1].keys())
        if there[0].get(name) != there[1].get(name)
    ]
    return found + ([] if (other / "report.html").is_file() else ["no report"])


def try_study(study: Path, undisturbed: Path, disk: Path, kilobytes: int, enough: int) -> list[str]:
    """Run a study on a disk of the given size, and again on one with enough space."""
    with small_disk(disk, kilobytes):
        (disk / "tmp").mkdir()
        return _full_then_free(f"{kilobytes:7,d} KB", study, undisturbed, disk, enough)


def try_step(place: int, spare: int, study: Path, undisturbed: Path, disk: Path, enough: int) -> list[str]:
    """Resume a study at one of its steps on a disk with a given number of kilobytes left, and again with enough space."""
    with small_disk(disk, enough):
        (disk / "tmp").mkdir()
        shutil.copytree(undisturbed, disk / "run")
        manifests = [disk / "run" / "steps" / name for name in steps_of(undisturbed)]
        for manifest in manifests[place:]:
            manifest.unlink()
        resize(disk, shutil.disk_usage(disk).used // 1024 + spare)
        return _full_then_free(f"{spare:7,d} KB left for {manifests[place].stem}:", study, undisturbed, disk, enough)


def _full_then_free(what: str, study: Path, undisturbed: Path, disk: Path, enough: int) -> list[str]:
    command = ["study", study, "--quiet", "--out", disk / "run"]
    first = gazeshift(command, disk / "tmp")
    found = [] if first.code == 0 else faults(first, disk)
    print(f"{what}  exit {first.code:3d}  {first.said.strip() or 'done'}", flush=True)
    resize(disk, enough)
    second = gazeshift(command, disk / "tmp")
    if second.code != 0:
        return [*found, f"did not go on: exit code {second.code}, {second.said!r}"]
    return found + differences(undisturbed, disk / "run")


def steps_of(run: Path) -> list[str]:
    """The manifests of a run's steps, in the order in which the steps ran."""
    return [path.name for path in sorted((run / "steps").iterdir(), key=lambda path: path.stat().st_mtime_ns)]


def try_command(name: str, arguments: Sequence[object], disk: Path, sizes: Sequence[int]) -> list[str]:
    """Run a command on ever larger disks until it has enough space."""
    found = []
    for kilobytes in sizes:
        with small_disk(disk, kilobytes):
            ended = gazeshift([*arguments], disk)
            print(f"{kilobytes:7,d} KB  exit {ended.code:3d}  {name}: {ended.said.strip() or 'done'}", flush=True)
            if ended.code == 0:
                return found
            found += [f"{name}, {kilobytes} KB: {fault}" for fault in faults(ended, disk)]
    return [*found, f"{name}: never had room"]


def commands(study: Path, run: Path, disk: Path) -> dict[str, list[object]]:
    """Try every other command that writes."""
    model, plates = run / "models" / "early-fusion" / "seed-0", run / "plates"
    picture = next((plates / "images" / "test").rglob("*.png"))
    maps = run / "store" / "maps"
    return {
        "maps": ["maps", model, "--data", plates, "--split", "all", *_texts(100), "--out", disk / "maps"],
        "analyse": [
            "analyse",
            maps / "early-fusion" / "seed-0.parquet",
            maps / "image-only" / "seed-0.parquet",
            "--out",
            disk / "tables",
        ],
        "report": ["report", run, "--out", disk / "report"],
        "train": ["train", _with_data(study, plates), "--model", "early-fusion", "--out", disk / "model"],
        "data plates": ["data", "plates", disk / "plates", "--train", 40, "--test", 8, "--size", 64, "--quiet"],
        "explain --save": ["explain", model, picture, *_texts(2000), "--save", disk / "maps.safetensors"],
        "explain --out": ["explain", model, picture, "--text", "donut", "--out", disk / "maps.png"],
        "words": ["words", model, picture, "a red donut", "--out", disk / "words.png"],
    }


def _texts(count: int) -> list[str]:
    return [part for number in range(count) for part in ("--text", f"donut {number}")]


def _with_data(study: Path, plates: Path) -> Path:
    """The study with existing data, since a single model has no run folder to write its own data in."""
    text = study.read_text().replace("plates: {size: 64, train: 48, test: 16, n_dishes: 4}", f"root: {plates}")
    path = study.with_name("alone.yaml")
    path.write_text(text.replace("pretrain: {images: 32, epochs: 1}\n", ""))
    return path


def geometric(least: int, most: int, count: int) -> list[int]:
    """Sizes from ``least`` to ``most``, each larger than the previous one by the same factor."""
    return [round(least * math.exp(math.log(most / least) * step / (count - 1))) for step in range(count)]


def main() -> None:
    """Try the sizes; print a line for each, and the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, default=15, help="number of sizes to try for the study's disk")
    parser.add_argument("--only", choices=("study", "commands"), help="run only one half")
    asked = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("full_disk.py: mounts file systems, so it needs root")
    for module in ("lightning.pytorch", "tensorboard.summary.writer.record_writer", "gazeshift.cli.study"):
        importlib.import_module(module)  # so that no fork has to
    found = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        study, run, disk = home / "small.yaml", home / "undisturbed", home / "disk"
        study.write_text(STUDY)
        ended = gazeshift(["study", study, "--quiet", "--out", run], home)
        if ended.code != 0:
            sys.exit(f"full_disk.py: the undisturbed study failed: {ended.said}")
        used = sum(path.stat().st_blocks for path in run.rglob("*")) // 2
        if asked.only != "commands":
            for kilobytes in geometric(FEWEST_KB, round(1.1 * used), asked.sizes):
                found += [
                    f"study, {kilobytes} KB: {fault}" for fault in try_study(study, run, disk, kilobytes, 4 * used)
                ]
            for place, step in enumerate(steps_of(run)):
                for spare in SPARE_KB:
                    found += [
                        f"{step}, {spare} KB: {fault}" for fault in try_step(place, spare, study, run, disk, 4 * used)
                    ]
        if asked.only != "study":
            for name, arguments in commands(study, run, disk).items():
                found += try_command(name, arguments, disk, geometric(4, 8 * 1024, 12))
    print("\n".join(found) or "every full disk gave one line, and every study continued to the same results")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
