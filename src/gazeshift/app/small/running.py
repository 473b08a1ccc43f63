"""A study in a process of its own: started, watched through its run folder, stopped."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from gazeshift.runs.folder import RunFolder
from gazeshift.study.outlook import seconds_of_steps

LEASH = "gazeshift.app.small.leash"

_SECONDS_TO_END = 30


@dataclass(eq=False)
class RunningStudy:
    """A study that was started.

    Attributes:
        run: its run folder.
        steps: what it does, in order (``outlook``).
        missing: rows of the table that it leaves out, because their pictures are missing.
    """

    run: RunFolder
    steps: list[str]
    missing: int
    _process: subprocess.Popen[bytes]
    _said: IO[bytes]
    _began: float = field(default_factory=time.monotonic)
    _took: float | None = None

    @classmethod
    def start(cls, file: Path, run: Path, steps: list[str], missing: int, root: Path) -> "RunningStudy":
        """Start ``gazeshift study FILE --out RUN``; it ends with this process, and then ``root`` is removed.

        Raises:
            OSError: no process can be started.
        """
        said = tempfile.TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", LEASH, str(root), *command(file, run)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        return cls(RunFolder(run), steps, missing, process, said)

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        code = self._process.poll()
        if code is not None and self._took is None:
            self._took = time.monotonic() - self._began
        return code

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        return self._took if self.code is not None and self._took is not None else time.monotonic() - self._began

    @property
    def done(self) -> dict[str, float]:
        """Seconds of each finished step."""
        finished = seconds_of_steps(self.run)
        return {name: finished[name] for name in self.steps if name in finished}

    @property
    def now(self) -> str | None:
        """The first step that is not finished; None after the last."""
        done = self.done
        return next((name for name in self.steps if name not in done), None)

    @property
    def rest(self) -> float | None:
        """Estimated seconds to the end, each step taken to be as long as those of its kind were; None before a model is evaluated."""
        done = self.done
        known: dict[str, list[float]] = {}
        for name, seconds in done.items():
            known.setdefault(_kind(name), []).append(seconds)
        if "evaluate" not in known:
            return None
        usual = known["evaluate"]
        left = [known.get(_kind(name), usual) for name in self.steps if name not in done]
        return max(sum(sum(each) / len(each) for each in left), 1.0) if left else 0.0

    @property
    def error(self) -> str:
        """Its last line, which says in a sentence why it failed."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        own = [line.removeprefix("gazeshift: ") for line in lines if line.startswith("gazeshift: ")]
        return own[-1] if own else f"the study ended with exit code {self.code}: is there enough memory?"

    def stop(self) -> None:
        """End it and its children, and wait until they have ended."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None and self.code is None:
                os.write(self._process.stdin.fileno(), b"s")
        self.close()

    def close(self) -> None:
        """Let go of it: if it still runs, it ends."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._took = self.seconds
        self._said.close()


def command(file: Path, run: Path) -> list[str]:
    """The command that runs a study file."""
    return [sys.executable, "-m", "gazeshift", "study", str(file), "--out", str(run), "--quiet"]


def _kind(step: str) -> str:
    return step.partition(" ")[0]
