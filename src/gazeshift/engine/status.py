"""How far a run is: shown in the terminal, and in ``status.json`` for whoever watches from elsewhere."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gazeshift.atomic import write_json
from gazeshift.json_types import Json

EVERY = 2.0
"""Seconds between two writings of the file, at least."""
STALLED = 600.0
"""Seconds without a single image after which a run is said to stall."""


@dataclass
class Status:
    """Progress of a run; may be told from any thread.

    Attributes:
        path: the file.
        total: pairs; None if nobody knows.
        clock: seconds, from any start.
        say: called once, with one line, when the run stalls, and again after every recovery.
    """

    path: Path
    total: int | None
    say: Callable[[str], None] = lambda line: None
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    reused: int = 0
    failed: int = 0
    shards: int = 0
    _started: float = field(init=False)
    _moved: float = field(init=False)
    _written: float = field(init=False, default=float("-inf"))
    _stalled: bool = field(init=False, default=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._started = self._moved = self.clock()

    def images(self, count: int) -> None:
        """Some images are newly done."""
        with self._lock:
            self.done += count
            self._moved, self._stalled = self.clock(), False

    def shard(self, pairs: int, failed: int, *, reused: bool) -> None:
        """A shard is written, or was found written."""
        with self._lock:
            self.shards += 1
            self.failed += failed
            self.reused += pairs if reused else 0
            self._moved, self._stalled = self.clock(), False

    @property
    def rate(self) -> float | None:
        """Images a second in this run; None before the first."""
        seconds = self.clock() - self._started
        return self.done / seconds if self.done and seconds > 0 else None

    @property
    def eta(self) -> float | None:
        """Seconds to go; None if nobody knows."""
        rate = self.rate
        return None if rate is None or self.total is None else max(0, self.total - self.reused - self.done) / rate

    def look(self) -> None:
        """Write the file if its time has come, and say so if nothing moves any more."""
        now = self.clock()
        still = now - self._moved
        if still > STALLED and not self._stalled:
            self._stalled = True
            self.say(
                f"no image has been done for {still / 60:.0f} minutes ({self.reused + self.done:,} are): a worker may hang, or its storage."
            )
        if now - self._written >= EVERY:
            self.write("stalled" if self._stalled else "running")

    def write(self, state: str) -> None:
        """Write the file.

        Args:
            state: running, stalled, done or failed.
        """
        self._written = self.clock()
        write_json(self.path, self._values(state), indent=1)

    def _values(self, state: str) -> Json:
        rate, eta = self.rate, self.eta
        return {
            "state": state,
            "pairs": self.total,
            "done": self.reused + self.done,
            "of_earlier_runs": self.reused,
            "failed": self.failed,
            "shards": self.shards,
            "images_per_second": None if rate is None else round(rate, 2),
            "seconds_to_go": None if eta is None else round(eta),
            "seconds": round(self.clock() - self._started, 1),
            "updated": datetime.now(UTC).isoformat(timespec="seconds"),
        }
