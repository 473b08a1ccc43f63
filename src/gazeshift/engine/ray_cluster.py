"""Work on a Ray cluster: an actor for each accelerator or processor, on any node; the extra ``cluster``."""

import importlib
import os
import socket
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Generic

from gazeshift.engine.work import Item, Result, Tell, Work
from gazeshift.errors import GazeshiftError, ModelError, UsageError

_REACHED_WITHIN = 10.0
_TRIES = 3
"""How often an item is begun on workers that die before its own fault is assumed."""


def ray_cluster(
    work: Work[Item, Result], items: Iterable[Item], workers: int | None, tell: Tell
) -> Generator[Result, None, None]:
    """Do items on actors of a Ray cluster.

    The cluster is the one that ``RAY_ADDRESS`` names, else one that is started on this machine, reached only from it, with a token. Every
    node needs gazeshift, the model and the images under the same addresses, and writes into the same folder. A worker or a node that dies
    costs the item that it was at, which another begins anew.

    Args:
        work: what is done.
        items: taken as they are needed.
        workers: actors; None: one for each GPU of the cluster, else one for each of its processors.
        tell: called with how many images are newly done, whenever an item is.

    Raises:
        UsageError: Ray is not installed, or the cluster cannot be reached.
        ModelError: an item was begun several times and its worker died each time.
    """
    with cluster() as ray:
        yield from _on_actors(ray, work, iter(items), workers, tell)


@contextmanager
def cluster() -> Iterator[Any]:
    """Ray, connected to the cluster for the time of the block; within another such block the cluster is that one's.

    Raises:
        UsageError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _ray()
    started = _connect(ray)
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()


def _ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # actors without a GPU keep what they see
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError(
            "engine ray: Ray is not installed; install it with: pip install 'gazeshift[cluster]', or use the engine local."
        ) from error


def _connect(ray: Any) -> bool:
    """Whether a cluster was started, which then ends with the run."""
    if ray.is_initialized():
        return False
    there = os.environ.get("RAY_ADDRESS")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if there:
        _check_reached(there)
    try:
        if there:
            ray.init(address=there, **quiet)
        else:
            # Local clusters have a token by default since Ray 2.59; the address keeps it from others' clusters, the node from networks.
            ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"the cluster at RAY_ADDRESS={there}" if there else "a cluster on this machine"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"engine ray: {where} cannot be {'reached' if there else 'started'} ({reason}).") from error
    return True


def _check_reached(address: str) -> None:
    """Ray itself tries for minutes, silently; what is no plain ``host:port`` is left to it."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=_REACHED_WITHIN).close()
    except OSError as error:
        raise UsageError(
            f"engine ray: nobody answers at RAY_ADDRESS={address} ({error.strerror or error}); start the cluster, or unset it to have one "
            "started here."
        ) from error


class _Remote(Generic[Item, Result]):
    """A worker in a process of its own, on whichever node; addresses are read as the driver reads them."""

    def __init__(self, work: Work[Item, Result], cwd: str) -> None:
        self._work = work
        with suppress(OSError):  # another machine may lack it; absolute addresses work there
            os.chdir(cwd)

    @cached_property
    def _worker(self) -> Callable[[Item, Tell], Result]:
        return self._work.worker()

    def do(self, item: Item) -> Result | GazeshiftError:
        """The result of an item; errors that are meant for people come back as they are."""
        try:
            return self._worker(item, lambda images: None)
        except GazeshiftError as error:
            return type(error)(str(error))


def _on_actors(
    ray: Any, work: Work[Item, Result], items: Iterator[Item], workers: int | None, tell: Tell
) -> Iterator[Result]:
    gpus = int(ray.cluster_resources().get("GPU", 0))
    count = workers or gpus or int(ray.cluster_resources().get("CPU", 1))
    remote = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0)(_Remote)
    running: dict[Any, tuple[Any, Item, int]] = {}
    waiting: list[tuple[Item, int]] = []

    def new() -> Any:
        return remote.remote(work, str(Path.cwd()))

    def begin(actor: Any) -> None:
        if not waiting:
            waiting.extend((item, 0) for item in islice(items, 1))
        if waiting:
            item, deaths = waiting.pop()
            running[actor.do.remote(item)] = actor, item, deaths

    for _ in range(count):
        begin(new())
    while running:
        (ready,), _ = ray.wait(list(running), num_returns=1)
        actor, item, deaths = running.pop(ready)
        try:
            result = ray.get(ready)
        except ray.exceptions.RayActorError as error:
            if deaths + 1 == _TRIES:
                raise ModelError(
                    f"{work.name(item)}: {_TRIES} workers died at it; look for too little memory, or at what it reads."
                ) from error
            waiting.append((item, deaths + 1))
            begin(new())
            continue
        if isinstance(result, GazeshiftError):
            raise result
        tell(work.done(result))
        yield result
        begin(actor)
