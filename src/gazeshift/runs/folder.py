"""The paths inside a run folder. All code that reads or writes one uses this."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Unit:
    """One model trained with one seed: the unit of work of a study.

    Example:
        >>> str(Unit("early-fusion", 0))
        'early-fusion seed 0'
    """

    model: str
    seed: int

    def __str__(self) -> str:
        return f"{self.model} seed {self.seed}"

    @property
    def tag(self) -> dict[str, str | int]:
        """The key columns of a table."""
        return {"model": self.model, "seed": self.seed}


@dataclass(frozen=True)
class RunFolder:
    """The folder of a study, finished or not.

    Attributes:
        path: the folder.

    Example:
        >>> RunFolder(Path("run")).maps(Unit("early-fusion", 0)).as_posix()
        'run/store/maps/early-fusion/seed-0.parquet'
    """

    path: Path

    @property
    def study(self) -> Path:
        """The resolved study file."""
        return self.path / "study.yaml"

    @property
    def summary(self) -> Path:
        """The figures (``gazeshift.runs.summary.Summary``)."""
        return self.path / "summary.json"

    @property
    def record(self) -> Path:
        """What is needed to judge the run and to reproduce it (``gazeshift.runs.record.RunRecord``)."""
        return self.path / "run.json"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """The lock of the study that is running here."""
        return self.path / ".lock"

    @property
    def steps(self) -> Path:
        """The folder of manifests of finished steps."""
        return self.path / "steps"

    @property
    def plates(self) -> Path:
        """The synthetic data of a study that makes its own."""
        return self.path / "plates"

    @property
    def cache(self) -> Path:
        """Recomputable data: crops, features, pretrained weights."""
        return self.path / "cache"

    @property
    def pretrained(self) -> Path:
        """Weights of the image trunk if the study pretrained it itself."""
        return self.cache / "pretrained.safetensors"

    @property
    def shelf(self) -> Path:
        """Weights that models share: a second name of the same files."""
        return self.cache / "frozen"

    @property
    def store(self) -> Path:
        """Maps and tables."""
        return self.path / "store"

    @property
    def audit(self) -> Path:
        """What was found in the data."""
        return self.store / "audit.json"

    @property
    def modifiers(self) -> Path:
        """The words that were crossed with the images, by kind."""
        return self.store / "modifiers.json"

    def table(self, kind: str) -> Path:
        """A table of the whole study."""
        return self.store / f"{kind}.parquet"

    def part(self, unit: Unit, kind: str) -> Path:
        """A unit's part of a table."""
        return self.store / "parts" / unit.model / f"{kind}-{unit.seed}.parquet"

    def maps(self, unit: Unit) -> Path:
        """A unit's maps."""
        return self.store / "maps" / unit.model / f"seed-{unit.seed}.parquet"

    def class_maps(self, unit: Unit) -> Path:
        """The maps of every class, for a unit that reads no text."""
        return self.store / "maps" / unit.model / f"classes-{unit.seed}.parquet"

    def comparison(self, first: str, second: str) -> Path:
        """Two given models' maps of the same pairs, compared."""
        return self.store / "comparisons" / first / f"{second}.parquet"

    def model(self, unit: Unit) -> Path:
        """The trained model, a folder."""
        return self.path / "models" / unit.model / f"seed-{unit.seed}"

    def log(self, unit: Unit) -> Path:
        """Logs of the training, and its checkpoint while it runs."""
        return self.path / "logs" / unit.model / f"seed-{unit.seed}"
