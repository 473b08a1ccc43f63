"""Small studies of the page's models on dropped files: one runs at a time, each in a folder of its own that ends with the server."""

import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import yaml

from gazeshift.app.house import House
from gazeshift.app.ready import READY
from gazeshift.app.small.asked import StartSmall
from gazeshift.app.small.dropped import Dropped
from gazeshift.app.small.running import RunningStudy
from gazeshift.app.small.settings import Studied, study_settings
from gazeshift.app.small.status import Status, found_in
from gazeshift.atomic import atomic_write
from gazeshift.data.sources import load_pairs
from gazeshift.errors import GazeshiftError, UsageError
from gazeshift.models.addresses import Address
from gazeshift.registry import lookup
from gazeshift.runs.folder import RunFolder
from gazeshift.runs.summary import read_summary
from gazeshift.study.load import read_study
from gazeshift.study.outlook import outlook

KEPT = 4
"""Small studies whose files are kept; the oldest that does not run makes room."""

BUSY = "a study is running on this server already: wait until it is done, or stop it on the page where it was started."


@dataclass(eq=False)
class SmallStudy:
    """One small study: its files and, once started, its process."""

    folder: Path
    dropped: Dropped
    running: RunningStudy | None = None

    @property
    def run(self) -> RunFolder:
        """Where the study writes."""
        return RunFolder(self.folder / "run")

    @property
    def runs(self) -> bool:
        """Whether its process runs."""
        return self.running is not None and self.running.code is None


@dataclass(eq=False)
class Workshop:
    """Where small studies are made.

    Attributes:
        models: of the page, by name.
    """

    models: Mapping[str, Studied]
    _root: Path | None = None
    _studies: OrderedDict[str, SmallStudy] = field(default_factory=OrderedDict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _closed: bool = False

    @classmethod
    def of(cls, house: House, addresses: Sequence[Address]) -> "Workshop":
        """For the models of a page.

        Args:
            house: the page's.
            addresses: where its models were opened from, in their order.
        """
        residents = zip(house.models.items(), addresses, strict=True)
        found = {name: Studied(address, resident.model.reads_text) for (name, resident), address in residents}
        return cls(MappingProxyType(found))

    @property
    def busy(self) -> bool:
        """Whether a study runs."""
        with self._lock:
            return any(study.runs for study in self._studies.values())

    def open(self) -> str:
        """Begin a small study; the name that it is asked for by, which cannot be guessed.

        Raises:
            UsageError: the server is ending.
        """
        with self._lock:
            if self._closed:
                raise UsageError("the server is ending.")
            if self._root is None:
                self._root = Path(tempfile.mkdtemp(prefix="gazeshift-"))
            name = secrets.token_urlsafe(24)
            folder = Path(tempfile.mkdtemp(dir=self._root))
            self._studies[name] = SmallStudy(folder, Dropped(folder / "data"))
            resting = [each for each, study in self._studies.items() if not study.runs]
            for each in resting[: max(len(self._studies) - KEPT, 0)]:
                self._forget(each)
            return name

    def keep(self, study: str, name: str, content: bytes) -> Status:
        """Keep a file for a study; see ``Dropped.keep``.

        Raises:
            UsageError: the study is unknown or runs, or as ``Dropped.keep``.
            ImageError, DataError: as ``Dropped.keep``.
        """
        found = self._find(study)
        if found.runs:
            raise UsageError("the study is running: stop it before you give it other files.")
        try:
            found.dropped.keep(name, content)
        except GazeshiftError as error:
            raise type(error)(_shown(found, str(error))) from None
        return self.status(study)

    def start(self, asked: StartSmall) -> Status:
        """Start a study.

        Raises:
            UsageError: another one runs, an unknown study, model or changed text, no table, or nothing to study.
            GazeshiftError: the table or the study's settings cannot be used; says why.
        """
        with self._lock:
            found = self._find(asked.study)
            if self.busy:
                raise UsageError(BUSY)
            for name in asked.models:
                lookup(self.models, name, "model")
            for name in asked.edits:
                lookup(dict.fromkeys(READY), name, "changed text")
            if not asked.models and not asked.train:
                raise UsageError("choose at least one model.")
            if found.dropped.table is None:
                raise UsageError("there is no table yet: drop a CSV with the columns image, text and label.")
            self._clear(found)
            try:
                found.running = self._started(found, asked, found.dropped.table)
            except GazeshiftError as error:
                raise type(error)(_shown(found, str(error))) from None
            return self.status(asked.study)

    def _started(self, found: SmallStudy, asked: StartSmall, table: Path) -> RunningStudy:
        loaded = load_pairs(table, "table")  # what is wrong with the table is said before anything runs
        missing = sum(finding.kind == "missing image" for finding in loaded.findings)
        file = found.folder / "study.yaml"
        settings = study_settings(asked, self.models, table)
        with atomic_write(file) as writing:
            writing.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        steps = outlook(read_study(file))
        return RunningStudy.start(file, found.run.path, steps, missing, self._root or found.folder)

    def status(self, study: str) -> Status:
        """Where a study stands.

        Raises:
            UsageError: there is no such study, or no longer.
        """
        with self._lock:
            found = self._find(study)
            files = {"table": found.dropped.table is not None, "pictures": found.dropped.pictures}
            running = found.running
            if running is None:
                return Status(state="gathering", **files)
            code, done = running.code, running.done
            steps = {"done": len(done), "total": len(running.steps), "seconds": running.seconds}
            files["missing"] = running.missing
            if code is None:
                return Status(state="running", now=running.now, rest=running.rest, **files, **steps)
            if code != 0:
                return Status(state="failed", error=_shown(found, running.error), **files, **steps)
            return Status(state="done", found=found_in(read_summary(found.run.path)), **files, **steps)

    def stop(self, study: str) -> Status:
        """Stop a study: its processes end and what they wrote is removed; the dropped files stay."""
        with self._lock:
            found = self._find(study)
            if found.runs:
                self._clear(found)
            return self.status(study)

    def page(self, study: str, name: str) -> Path:
        """A file of a finished study's report.

        Raises:
            UsageError: an unknown or unfinished study, or a file that does not belong to its report.
        """
        with self._lock:
            found = self._find(study)
            if found.running is None or found.running.code != 0:
                raise UsageError("the study is not finished: there is no report yet.")
            pages = {path.name: path for path in found.run.path.iterdir() if path.suffix in {".html", ".csv"}}
            pages[found.run.summary.name] = found.run.summary
            if name not in pages:
                raise UsageError("the report has no such file.")
            return pages[name]

    def close(self) -> None:
        """End what runs, and remove all files."""
        with self._lock:
            self._closed = True
            for name in list(self._studies):
                self._forget(name)
            if self._root is not None:
                shutil.rmtree(self._root, ignore_errors=True)

    def _find(self, name: str) -> SmallStudy:
        with self._lock:
            if name not in self._studies:
                raise UsageError("there is no such study (any more): begin a new one.")
            return self._studies[name]

    def _clear(self, study: SmallStudy) -> None:
        """End its process and remove what it wrote."""
        if study.running is not None:
            study.running.stop()
            study.running = None
        shutil.rmtree(study.run.path, ignore_errors=True)

    def _forget(self, name: str) -> None:
        study = self._studies.pop(name)
        self._clear(study)
        shutil.rmtree(study.folder, ignore_errors=True)


def _shown(study: SmallStudy, sentence: str) -> str:
    """A sentence without the server's own folders."""
    for folder in (study.dropped.folder, study.folder):
        sentence = sentence.replace(f"{folder}/", "")
    return sentence
