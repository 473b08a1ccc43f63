"""``gazeshift data plates OUT``: write a Plates data set."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gazeshift.data.plates import PlatesConfig, Written, write
from gazeshift.errors import UsageError

_DEFAULT = PlatesConfig()


def plates(
    out: Annotated[Path, typer.Argument(help="Folder to write; must not exist, be empty, or hold this very data set.")],
    train: Annotated[int, typer.Option(help="Training scenes.")] = _DEFAULT.train,
    test: Annotated[int, typer.Option(help="Test scenes.")] = _DEFAULT.test,
    size: Annotated[int, typer.Option(help="Side of the images in pixels.")] = _DEFAULT.size,
    seed: Annotated[int, typer.Option(help="Decides everything that is random.")] = _DEFAULT.seed,
    objects: Annotated[tuple[int, int], typer.Option(help="Fewest and most objects of a scene.")] = _DEFAULT.objects,
    dishes: Annotated[int, typer.Option(help="Number of dishes, the classes.")] = _DEFAULT.n_dishes,
    colours: Annotated[int, typer.Option(help="Number of colours.")] = _DEFAULT.n_colours,
    kappa: Annotated[
        float, typer.Option(help="Centre pull of the object that the text is about.")
    ] = _DEFAULT.kappa_target,
    kappa_distractor: Annotated[
        float | None, typer.Option(help="Centre pull of the others.", show_default="as --kappa")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Any other setting as NAME=VALUE, for example mix='{dish: 1}' or rho=1; repeatable."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core, at most 8")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Write Plates: pictures of plates with dishes, titles about one of them, and masks.

    Example: gazeshift data plates plates --train 4000 --test 1000 --size 128
    """
    values = _DEFAULT.to_dict() | {
        "train": train,
        "test": test,
        "size": size,
        "seed": seed,
        "objects": list(objects),
        "n_dishes": dishes,
        "n_colours": colours,
        "kappa_target": kappa,
        "kappa_distractor": kappa if kappa_distractor is None else kappa_distractor,
    }
    config = PlatesConfig.from_dict(values | dict(map(_setting, settings or [])))
    written = _write_with_progress(config, out, workers or min(8, os.cpu_count() or 1), quiet)
    Console(highlight=False, soft_wrap=True).print(_summary(written), markup=False)


def _setting(text: str) -> tuple[str, Any]:
    """``name=value`` with the value read as YAML."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: write it as NAME=VALUE.")
    try:
        return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {text}: the value cannot be read.") from error


def _write_with_progress(config: PlatesConfig, out: Path, workers: int, quiet: bool) -> Written:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("scenes", total=config.train + config.test)
        return write(config, out, workers, progress=lambda finished: bar.advance(task, finished))


def _summary(written: Written) -> str:
    scenes = ", ".join(f"{count:,} {split}" for split, count in written.scenes.items())
    kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in written.kinds.items())
    ceiling = f"{written.ceiling:.3f}"
    if written.test_ceiling != written.ceiling:
        ceiling += f" (test: {written.test_ceiling:.3f})"
    done = "Already there, nothing written" if written.reused else "Wrote"
    return f"{done}: {written.root} ({scenes})\nTitles: {kinds}\nBest possible accuracy from the image alone: {ceiling}"
