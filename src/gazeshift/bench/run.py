"""The measurement: what is timed for one model, and for all models that we make claims about; ratios are always within one run."""

import multiprocessing
import os
import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import torch

from gazeshift.bench.contenders import PEERS, Work, forward, installed_peers, offered_peers, ours, ours_many_texts
from gazeshift.bench.outside import many_texts, measure_checks
from gazeshift.bench.pipeline import measure_pipeline
from gazeshift.bench.results import BatchTimes, BenchResult, Machine, TextTimes
from gazeshift.bench.settings import BenchSettings
from gazeshift.bench.subject import Subject, make_subject
from gazeshift.bench.timing import Announce, extra_mb, interleave
from gazeshift.saliency import Speed

LOOPED = 3
"""Texts on which another tool's loop is timed; its time for more texts is extrapolated in proportion."""


_OUTSIDE = "ours, as a third-party model"
_LOOP_VS = {"ours": "texts_loop_vs_ours", _OUTSIDE: "texts_loop_vs_outside"}


def run_bench(settings: BenchSettings, announce: Announce = lambda line: None) -> BenchResult:
    """Measure one model, with gazeshift and the installed peers."""
    most = max(*settings.batches, 1)
    speed = Speed(settings.batches[-1], settings.workers, settings.precision, settings.compiled)
    subject = make_subject(settings.model, settings.size, most, max(settings.texts), settings.device, speed)
    peers = offered_peers(subject)
    # Texts first: later memory peaks would hide theirs.
    texts = [_texts(subject, count, peers, settings, announce) for count in settings.texts]
    batches = [_batch(subject, count, peers, settings, announce) for count in settings.batches]
    last = settings.batches[-1]
    outside, pipeline = None, None
    if settings.outside:
        announce(f"{settings.model}: as a third-party model, with and without checks")
        outside = measure_checks(subject.first(last), settings.rounds, settings.device)
    if settings.images:
        announce(f"{settings.model}: {settings.images} JPEG files to stored maps")
        pipeline = measure_pipeline(subject, settings.images, settings.rounds)
    missing = tuple(name for name in installed_peers() if name not in peers)
    return BenchResult(settings, _machine(), missing, tuple(texts), tuple(batches), outside, pipeline)


def all_settings(base: BenchSettings) -> list[BenchSettings]:
    """What ``gazeshift bench --all`` measures: InceptionV3 and ViT-B/16, small and usual batches, few and many texts."""
    cuda = base.device == "cuda"
    whole = replace(
        base,
        batches=(1, 8, 256) if cuda else (1, 8),
        texts=(1, 10, 100, 1000, 10_000) if cuda else (1, 10, 100, 1000),
    )
    models = (("inception_v3", 299), ("vit_base_patch16_224", 224))
    return [replace(whole, model=model, size=size) for model, size in models]


def goal_settings(base: BenchSettings) -> list[BenchSettings]:
    """What ``gazeshift bench --goals`` measures: only what ``GOALS`` are about."""
    whole = replace(base, batches=(8,), texts=(1000,), images=max(base.images, 256), outside=False)
    inception = replace(whole, model="inception_v3", size=299)
    compiled = replace(inception, texts=(1,), images=0, compiled=True)
    return [inception, compiled, replace(whole, model="vit_base_patch16_224", size=224)]


def run_all(settings: Sequence[BenchSettings], announce: Announce = lambda line: None) -> list[BenchResult]:
    """Measure several models one after the other, each in its own process, because peak memory is per process."""
    context = multiprocessing.get_context("spawn")
    results = []
    for each in settings:
        announce(f"{each.model}: batches of {_listed(each.batches)}, {_listed(each.texts)} texts on one image")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            results.append(pool.submit(run_bench, each).result())
    return results


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers)


def _batch(
    subject: Subject, count: int, peers: Sequence[str], settings: BenchSettings, announce: Announce
) -> BatchTimes:
    part = subject.first(count)
    works = {"forward": forward(part), "ours": ours(part), **{name: PEERS[name].work(part) for name in peers}}
    announce(f"{settings.model}: batch {count}: {', '.join(works)}")
    seconds = interleave(works, settings.rounds, settings.device)
    ratios = {"map_vs_forward": seconds["ours"] / seconds["forward"]}
    ratios |= {f"{name.replace('-', '_')}_vs_ours": seconds[name] / seconds["ours"] for name in peers}
    return BatchTimes(count, seconds, ratios)


def _texts(
    subject: Subject, count: int, peers: Sequence[str], settings: BenchSettings, announce: Announce
) -> TextTimes:
    """All texts on one image; a peer, which does not handle texts, is called once for each."""
    announce(f"{settings.model}: one image, {count:,} texts")
    one = subject.first(1)
    many = ours_many_texts(replace(one, texts=subject.texts[:count]))
    memory = extra_mb(ours_many_texts(replace(one, texts=subject.texts[:1])), many, settings.device)
    works: dict[str, Work] = {"ours": many}
    if settings.outside:
        works[_OUTSIDE] = many_texts(replace(one, texts=subject.texts[:count]))
    seconds = interleave(works, settings.rounds, settings.device)
    ratios: Mapping[str, float] = {}
    if peers:
        # Measured on a few texts, and by itself: beside its loop ours would be a rounding error.
        loop = interleave({"loop": _loop(one, peers[0])}, settings.rounds, settings.device)["loop"] / LOOPED * count
        seconds[f"{peers[0]}, one call per text"] = loop
        ratios = {_LOOP_VS[name]: loop / seconds[name] for name in works}
    return TextTimes(count, seconds, ratios, memory)


def _loop(one: Subject, peer: str) -> Work:
    """Another tool on one image with a few texts, one call each, as its users would have to."""
    work, text = PEERS[peer].work(one), one.plain.text
    assert text is not None  # noqa: S101  # set by make_subject

    def all_of_them() -> None:
        for index in range(LOOPED):
            one.plain.text = text.rows(torch.tensor([index % len(text)], device=text.pooled.device))
            work()
        one.plain.text = text

    return all_of_them


def _machine() -> Machine:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return Machine(os.cpu_count(), gpu, platform.platform(), str(torch.__version__), torch.get_num_threads())
