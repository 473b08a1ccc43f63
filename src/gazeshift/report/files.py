"""``write``: from a run folder to its report, whole or not at all."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from gazeshift.atomic import atomic_write
from gazeshift.drawing.overlay import Quality
from gazeshift.report import evidence_tables, tables
from gazeshift.report.classes import ranking
from gazeshift.report.comparisons import comparison_table
from gazeshift.report.distributions import centre_distribution, edit_distributions
from gazeshift.report.effects import effects
from gazeshift.report.habit import habits
from gazeshift.report.information import information
from gazeshift.report.model_checks import model_check_table
from gazeshift.report.page import Content, render
from gazeshift.report.samples import Readings, edit_samples, look_samples
from gazeshift.report.store import FinishedRun, read_run
from gazeshift.report.structures import structure_page, structure_table, structures

MAX_BYTES = 10_000_000
# From the best down; the first whose page is small enough is taken. Numbers and CSV tables are the same at every step.
QUALITIES = (
    Quality(288, 82),
    Quality(208, 78),
    Quality(160, 72),
    Quality(112, 60),
    Quality(96, 50, most=40),
    Quality(96, 50, most=10),
)


def write(run: Path, out: Path | None = None) -> Path:
    """Write ``report.html`` and the CSV tables of a finished run, and ``structures.html`` for one that compares many fusions.

    Reads only the run folder, never a model or a photo of the data. The page needs no other file and is at most 10 MB; if the pictures
    are too many for that they are shrunk, and the page says so.

    Args:
        run: the folder that ``gazeshift study`` wrote.
        out: the folder for the report, created if missing; None: the run folder.

    Returns:
        The path of the page.

    Raises:
        DataError: the run is unfinished (the message names what is missing), its files cannot be read, or the report cannot be written.

    Example:
        >>> write(Path("no-such-run"))
        Traceback (most recent call last):
        gazeshift.errors.DataError: no-such-run: no such run folder; create one with `gazeshift study STUDY.yaml --out no-such-run`.
    """
    finished = read_run(Path(run))
    content = gather(finished)
    distributions = [
        *content.edit_distributions,
        *([content.centre_distribution] if content.centre_distribution else []),
    ]
    written = [
        tables.accuracy_table(finished),
        tables.look_table(content.look),
        tables.edit_sample_table(content.edit),
        *tables.figure_tables(finished),
        tables.distribution_table(distributions),
        tables.check_table(finished),
        tables.claim_table(content.verdicts),
        evidence_tables.modifier_table(finished),
        evidence_tables.information_table(content.information),
        evidence_tables.model_table(content),
        evidence_tables.class_table(content.ranking),
        model_check_table(finished),
        comparison_table(finished),
        structure_table(content.structures),
    ]
    files = {f"{table.name}.csv": table.as_csv() for table in written}
    if content.structures is not None:
        files["structures.html"] = structure_page(finished, content.structures)
    files["report.html"] = fitting_page(content, QUALITIES, MAX_BYTES)
    place = finished.folder.path if out is None else Path(out)
    _replace(place, files)
    return place / "report.html"


def gather(run: FinishedRun) -> Content:
    """Everything for the page and the tables, from a run folder."""
    readings = Readings(run)
    return Content(
        run=run,
        verdicts=list(run.summary.claims.values()),
        look=look_samples(run, readings),
        edit=edit_samples(run, readings),
        edit_distributions=edit_distributions(run),
        centre_distribution=centre_distribution(run),
        effects=effects(run),
        habits=habits(run),
        information=information(run),
        mean_maps=run.mean_maps(),
        ranking=ranking(run),
        structures=structures(run),
    )


def fitting_page(content: Content, qualities: Sequence[Quality], max_bytes: int) -> bytes:
    """The page at the best quality within a size limit; at the lowest quality regardless of size."""
    page = b""
    notes: list[str] = []
    for quality in qualities:
        page = render(content, quality, notes).encode("utf-8", "replace")
        if len(page) <= max_bytes:
            break
        notes = ["The pictures on this page were shrunk to keep it within 10 MB; the CSV tables hold all samples."]
    return page


def _replace(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files before renaming any, so that a full disk leaves the earlier report intact."""
    with ExitStack() as unfinished:
        for name, content in reversed(files.items()):  # the page, begun first, takes its name last
            unfinished.enter_context(atomic_write(folder / name, parents=True)).write_bytes(content)
