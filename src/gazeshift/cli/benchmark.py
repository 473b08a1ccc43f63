"""``gazeshift benchmark``: one table of what the text does to where models look, on pictures whose truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gazeshift.atomic import atomic_folder, write_json
from gazeshift.benchmark import Benchmark, ModelResult, SceneSettings, run_benchmark, scenes_for
from gazeshift.benchmark.card import card
from gazeshift.benchmark.figure import draw
from gazeshift.benchmark.record import Answer
from gazeshift.cli.grids import grid_of
from gazeshift.cli.opening import open_model
from gazeshift.cli.places import check_new_folder
from gazeshift.data.sources import load_pairs
from gazeshift.errors import UsageError
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair
from gazeshift.saliency.cams import DEFAULT


@dataclass(frozen=True)
class BenchmarkSettings:
    """What the command line asks for; see ``gazeshift benchmark --help``."""

    root: str | None
    images: int
    tiles: str
    size: int
    method: str
    seed: int


def benchmark_models(
    addresses: Sequence[Address], settings: BenchmarkSettings, out: Path | None, *, as_json: bool
) -> None:
    """Ask all models, print the table, and write it with a figure and a card if asked to."""
    if out is not None:
        check_new_folder(out)
    photos = None if settings.root is None else load_pairs(settings.root, optional={"text"}).pairs
    scenes: dict[str, str] = {}
    found = tuple(_ask(address, photos, settings, scenes) for address in addresses)
    record = Benchmark(seed=settings.seed, method=settings.method or DEFAULT, scenes=scenes, models=found)
    if out is not None:
        with atomic_folder(out) as draft:
            write_json(draft / "benchmark.json", record.model_dump(mode="json"), indent=1)
            draw(record, draft / "benchmark.png")
            (draft / "CARD.md").write_text(card(record), encoding="utf-8")
    if as_json:
        typer.echo(record.model_dump_json())
    else:
        _print(record)


def _ask(
    address: Address, photos: Sequence[Pair] | None, settings: BenchmarkSettings, scenes: dict[str, str]
) -> ModelResult:
    model = open_model(address)
    if not model.classes:
        raise UsageError(f"{address.at}: say what its classes are, with --classes.")
    grid = grid_of(settings.tiles, "--tiles")
    asked = SceneSettings(settings.images, grid, settings.size, seed=settings.seed)
    with scenes_for(model.classes, photos, asked) as sets:
        scenes |= {each.name: each.note for each in sets}
        return run_benchmark(
            model,
            address.at,
            sets,
            method=settings.method,
            seed=settings.seed,
            tell=lambda line: typer.echo(line, err=True),
        )


def _print(record: Benchmark) -> None:
    console = Console()
    for name, note in record.scenes.items():
        table = Table(title=f"{name}: {note}, seed {record.seed}", box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("question")
        for model in record.models:
            table.add_column(model.name, justify="right")
        table.add_column("by chance", justify="right")
        columns = [{each.question: each for each in model.answers if each.scenes == name} for model in record.models]
        for question in dict.fromkeys(each for column in columns for each in column):
            cells = [_cell(column.get(question)) for column in columns]
            chance = next(column[question].chance for column in columns if question in column)
            table.add_row(question, *cells, f"{chance:g}")
        table.add_row("right, told the name", *(_share(model.accuracy.get(name)) for model in record.models), "")
        table.add_row("honest or shortcut", *(model.verdicts.get(name, "-") for model in record.models), "")
        console.print(table)


def _cell(answer: Answer | None) -> str:
    if answer is None or answer.value is None:
        return "-"
    low, high = answer.interval or (float("nan"),) * 2
    return f"{answer.value:.3f} [{low:.3f}, {high:.3f}]"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
