"""The measurement: contenders in turn, A B C A B C ..., medians, and ratios within the same run; these survive a noisy machine."""

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from gazeshift.bench.contenders import PEERS, Work, forward, installed_peers, ours, ours_many_texts
from gazeshift.bench.subject import Subject, make_subject

LOOPED = 3
"""Texts that another tool's loop is measured on; its time for more is taken as proportional."""


@dataclass(frozen=True)
class BenchSettings:
    """What to measure.

    Attributes:
        model: a timm name.
        size: side of the images in pixels.
        batch: images at once.
        texts: texts on one image.
        rounds: times each contender is measured, after one warm-up.
        device: ``cpu``, ``cuda`` or ``mps``.
    """

    model: str = "inception_v3"
    size: int = 299
    batch: int = 8
    texts: int = 1000
    rounds: int = 5
    device: str = "cpu"


def run_bench(settings: BenchSettings, announce: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure ours and the installed peers.

    Returns:
        ``seconds``: medians by contender; ``ratios``: ``map_vs_forward``, and where the peer is installed ``<peer>_vs_ours`` and
        ``texts_loop_vs_ours`` (pytorch-grad-cam's loop over the texts of one image, or captum's without it); ``memory_mb``: how much
        higher the process's peak is for all texts of one image than for one; ``machine`` and ``settings``.
    """
    subject = make_subject(settings.model, settings.size, settings.batch, settings.texts, settings.device)
    peers = installed_peers()
    announce(f"{settings.model}: one image, {settings.texts} texts")
    memory = _extra_memory(subject)  # first: later peaks would hide it
    many = _interleave({"texts": ours_many_texts(subject)}, settings.rounds, settings.device)["texts"]
    works = {"forward": forward(subject), "ours": ours(subject), **{name: PEERS[name](subject) for name in peers}}
    announce(f"batch {settings.batch}: {', '.join(works)}")
    seconds = _interleave(works, settings.rounds, settings.device)
    ratios = {"map_vs_forward": seconds["ours"] / seconds["forward"]}
    ratios |= {f"{name.replace('-', '_')}_vs_ours": seconds[name] / seconds["ours"] for name in peers}
    if peers:
        announce(f"one image, the loop of {peers[0]}")
        loop = _loop(subject, peers[0], settings)
        seconds[f"{peers[0]}, loop over {settings.texts} texts (from {LOOPED})"] = loop
        ratios["texts_loop_vs_ours"] = loop / many
    seconds[f"ours, {settings.texts} texts on one image"] = many
    machine = {
        "cpus": os.cpu_count(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    return {"settings": asdict(settings), "machine": machine, "seconds": seconds, "ratios": ratios, "memory_mb": memory}


def _extra_memory(subject: Subject) -> float:
    """MB by which the process's peak grows from one text on one image to all texts on it."""
    ours_many_texts(replace(subject, texts=subject.texts[:1]))()
    before = _peak_mb()
    ours_many_texts(subject)()
    return _peak_mb() - before


def _loop(subject: Subject, peer: str, settings: BenchSettings) -> float:
    """Seconds of another tool for all texts of one image: measured on a few, one call each, as its users must."""
    single = replace(subject, images=subject.images[:1])
    work = PEERS[peer](single)
    text = subject.plain.text
    assert text is not None  # noqa: S101  # set by make_subject

    def all_of_them() -> None:
        for index in range(LOOPED):
            subject.plain.text = text.rows(torch.tensor([index % len(text)], device=text.pooled.device))
            work()
        subject.plain.text = text

    return _interleave({"loop": all_of_them}, settings.rounds, settings.device)["loop"] / LOOPED * settings.texts


def _interleave(works: Mapping[str, Work], rounds: int, device: str) -> dict[str, float]:
    """Median seconds of each, measured in turn after one warm-up each."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if device == "cuda":
                torch.cuda.synchronize()
            if round_:
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
