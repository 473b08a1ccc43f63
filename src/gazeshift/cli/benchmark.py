"""``gazeshift benchmark``: tables of what the text does to where models look, on pictures whose truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gazeshift.atomic import atomic_folder, write_json
from gazeshift.benchmark import Benchmark, LeftOut, ModelResult, SceneSettings, run_benchmark, scenes_for
from gazeshift.benchmark.card import card
from gazeshift.benchmark.figure import draw
from gazeshift.benchmark.run import check_modalities
from gazeshift.benchmark.scenes import check_askable
from gazeshift.benchmark.tables import sheets
from gazeshift.cli.data_check import columns_of_regions
from gazeshift.cli.grids import grid_of
from gazeshift.cli.models import tell_kinds
from gazeshift.cli.opening import open_model
from gazeshift.cli.places import check_new_folder
from gazeshift.cli.printing import literal
from gazeshift.data.findings import count_kinds
from gazeshift.data.sources import load_pairs
from gazeshift.errors import ModelError, UsageError
from gazeshift.models import Model
from gazeshift.models.addresses import HUB, Address, Question
from gazeshift.pairs import Pair
from gazeshift.registry import folded, known_name
from gazeshift.saliency.cams import DEFAULT, METHODS

ALL = "all"


@dataclass(frozen=True)
class BenchmarkSettings:
    """What the command line asks for; see ``gazeshift benchmark --help``."""

    root: str | None
    columns: Mapping[str, Any]
    regions: tuple[str, ...]
    images: int
    tiles: str | None
    size: int | None
    methods: tuple[str, ...]
    seed: int


def addresses_of(models: Sequence[str], asked: Question) -> list[Address]:
    """Where the models are; how published ones are asked is said once, for all of them.

    Raises:
        UsageError: it is said, and none is published.

    Example:
        >>> [each.question.prompt for each in addresses_of(["mine", "hub:FOLDER"], Question(prompt="a {text}"))]
        [None, 'a {text}']
    """
    if asked.given and not any(model.startswith(HUB) for model in models):
        raise UsageError("--as, --class, --prompt and --trust-remote-code are for published models, hub:NAME.")
    return [Address(model, asked if model.startswith(HUB) else Question()) for model in models]


def benchmark_models(
    addresses: Sequence[Address], settings: BenchmarkSettings, out: Path | None, *, as_json: bool
) -> None:
    """Ask all models, print the tables, and write them with a figure and a card if asked to."""
    if out is not None:
        check_new_folder(out)
    methods = methods_of(settings.methods)
    photos = _photos(settings)
    for address in addresses[1:]:  # before the first is asked for minutes, which says what is wrong with itself
        _open(address, photos)
    asked = [_ask(address, photos, settings, methods) for address in addresses]
    record = Benchmark(
        seed=settings.seed,
        scenes=scene_notes(asked),
        models=tuple(result for each in asked for result in each.results),
        left_out=tuple(result for each in asked for result in each.left_out),
        not_asked=tuple(dict.fromkeys(why for each in asked for why in each.not_asked)),
    )
    if out is not None:
        with atomic_folder(out) as draft:
            write_json(draft / "benchmark.json", record.model_dump(mode="json"), indent=1)
            draw(record, draft / "benchmark.png")
            (draft / "CARD.md").write_text(card(record), encoding="utf-8")
    if as_json:
        typer.echo(record.model_dump_json())
    else:
        _print(record)


def _photos(settings: BenchmarkSettings) -> Sequence[Pair] | None:
    """The user's photos, with their regions; says what is wrong with them. Their texts are not read."""
    regions = columns_of_regions(settings.regions)
    if settings.root is None:
        if regions or any(settings.columns.values()):
            raise UsageError("columns and regions are those of the photos: give --data DIR, too.")
        if settings.tiles is not None or settings.size is not None:
            raise UsageError("--tiles and --size are those of mosaics of photos: give --data DIR, too.")
        return None
    found = load_pairs(settings.root, optional={"text"}, regions=regions, **settings.columns)
    for note in found.notes:
        typer.echo(f"{settings.root}: {note}", err=True)
    tell_kinds(settings.root, count_kinds([each for each in found.findings if each.kind != "missing text"]))
    return found.pairs


def methods_of(given: Sequence[str]) -> tuple[str, ...]:
    """The methods that a command line names, each once; ``all`` is every one there is.

    Raises:
        UsageError: an unknown one, or ``all`` with others.

    Example:
        >>> methods_of(["GradCAM", "grad-cam", "rise"]), len(methods_of(["all"])) > 10
        (('grad-cam', 'rise'), True)
    """
    if ALL in map(folded, given):
        if len(given) > 1:
            raise UsageError("--method all: it is every method already; give no other.")
        return tuple(METHODS)
    return tuple(dict.fromkeys(known_name({*METHODS, DEFAULT}, name, "method") for name in given))


@dataclass(frozen=True)
class Asked:
    """What one model was asked, and answered.

    Attributes:
        at: its address.
        classes: its classes, which decide what the pictures show.
        notes: what the sets of pictures are, by name.
        results: one for each method.
        left_out: methods that it has no maps of.
        not_asked: why sets of pictures are missing.
    """

    at: str
    classes: tuple[str, ...]
    notes: Mapping[str, str]
    results: tuple[ModelResult, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    not_asked: tuple[str, ...] = ()


def scene_notes(asked: Sequence[Asked]) -> dict[str, str]:
    """What each set of pictures is: once, or for each model if they know different classes, because then their pictures differ.

    Example:
        >>> scene_notes([Asked("a", ("cat",), {"plates": "2 plates"}), Asked("b", ("cat",), {"plates": "2 plates"})])
        {'plates': '2 plates'}
        >>> scene_notes([Asked("a", ("cat",), {"plates": "2 plates"}), Asked("b", ("dog",), {"plates": "2 plates"})])
        {'plates': 'other pictures for each model, because their classes differ; a: 2 plates; b: 2 plates'}
    """
    names = dict.fromkeys(name for each in asked for name in each.notes)
    found = {}
    for name in names:
        shown = {each.at: each for each in asked if name in each.notes}
        one = next(iter(shown.values())).notes[name]
        if len({frozenset(each.classes) for each in shown.values()}) == 1:
            found[name] = one
            continue
        every = "; ".join(f"{at}: {each.notes[name]}" for at, each in shown.items())
        found[name] = f"other pictures for each model, because their classes differ; {every}"
    return found


def _open(address: Address, photos: Sequence[Pair] | None) -> Model:
    """The model, if it can be asked."""
    model = open_model(address)
    if not model.classes:
        raise UsageError(f"{address.at}: say what its classes are, with --class.")
    check_modalities(model)
    check_askable(model.classes, photos)
    return model


def _ask(address: Address, photos: Sequence[Pair] | None, settings: BenchmarkSettings, methods: Sequence[str]) -> Asked:
    model = _open(address, photos)
    made = _made(settings)
    found: list[ModelResult] = []
    left_out: list[LeftOut] = []
    not_asked: list[str] = []
    with scenes_for(model.classes, photos, made, not_asked.append) as sets:
        for why in not_asked:
            _say(f"not asked about: {why}")
        for method in methods:
            try:
                found.append(run_benchmark(model, address.at, sets, method=method, seed=settings.seed, tell=_say))
            except (UsageError, ModelError) as error:
                if ALL not in map(folded, settings.methods):
                    raise
                _say(f"{model.name}, {method}: left out: {error}")
                left_out.append(LeftOut(name=model.name, method=method, why=str(error)))
        if not found:
            raise UsageError(left_out[-1].why)
        notes = {each.name: each.note for each in sets}
        return Asked(address.at, tuple(model.classes), notes, tuple(found), tuple(left_out), not_asked=tuple(not_asked))


def _made(settings: BenchmarkSettings) -> SceneSettings:
    made = SceneSettings(settings.images, seed=settings.seed)
    made = made if settings.tiles is None else replace(made, tiles=grid_of(settings.tiles, "--tiles"))
    return made if settings.size is None else replace(made, size=settings.size)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _print(record: Benchmark) -> None:
    console = Console()
    for sheet in sheets(record, brief=True):
        table = Table(title=literal(f"{sheet.title}, seed {record.seed}"), box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column(sheet.first)
        for name in sheet.columns:
            table.add_column(literal(name), justify="right")
        table.add_column("by chance", justify="right")
        for name, cells, chance in sheet.rows:
            table.add_row(name, *cells, chance)
        console.print(table)
    if len(record.methods) > 1:
        console.print("All questions of each method: --json, or CARD.md with --out.")
    for each in record.left_out:
        console.print(literal(f"Left out: {each.name}, maps of {each.method}: {each.why}"), soft_wrap=True)
