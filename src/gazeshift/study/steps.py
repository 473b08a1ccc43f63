"""Steps that are not repeated: each writes a manifest last, with the digest of all its inputs."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gazeshift.atomic import write_json, writing
from gazeshift.json_types import Json
from gazeshift.runs.folder import RunFolder
from gazeshift.runs.record import Step

_VERSION = 2
"""Increased when the meaning of a step changes, so that results of an older gazeshift are not mistaken for new ones."""


@dataclass(frozen=True)
class Notice:
    """Something to tell whoever started the study, in one line."""

    text: str


Event = str | Step | Notice
"""A step's name before it starts, its record when it has ended, or a notice."""
Announce = Callable[[Event], None]
"""Told of the events of a study."""


def digest_of(values: Mapping[str, Any]) -> str:
    """Digest of plain values; equal values give equal digests in any order of keys.

    Example:
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
        True
    """
    text = json.dumps([_VERSION, values], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class Steps:
    """The steps of one run folder, in order.

    Attributes:
        run: the run folder.
        announce: called with the name of each step before it starts and with its record when it has ended.
        records: of the steps so far.
    """

    run: RunFolder
    announce: Announce = lambda event: None
    records: list[Step] = field(default_factory=list)

    def do(
        self, name: str, inputs: Mapping[str, Any], work: Callable[[str], None], outputs: tuple[Path, ...] = ()
    ) -> str:
        """Run a step unless it was done before from the same inputs and its outputs still exist.

        Args:
            name: unique in the run.
            inputs: plain values that decide the result, digests of earlier steps among them.
            work: runs it, given the digest of its inputs; must write ``outputs`` completely or raise.
            outputs: files or folders that the step writes.

        Returns:
            The digest of the inputs, to be an input of later steps.
        """
        digest = digest_of({"step": name, **inputs})
        manifest = self.run.steps / f"{name}.json"
        known = _read(manifest)
        if known.get("digest") == digest and all(output.exists() for output in outputs):
            self.take(Step(name=name, seconds=known["seconds"], state="reused"))
            return digest
        with writing(manifest):
            manifest.unlink(missing_ok=True)
        self.announce(name)
        start = time.perf_counter()
        work(digest)
        seconds = round(time.perf_counter() - start, 2)
        write_json(manifest, {"digest": digest, "seconds": seconds})
        self.take(Step(name=name, seconds=seconds, state="done"))
        return digest

    def take(self, record: Step) -> None:
        """Note a step that has ended, here or in another process."""
        self.records.append(record)
        self.announce(record)


def _read(manifest: Path) -> Json:
    try:
        known = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) and {"digest", "seconds"} <= known.keys() else {}
