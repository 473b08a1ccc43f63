"""The processes that train one model together: which one this is, how they meet, wait for each other and add up their numbers."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from gazeshift.errors import GazeshiftError, TrainingError, UsageError

T = TypeVar("T")

STEP_SECONDS = 50.0
"""How long a process waits for the others within a step of training before it gives up."""
_MEETING = timedelta(minutes=10)
"""How long the first process waits for the last to start."""
_PREPARING = timedelta(days=7)
"""How long they wait while one of them reads data or writes files; the end of a process is noticed at once all the same."""
_TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Ranks:
    """The place of this process among those that train together.

    Attributes:
        rank: its number among all, from 0; 0 writes the files.
        size: how many there are.
        local_rank: its number on its own machine.
        local_size: how many there are on each machine.
        restarted: whether ``torchrun`` started them again, after one had ended.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    restarted: bool = False

    @property
    def first(self) -> bool:
        """Whether this process prints and writes files."""
        return self.rank == 0

    @classmethod
    def told(cls, environment: Mapping[str, str]) -> "Ranks":
        """As ``torchrun`` (or whoever starts the processes) says in the environment; a single process where nothing is said.

        Raises:
            UsageError: what is said cannot be.

        Example:
            >>> Ranks.told({"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"})
            Ranks(rank=1, size=2, local_rank=1, local_size=2, restarted=False)
        """
        if any(name not in environment for name in _TOLD):
            return cls()
        size, rank = _number(environment, "WORLD_SIZE", "1"), _number(environment, "RANK", "0")
        local_size = _number(environment, "LOCAL_WORLD_SIZE", str(size))
        local_rank = _number(environment, "LOCAL_RANK", str(rank))
        if not 0 <= rank < size or not 0 <= local_rank < local_size:
            raise UsageError(
                f"RANK={rank} of WORLD_SIZE={size}, LOCAL_RANK={local_rank} of LOCAL_WORLD_SIZE={local_size}: ranks count from 0."
            )
        if size % local_size:
            raise UsageError(f"{size} processes, {local_size} of them here: start as many on every machine.")
        return cls(rank, size, local_rank, local_size, environment.get("TORCHELASTIC_RESTART_COUNT", "0") != "0")


@dataclass
class _Meeting:
    """What ``joined`` has opened."""

    ranks: Ranks = Ranks()
    patient: dist.ProcessGroup | None = None


_now = _Meeting()


def ranks() -> Ranks:
    """The place of this process among those that train together; a single process outside of ``joined``."""
    return _now.ranks


@contextmanager
def joined(timeout: float = STEP_SECONDS) -> Iterator[Ranks]:
    """Meet the other processes that ``torchrun`` started; within the block they train together. A single process has nobody to meet.

    All must call the functions that exchange something (``fit``, ``image_features``, ``text_features``) in the same order. Within
    another ``joined`` the block changes nothing.

    Args:
        timeout: seconds a process waits for the others within a step of training before it gives up.

    Raises:
        TrainingError: another process ended or did not answer in time.
        UsageError: more processes on this machine than CUDA devices.
    """
    told = Ranks.told(os.environ)
    if told.size == 1 or _now.ranks.size > 1:
        yield _now.ranks
        return
    with _naming_the_lost(told, timeout):
        _meet(told, timeout)
        try:
            yield told
            wait()  # nobody leaves before the first has written everything
        except BaseException:
            _now.ranks, _now.patient = Ranks(), None
            raise  # the groups are left as they are: closing them would wait for those that are gone
        _now.ranks, _now.patient = Ranks(), None
        dist.destroy_process_group()


def _meet(told: Ranks, timeout: float) -> None:
    cuda = torch.cuda.is_available()
    if cuda and told.local_size > torch.cuda.device_count():
        raise UsageError(
            f"{told.local_size} processes on a machine with {torch.cuda.device_count()} CUDA devices: start one process for each, "
            "or train on the CPU with CUDA_VISIBLE_DEVICES= (empty)."
        )
    if cuda:
        torch.cuda.set_device(told.local_rank)
    store, _, _ = next(rendezvous("env://", told.rank, told.size, timeout=_MEETING))
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if cuda else "gloo",
        store=store,
        rank=told.rank,
        world_size=told.size,
        timeout=timedelta(seconds=timeout),
    )
    patient = dist.new_group(backend="gloo", timeout=_PREPARING)
    assert isinstance(patient, dist.ProcessGroup)  # noqa: S101  # every process is a member
    _now.ranks, _now.patient = told, patient


@contextmanager
def _naming_the_lost(told: Ranks, timeout: float) -> Iterator[None]:
    """One line instead of the network's own errors, which have no type of their own (gloo) or several."""
    try:
        yield
    except GazeshiftError:
        raise
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or any(word in str(error) for word in _NETWORK)):
            raise
        raise TrainingError(
            f"training stopped: another of the {told.size} processes ended or did not answer for {timeout:g} s. "
            "The last finished epoch is kept; start all again with --resume (fit: resume=True)."
        ) from error


_NETWORK = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "Timed out waiting", "Broken pipe")


def wait() -> None:
    """Wait until every process is here, however long it takes."""
    if _now.patient is not None:
        dist.barrier(_now.patient)


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process goes through the block while the others wait, then they do: what it has cached they find.

    Where the machines share no disk, those of another machine do the work again.
    """
    here = ranks()
    if not here.first:
        wait()
    yield
    if here.first:
        wait()
    wait()


def from_first(work: Callable[[], T]) -> T:
    """What ``work`` returns in the first process, in all of them; only the first one runs it."""
    if _now.patient is None:
        return work()
    told = [work() if ranks().first else None]
    dist.broadcast_object_list(told, group=_now.patient, device=torch.device("cpu"))
    return told[0]  # type: ignore[return-value]


def gathered(value: T) -> list[T]:
    """The value of every process, in the order of their ranks, in all of them."""
    if _now.patient is None:
        return [value]
    values: list[T] = [value] * ranks().size
    dist.all_gather_object(values, value, group=_now.patient)
    return values


def added(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The sum over all processes, in all of them; ``values`` itself where there is only one."""
    if _now.patient is None:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total


def in_turn(count: int, work: Callable[[int], T]) -> Iterator[T]:
    """``work(0)`` to ``work(count - 1)``, in order, in every process; each process computes its share.

    Example:
        >>> list(in_turn(3, lambda number: number * number))
        [0, 1, 4]
    """
    here = ranks()
    if here.size == 1:
        yield from map(work, range(count))
        return
    for start in range(0, count, here.size):
        own = start + here.rank
        results: list[T | None] = gathered(work(own) if own < count else None)
        yield from results[: count - start]  # type: ignore[misc]


def check_alike(values: Mapping[str, object]) -> None:
    """Refuse to train together what is not the same training.

    Args:
        values: what must be equal in all processes, by name.

    Raises:
        TrainingError: names what differs, and where.
    """
    everywhere = gathered(dict(values))
    for rank, other in enumerate(everywhere):
        differs = [name for name, value in everywhere[0].items() if other[name] != value]
        if differs:
            raise TrainingError(
                f"process {rank} has a different {', '.join(differs)} than process 0; give all processes the same command, data and folder."
            )


def _number(environment: Mapping[str, str], name: str, default: str) -> int:
    text = environment.get(name, default)
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name}={text}: is not a whole number; start the processes with torchrun.") from None
