"""Shards on a Ray cluster: an actor for each accelerator or processor, on any node; the extra ``cluster``."""

import importlib
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from gazeshift.engine.devices import accelerators
from gazeshift.engine.job import MapJob, Shard
from gazeshift.engine.worker import Tell, Worker, streams_of
from gazeshift.errors import GazeshiftError, ModelError, UsageError
from gazeshift.mapstore.folder import ShardNote
from gazeshift.models import Classifier

_TRIES = 3
"""How often a shard is begun on workers that die before its own fault is assumed."""


def ray_cluster(
    job: MapJob, shards: Iterable[Shard], workers: int | None, tell: Tell
) -> Generator[ShardNote, None, None]:
    """Compute shards on actors of a Ray cluster; yields what each holds.

    The cluster is the one that ``RAY_ADDRESS`` names, else one that is started on this machine, reached only from it, with a token. Every
    node needs gazeshift, the model and the images under the same addresses, and writes into the same folder. A worker or a node that dies
    costs the shard that it was at, which another begins anew.

    Args:
        job: what is computed.
        shards: taken as they are needed.
        workers: actors; None: one for each GPU of the cluster, else one for each of its processors.
        tell: called with how many images are newly done, whenever a shard is.

    Raises:
        UsageError: Ray is not installed, or the cluster cannot be reached.
        ModelError: a shard was begun several times and its worker died each time.
    """
    ray = _ray()
    started = _connect(ray)
    try:
        yield from _on_actors(ray, job, iter(shards), workers, tell)
    finally:
        if started:
            ray.shutdown()


def _ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # actors without a GPU keep what they see
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError(
            "--engine ray: Ray is not installed; install it with: pip install 'gazeshift[cluster]', or leave out --engine."
        ) from error


def _connect(ray: Any) -> bool:
    """Whether a cluster was started, which then ends with the run."""
    if ray.is_initialized():
        return False
    there = os.environ.get("RAY_ADDRESS")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if there:
            ray.init(address=there, **quiet)
        else:
            ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"the cluster at RAY_ADDRESS={there}" if there else "a cluster on this machine"
        raise UsageError(f"--engine ray: {where} cannot be {'reached' if there else 'started'} ({error}).") from error
    return True


class _Remote:
    """A worker in a process of its own, on whichever node; addresses are read as the driver reads them."""

    def __init__(self, job: MapJob, cwd: str) -> None:
        self._job = job
        with suppress(OSError):  # another machine may lack it; absolute addresses work there
            os.chdir(cwd)

    @cached_property
    def _worker(self) -> Worker:
        model = self._job.model.open()
        digest = model.digest()
        if isinstance(model, Classifier):
            model = model.eval().to((accelerators() or ["cpu"])[0])
        return Worker(self._job, model, digest, streams_of(self._job, model))

    def compute(self, shard: Shard) -> ShardNote | GazeshiftError:
        """What the shard holds; errors that are meant for people come back as they are."""
        try:
            return self._worker(shard)
        except GazeshiftError as error:
            return type(error)(str(error))


def _on_actors(
    ray: Any, job: MapJob, shards: Iterator[Shard], workers: int | None, tell: Tell
) -> Generator[ShardNote, None, None]:
    gpus = int(ray.cluster_resources().get("GPU", 0))
    count = workers or gpus or int(ray.cluster_resources().get("CPU", 1))
    remote = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0)(_Remote)
    running: dict[Any, tuple[Any, Shard, int]] = {}
    waiting: list[tuple[Shard, int]] = []

    def begin(actor: Any) -> None:
        shard, tries = waiting.pop() if waiting else (next(shards, None), 0)
        if shard is not None:
            running[actor.compute.remote(shard)] = actor, shard, tries

    def new() -> Any:
        return remote.remote(job, str(Path.cwd()))

    for _ in range(count):
        begin(new())
    while running:
        (ready,), _ = ray.wait(list(running), num_returns=1)
        actor, shard, tries = running.pop(ready)
        try:
            note = ray.get(ready)
        except ray.exceptions.RayActorError as error:
            if tries + 1 == _TRIES:
                raise ModelError(
                    f"shard {shard.number} (from {shard.pairs[0].key!r}): {_TRIES} workers died while they computed it; look for too "
                    "little memory, or at these pictures."
                ) from error
            waiting.append((shard, tries + 1))
            begin(new())
            continue
        if isinstance(note, GazeshiftError):
            raise note
        tell(note.pairs)
        yield cast("ShardNote", note)
        begin(actor)
