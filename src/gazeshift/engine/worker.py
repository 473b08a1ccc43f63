"""The maps of shards as work for an engine: a worker is a model on a device, that computes and writes one shard after the other."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import torch

from gazeshift.engine.devices import accelerators
from gazeshift.engine.job import GROUP, MapJob, Shard
from gazeshift.engine.rows import write_rows
from gazeshift.engine.work import Tell
from gazeshift.errors import ModelError
from gazeshift.mapstore.folder import ShardNote
from gazeshift.models import Classifier
from gazeshift.models.adapters.given import Given
from gazeshift.saliency import MapBatch
from gazeshift.saliency.stream import map_stream
from gazeshift.saliency.stream_given import MapStream

Streams = Callable[[int], MapStream]
"""The maps of any pairs, by the number of images at once."""


def streams_of(job: MapJob, model: Classifier | Given) -> Streams:
    """Prepared once for each number of images at once; workers on one device share them."""

    @cache
    def prepared(batch: int) -> MapStream:
        speed = replace(job.speed, batch=batch, workers=job.speed.workers or _decoders())
        return map_stream(model, job.texts, job.method, speed, job.target)

    return prepared


@dataclass(frozen=True)
class MapWork:
    """The shards of a job, as work for an engine.

    Attributes:
        job: what is computed of each.
        opened: the job's model, if it is open in this process already; it does not travel to others.
    """

    job: MapJob
    opened: Classifier | Given | None = None

    def __reduce__(self) -> "tuple[type[MapWork], tuple[MapJob]]":
        return MapWork, (self.job,)

    def workers(self, count: int | None) -> "list[Worker]":
        """Workers of this process; None: one for each accelerator, else one for each processor.

        A classifier trained here is shared by the workers of a device. Of any other model every worker has one of its own, because its
        layers are watched while it runs; so it is one unless more are asked for.
        """
        model = self._open() if self.opened is None else self.opened
        if isinstance(model, Given):
            models = [model, *(self._open() for _ in range((count or 1) - 1))]
            return [Worker(self.job, each, model.digest(), streams_of(self.job, each)) for each in models]
        digest, devices = model.digest(), accelerators()
        copies = [cast("Classifier", self._open()).to(device) for device in devices] or [model.eval()]
        shared = [(each, streams_of(self.job, each)) for each in copies]
        count = count or len(devices) or os.cpu_count() or 1
        return [Worker(self.job, each, digest, streams) for each, streams in (shared * count)[:count]]

    def worker(self) -> "Worker":
        """The only worker of its process, on the first device that it sees."""
        model = self._open()
        digest = model.digest()
        if not isinstance(model, Given):
            model = model.eval().to((accelerators() or ["cpu"])[0])
        return Worker(self.job, model, digest, streams_of(self.job, model))

    def _open(self) -> Classifier | Given:
        with redirect_stdout(sys.stderr):  # what the user's own code prints is no result of ours
            return self.job.model.open()

    def name(self, shard: Shard) -> str:
        """Its number and its first image."""
        return f"shard {shard.number} (from {shard.pairs[0].key!r})"

    def done(self, note: ShardNote) -> int:
        """Its images."""
        return note.pairs


def _decoders() -> int:
    """Threads that decode for one worker: all of the machine shared by its accelerators; on a CPU, each worker is one of many."""
    devices = len(accelerators())
    return max(1, (os.cpu_count() or 1) // devices) if devices else 1


class Worker:
    """Computes the maps of shards.

    Args:
        job: what is computed.
        model: opened from ``job.model``, on its device.
        model_digest: of the model.
        streams: of the job and the model.
    """

    def __init__(self, job: MapJob, model: Classifier | Given, model_digest: str, streams: Streams) -> None:
        self._job, self._classes, self._digest, self._streams = job, model.classes, model_digest, streams
        on_cpu = not isinstance(model, Given) and model.device.type == "cpu"
        self._batch = GROUP if on_cpu else job.speed.batch

    def __call__(self, shard: Shard, tell: Tell = lambda images: None) -> ShardNote:
        """Compute and write a shard.

        Args:
            shard: the pairs.
            tell: called with how many images are newly done.

        Raises:
            ModelError: the model cannot be explained on one of the pictures, or one alone needs more memory than there is.
            DataError: the shard cannot be written.
        """
        torch.set_num_threads(self._job.threads)  # of this Python thread
        return write_rows(self._job, self._classes, self._digest, shard, self._computed(shard, tell))

    def _computed(self, shard: Shard, tell: Tell) -> Sequence[MapBatch]:
        texts_of = shard.texts_to_read if shard.texts else None
        while True:
            batches: list[MapBatch] = []
            try:
                for batch in self._streams(self._batch)(shard.pairs, texts_of):
                    batches.append(batch)
                    tell(_images(batch))
            except (torch.OutOfMemoryError, MemoryError) as error:
                if self._batch == 1:
                    raise ModelError(f"{self._job.model.at}: one image needs more memory than there is.") from error
            else:
                return batches
            tell(-sum(map(_images, batches)))  # they are computed again
            self._batch //= 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def _images(batch: MapBatch) -> int:
    return len(batch.pairs) + len(batch.skipped)
