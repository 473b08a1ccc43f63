"""The measurement: what is timed for one model, and for all that we make claims about; ratios are of one and the same run."""

import multiprocessing
import os
import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from gazeshift.bench.contenders import PEERS, forward, installed_peers, offered_peers, ours, ours_many_texts
from gazeshift.bench.outside import measure_checks
from gazeshift.bench.pipeline import measure_pipeline
from gazeshift.bench.subject import Subject, compiled, make_subject
from gazeshift.bench.timing import Announce, extra_mb, interleave

LOOPED = 3
"""Texts that another tool's loop is measured on; its time for more is taken as proportional."""


@dataclass(frozen=True)
class BenchSettings:
    """What to measure.

    Attributes:
        model: a timm name.
        size: side of the images in pixels.
        batches: sizes of batches, each with maps of all images.
        texts: numbers of texts on one image, ascending.
        images: photos of the data set that is taken from JPEG files to stored maps; 0 leaves it out. Rounded to whole batches, of the
            last size.
        rounds: times each contender is measured, after one warm-up.
        device: ``cpu``, ``cuda`` or ``mps``.
        workers: threads that decode photos; one per CPU if None.
        compiled: our trunk, and that of the bare pass beside the data set, run through ``torch.compile``.
    """

    model: str = "inception_v3"
    size: int = 299
    batches: tuple[int, ...] = (8,)
    texts: tuple[int, ...] = (1000,)
    images: int = 64
    rounds: int = 5
    device: str = "cpu"
    workers: int | None = None
    compiled: bool = False


def run_bench(settings: BenchSettings, announce: Announce = lambda line: None) -> dict[str, Any]:
    """Measure one model, ours and the installed peers.

    Returns:
        ``batches``: one record per batch size, ``texts``: one per number of texts, ``outside``: the last batch as a model from outside
        (see ``measure_checks``), ``pipeline``: the data set (see ``measure_pipeline``); each with ``seconds`` (medians by contender)
        and ``ratios``. In ``ratios`` those of the last of each together: ``map_vs_forward`` and ``<peer>_vs_ours`` (seconds of a
        batch over the model's eager float32 forward pass, over ours), ``texts_loop_vs_ours`` (a peer's loop over the texts of one
        image, over ours), ``outside_checks_vs_none`` (with the checks over without), ``pipeline_vs_forward``.
        ``memory_mb``: how much higher the process's peak is for all texts of one image than for one. ``not_offered``: installed peers
        that have no map for this model. ``machine`` and ``settings``.
    """
    most = max(*settings.batches, 1)
    subject = make_subject(settings.model, settings.size, most, max(settings.texts), settings.device)
    subject = compiled(subject) if settings.compiled else subject
    peers = offered_peers(subject)
    texts = [
        _texts(subject, count, peers, settings, announce) for count in settings.texts
    ]  # first: later peaks hide these
    batches = [_batch(subject, count, peers, settings, announce) for count in settings.batches]
    result: dict[str, Any] = {
        "settings": asdict(settings),
        "machine": _machine(),
        "not_offered": [name for name in installed_peers() if name not in peers],
        "texts": texts,
        "batches": batches,
    }
    announce(f"{settings.model}: as a model from outside, with and without checks")
    result["outside"] = measure_checks(subject.first(settings.batches[-1]), settings.rounds, settings.device)
    ratios = batches[-1]["ratios"] | texts[-1]["ratios"] | result["outside"]["ratios"]
    if settings.images:
        announce(f"{settings.model}: {settings.images} JPEG files to stored maps")
        last = settings.batches[-1]
        result["pipeline"] = measure_pipeline(subject, settings.images, last, settings.rounds, settings.workers)
        ratios |= result["pipeline"]["ratios"]
    return result | {"ratios": ratios, "memory_mb": texts[-1]["memory_mb"]}


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


def run_all(settings: Sequence[BenchSettings], announce: Announce = lambda line: None) -> list[dict[str, Any]]:
    """Measure several models one after the other, each in a process of its own: peaks of memory are of a process."""
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
) -> dict[str, Any]:
    part = subject.first(count)
    works = {"forward": forward(part), "ours": ours(part), **{name: PEERS[name].work(part) for name in peers}}
    announce(f"{settings.model}: batch {count}: {', '.join(works)}")
    seconds = interleave(works, settings.rounds, settings.device)
    ratios = {"map_vs_forward": seconds["ours"] / seconds["forward"]}
    ratios |= {f"{name.replace('-', '_')}_vs_ours": seconds[name] / seconds["ours"] for name in peers}
    return {"batch": count, "seconds": seconds, "ratios": ratios}


def _texts(
    subject: Subject, count: int, peers: Sequence[str], settings: BenchSettings, announce: Announce
) -> dict[str, Any]:
    """All texts on one image; a peer, which knows nothing of texts, is called once for each."""
    announce(f"{settings.model}: one image, {count:,} texts")
    one = subject.first(1)
    many = ours_many_texts(replace(one, texts=subject.texts[:count]))
    memory = extra_mb(ours_many_texts(replace(one, texts=subject.texts[:1])), many, settings.device)
    seconds = interleave({"ours": many}, settings.rounds, settings.device)
    ratios: Mapping[str, float] = {}
    if peers:
        # Measured on a few texts, and by itself: beside its loop ours would be a rounding error.
        loop = interleave({"loop": _loop(one, peers[0])}, settings.rounds, settings.device)["loop"] / LOOPED * count
        seconds[f"{peers[0]}, one call per text"] = loop
        ratios = {"texts_loop_vs_ours": loop / seconds["ours"]}
    return {"texts": count, "seconds": seconds, "ratios": ratios, "memory_mb": memory}


def _loop(one: Subject, peer: str) -> Any:
    """Another tool on one image with a few texts, one call each, as its users must."""
    work, text = PEERS[peer].work(one), one.plain.text
    assert text is not None  # noqa: S101  # set by make_subject

    def all_of_them() -> None:
        for index in range(LOOPED):
            one.plain.text = text.rows(torch.tensor([index % len(text)], device=text.pooled.device))
            work()
        one.plain.text = text

    return all_of_them


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "platform": platform.platform(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
