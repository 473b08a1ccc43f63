"""A finished study as the page shows it: its models, its pairs, and what it found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gazeshift.app.findings import Findings, findings_of
from gazeshift.errors import UsageError
from gazeshift.pairs import Pair
from gazeshift.report.store import FinishedRun, read_run
from gazeshift.runs.folder import Unit
from gazeshift.study.load import read_study
from gazeshift.study.pairs import read_pairs


@dataclass(frozen=True)
class Opened:
    """An opened study.

    Attributes:
        models: folders of its models of the first seed: without text first, then the one that the report is about.
        pairs: its pairs.
        findings: its measures of the first seed.
        root: where its data are.
    """

    models: Sequence[Path]
    pairs: Sequence[Pair]
    findings: Findings
    root: str


def open_study(path: Path) -> Opened:
    """Open a finished study.

    Raises:
        DataError: not a finished study, or its data are gone.
        UsageError: its models were not trained there, or it changed no text.
    """
    run = read_run(path)
    study = read_study(run.folder.study)
    root = study.data.root if study.data.root is not None else run.folder.plates
    found = read_pairs(study.data, root, needed=("test",), reads_text=False)
    return Opened(_models(run), found.all, findings_of(run.measures, run.lead or ""), str(root))


def _models(run: FinishedRun) -> list[Path]:
    lead = run.lead or run.model_names(sees_image=True)[0]
    names = dict.fromkeys(name for name in (run.roles.without_text(lead), lead) if name is not None)
    folders = [run.folder.model(Unit(name, run.first_seed)) for name in names]
    there = [folder for folder in folders if folder.is_dir()]
    if not there:
        raise UsageError(
            f"{run.folder.path} holds none of its models any more; name them: gazeshift app MODEL --study {run.folder.path}."
        )
    return there
