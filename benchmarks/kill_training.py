"""Kill a training in several processes: do the others end, with what words, and does it resume to the same weights?

``python benchmarks/kill_training.py --kills 20 --hangs 1``

Each time, a random process of a small training is killed (``kill -9``) at a random step, or stopped (``kill -STOP``, as a machine that
hangs) with ``--hangs``. Exits with 1 unless the others end within a minute with exit code 1 and one line, no half file is left, and the
same training, resumed, ends with the weights of one that was left alone, bit for bit.
"""
# ruff: noqa: T201

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from launching import Ended, start, wait

# Imported before any process is forked.
import gazeshift.training.engine
import gazeshift.training.module  # noqa: F401
from gazeshift.models import (
    Classifier,
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
)
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import Split, fit, recipe_of
from gazeshift.training.ranks import joined

SIZE, CLASSES, TEXTS = 32, ("apple", "lime", "berry"), ("red left", "green right", "blue", "")
RECIPE = recipe_of("plates", {"epochs": 3, "batch_size": 8})
CALLS = 3 * (5 + 1)
"""Of the head: five steps and one validation batch in each epoch."""
MINUTE = 60.0
SENT = "sent.txt"
"""When the victim sent itself the signal, by the machine's monotonic clock."""


def split(count: int, name: str, seed: int) -> Split:
    """Noise with one brighter channel, which is the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 200, (count, 3, SIZE, SIZE)).astype(np.uint8)
    images[np.arange(count), labels] += 55
    return Split(
        [f"{name}/{row}" for row in range(count)], [TEXTS[k] for k in labels], torch.from_numpy(labels), images
    )


def model() -> Classifier:
    """The same initial weights at every call."""
    spec = ModelSpec(
        name="early-fusion",
        image=ImageSpec(name="small_cnn"),
        text=TextSpec(encoder="transformer", width=8, heads=2, layers=1),
        head=HeadSpec(head="early-fusion", image_width=8, hidden=16, dropout=0.3),
        classes=CLASSES,
        preprocessing=Preprocessing(size=SIZE),
    )
    torch.manual_seed(0)
    return build_classifier(spec, build_trunk(spec.image, SIZE), build_text(spec.text, TEXTS), seed=0)


def training(
    folder: Path, *, resume: bool = False, victim: int = -1, call: int = 0, sent: int = 0
) -> Callable[[int], None]:
    """The work of each process; the victim sends itself a signal at a call of its head."""

    def work(rank: int) -> None:
        net, calls = model(), 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1
            if calls == call:
                (folder / SENT).write_text(str(time.monotonic()), encoding="utf-8")
                os.kill(os.getpid(), sent)

        if rank == victim:
            net.head.register_forward_pre_hook(count)
        with joined():
            fit(
                net, split(37, "train", 0), split(11, "validation", 1), RECIPE, 7, folder, resume=resume, progress=False
            )
        if rank == 0:
            torch.save(net.state_dict(), folder / "weights.pt")

    return work


def whole(size: int, folder: Path, *, resume: bool = False) -> dict[str, torch.Tensor]:
    """The weights of a training that nobody kills."""
    ended = wait(start(size, training(folder, resume=resume), folder), folder, 10 * MINUTE)
    if any(one is None or one.code or one.said for one in ended):
        raise SystemExit(f"a training that nobody killed ended with {ended}")
    return torch.load(folder / "weights.pt", weights_only=True)


def faults(others: list[Ended | None], sent: float, folder: Path) -> list[str]:
    """What is wrong with how the others ended after the victim had got its signal."""
    found = []
    for one in others:
        if one is None or one.at - sent > MINUTE:
            found.append("still ran after a minute")
        elif (
            one.code != 1
            or len(one.said.splitlines()) != 1
            or not one.said.startswith("training stopped: another of the")
        ):
            found.append(f"ended with exit code {one.code} and {one.said!r}")
    return found + [f"left {path.name}" for path in folder.rglob("*.unfinished")]


def main() -> int:
    """Kill, look, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--hangs", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    chosen, bad, slowest = random.Random(settings.seed), 0, 0.0
    with tempfile.TemporaryDirectory() as place:
        expected = whole(settings.ranks, Path(place) / "whole")
        for number in range(settings.kills + settings.hangs):
            sent = signal.SIGKILL if number < settings.kills else signal.SIGSTOP
            folder, victim = Path(place) / str(number), chosen.randrange(settings.ranks)
            call = chosen.randint(1, CALLS)
            started = start(settings.ranks, training(folder, victim=victim, call=call, sent=sent), folder)
            ended = wait(started, folder, 3 * MINUTE, without=victim)
            others, when = [one for rank, one in enumerate(ended) if rank != victim], float((folder / SENT).read_text())
            wrong = faults(others, when, folder)
            again = whole(settings.ranks, folder, resume=True)
            wrong += [f"other weights: {name}" for name in expected if not torch.equal(again[name], expected[name])]
            last = max(one.at - when if one else 3 * MINUTE for one in others)
            slowest, bad = max(slowest, last), bad + bool(wrong)
            print(
                f"{sent.name} to process {victim} at call {call}: the others ended {last:.1f} s later; {wrong or 'as they should'}",
                flush=True,
            )
    print(
        f"{settings.kills} kills, {settings.hangs} hangs of {settings.ranks} processes: {bad} not as they should; slowest {slowest:.1f} s"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
