"""Time and memory: contenders in turn, A B C A B C ..., medians, and the process's peak memory."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import torch

from gazeshift.bench.contenders import Work


def interleave(works: Mapping[str, Work], rounds: int, device: str = "cpu") -> dict[str, float]:
    """Median seconds of each, measured in turn after one warm-up each, so that ratios survive a noisy machine.

    Example:
        >>> sorted(interleave({"a": lambda: None, "b": lambda: None}, rounds=1))
        ['a', 'b']
    """
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


def peak_mb(device: str) -> float:
    """The highest memory so far in MB: of the process, or of what torch holds on a CUDA device."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def extra_mb(before: Work, work: Work, device: str) -> float:
    """MB by which ``work`` raises the peak above that of ``before``; 0 if something earlier in the process took more."""
    before()
    low = peak_mb(device)
    work()
    return peak_mb(device) - low


Announce = Callable[[str], None]
