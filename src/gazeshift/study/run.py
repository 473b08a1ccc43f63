"""A study as one run that can be interrupted: steps that write to the run folder, each done once."""

from datetime import UTC, datetime
from pathlib import Path

from gazeshift.atomic import writing
from gazeshift.errors import ConfigError
from gazeshift.locks import alone
from gazeshift.report import write as write_report
from gazeshift.runs.folder import RunFolder
from gazeshift.runs.summary import Summary
from gazeshift.study.conclude import conclude
from gazeshift.study.config import StudyConfig
from gazeshift.study.load import write_study
from gazeshift.study.spread import SPREADS, do_units, prepare
from gazeshift.study.steps import Announce


def run_study(study: StudyConfig, run: Path, command: str, announce: Announce, progress: bool) -> Summary:
    """Run a study, or what is left of it, up to its report.

    Args:
        study: the settings.
        run: the run folder; created if missing.
        command: the command line, for the report.
        announce: called for every step.
        progress: show progress lines.

    Raises:
        ConfigError: ``run`` is a file or contains something other than a run.
        GazeshiftError: what the data, the models and the training raise.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    folder = RunFolder(run)
    _open_run(folder)
    with alone(folder.lock, "study"):
        return _run(study, folder, command, announce, progress, started)


def _run(study: StudyConfig, run: RunFolder, command: str, announce: Announce, progress: bool, started: str) -> Summary:
    write_study(study, run.study)
    work = prepare(study, run, announce, progress, SPREADS[study.engine])
    units = do_units(study, work)
    conclusion = conclude(study, work.pairs, run, work.steps, units, command, started)

    def report(_: str) -> None:
        write_report(run.path)

    work.steps.do("report", {"conclusion": conclusion.digest}, report, (run.report,))
    return conclusion.summary


def _open_run(run: RunFolder) -> None:
    """A run folder is new, empty, or an earlier run; one on a disk that filled up at once contains only the lock."""
    folder = run.path
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {folder}: this is a file; name a folder.")
    if folder.is_dir() and set(folder.iterdir()) - {run.lock} and not run.study.is_file():
        raise ConfigError(f"--out {folder}: the folder is not empty and does not hold a run; name a new one.")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
