"""Shards in this process: each on a thread, as many at a time as there are devices, or processors."""

import os
from collections.abc import Generator, Iterable
from contextlib import closing
from queue import SimpleQueue
from threading import Event
from typing import cast

from gazeshift.data.pool import map_ahead
from gazeshift.engine.devices import accelerators
from gazeshift.engine.job import MapJob, Shard
from gazeshift.engine.worker import Tell, Worker, streams_of
from gazeshift.mapstore.folder import ShardNote
from gazeshift.models import Classifier
from gazeshift.models.adapters.given import Given


class Ended(Exception):  # noqa: N818  # no error: nobody wants the shard any more
    """Ends the work on a shard when its run has ended."""


def local(job: MapJob, shards: Iterable[Shard], workers: int | None, tell: Tell) -> Generator[ShardNote, None, None]:
    """Compute shards on threads of this process; yields what each holds.

    PyTorch lets other threads run while it computes. A classifier trained here is shared by the workers of a device; of any other model
    every worker has one of its own, because its layers are watched while it runs.

    Args:
        job: what is computed.
        shards: taken as they are needed.
        workers: shards at a time; None: one for each accelerator, else one for each processor for a classifier trained here and one for any
            other model.
        tell: called with how many images are newly done, from any thread.
    """
    model = job.model.open()
    made = _of_given(job, model, workers or 1) if isinstance(model, Given) else _of_classifier(job, model, workers)
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in made:
        free.put(worker)

    ended = Event()

    def still_wanted(images: int) -> None:
        if ended.is_set():
            raise Ended
        tell(images)

    def compute(shard: Shard) -> ShardNote:
        worker = free.get()
        try:
            return worker(shard, still_wanted)
        finally:
            free.put(worker)

    with closing(map_ahead(compute, shards, len(made), ahead=len(made) + 1)) as done:
        try:
            yield from done
        finally:
            ended.set()  # before the threads are waited for: nobody waits for a shard that nobody wants


def _of_given(job: MapJob, model: Given, workers: int) -> list[Worker]:
    models = [model, *(job.model.open() for _ in range(workers - 1))]
    return [Worker(job, each, model.digest(), streams_of(job, each)) for each in models]


def _of_classifier(job: MapJob, model: Classifier, workers: int | None) -> list[Worker]:
    digest, devices = model.digest(), accelerators()
    copies = [cast("Classifier", job.model.open()).to(device) for device in devices] or [model.eval()]
    shared = [(each, streams_of(job, each)) for each in copies]
    count = workers or len(devices) or os.cpu_count() or 1
    return [Worker(job, each, digest, streams) for each, streams in (shared * count)[:count]]
