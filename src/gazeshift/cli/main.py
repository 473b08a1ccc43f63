"""The command line: thin; every command imports what it needs when it runs, so that help appears at once."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from gazeshift import __version__
from gazeshift.cli.asking import asking
from gazeshift.cli.comparing import comparing
from gazeshift.cli.data import data
from gazeshift.cli.editing import editing
from gazeshift.cli.interrupt import interruptible
from gazeshift.cli.sharing import sharing
from gazeshift.cli.showing import showing
from gazeshift.cli.testing import testing
from gazeshift.errors import GazeshiftError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Start with: gazeshift study configs/plates.yaml --out runs/plates",
)
app.add_typer(data, name="data")
app.add_typer(asking)
app.add_typer(comparing)
app.add_typer(editing)
app.add_typer(testing)
app.add_typer(sharing)
app.add_typer(showing)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gazeshift {__version__}")
        raise typer.Exit


@app.callback()
def gazeshift(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """How does a text act on what an image classifier looks at?"""


Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key of the study file, for example data.root=DIR; repeatable."
    ),
]
StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.")]


@app.command(
    epilog="Example: gazeshift study configs/food10.yaml --set data.root=DIR --set weights=FILE --out runs/food10"
)
def study(
    file: StudyFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The run folder; the same command continues an unfinished run.")
    ],
    settings: Settings = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the result.")] = False,
) -> None:
    """Train, look, compare, change the text and report, in one run that can be interrupted and continued."""
    from gazeshift.cli.study import run_study_command

    with interruptible("the same command continues where it stopped."):
        code = run_study_command(file, out, settings or [], quiet)
    raise typer.Exit(code)


@app.command(
    epilog="Example: gazeshift train configs/food10.yaml --model early-fusion --seed 1 --set data.root=DIR --out models/ef-1"
)
def train(
    file: StudyFile,
    model: Annotated[str, typer.Option("--model", help="Name of one of the study's models.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The model folder to write.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Training seed.")] = 0,
    settings: Settings = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted training from its last finished epoch.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1, help="Seconds that one of several processes waits for the others in a step."),
    ] = 50,
) -> None:
    """Train one model of a study and save it; in several processes with torchrun --nproc-per-node N -m gazeshift train ..."""
    from gazeshift.cli.models import train_model

    with interruptible("the same command with --resume continues from the last finished epoch."):
        train_model(file, model, out, seed, settings or [], resume, timeout)


@app.command(
    epilog="Example: gazeshift evaluate runs/plates/models/early-fusion/seed-0 --data runs/plates/plates --split test --json"
)
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.")],
    root: Annotated[str, typer.Option("--data", metavar="ROOT", help="The data root, or its address.")],
    split: Annotated[str, typer.Option("--split", help="train, validation or test.")] = "test",
    without: Annotated[str | None, typer.Option("--without", help="image or text: leave it out of every pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Accuracy of a saved model on a split of a data root, with the data options that the model was trained with."""
    from gazeshift.cli.models import evaluate_model

    with interruptible():
        evaluate_model(model, root, split, as_json, without)


@app.command(epilog="Example: gazeshift bench --model inception_v3 --batch 8 --texts 1000 --json")
def bench(
    model: Annotated[str, typer.Option("--model", help="A timm model name.")] = "inception_v3",
    batch: Annotated[int, typer.Option("--batch", min=1, help="Images per batch.")] = 8,
    texts: Annotated[int, typer.Option("--texts", min=1, help="Number of texts on one image.")] = 1000,
    images: Annotated[
        int, typer.Option("--images", min=0, help="JPEG photos to time from file to stored map; 0 skips this.")
    ] = 64,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each contender is timed.")] = 5,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or mps.")] = "cpu",
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Decoding threads; one per CPU.")] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile gazeshift's trunk.")] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="InceptionV3 and ViT-B/16, batches of 1 and 8 (and 256 on CUDA), 1 to 1,000 texts (10,000 on CUDA); many minutes.",
        ),
    ] = False,
    goals: Annotated[
        bool,
        typer.Option("--goals", help="Only what our goals are about, with a table of what was aimed at and found."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with medians and ratios.")] = False,
) -> None:
    """Time maps against the model's forward pass and other explainers, in one run."""
    from gazeshift.bench import BenchSettings
    from gazeshift.cli.bench import bench_command

    settings = BenchSettings(
        model=model, batches=(batch,), texts=(texts,), images=images, rounds=rounds, device=device, workers=workers, compiled=compiled
    )  # fmt: skip
    with interruptible():
        bench_command(settings, everything=everything, goals=goals, as_json=as_json)


@app.command(epilog="Example: gazeshift report runs/plates --out elsewhere")
def report(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the page and its tables; default: RUN.")
    ] = None,
) -> None:
    """Write the report of a finished run again."""
    from gazeshift.report import write

    with interruptible("nothing was written."):
        typer.echo(f"report: {write(run_folder, out)}")


@app.command(epilog="Example: gazeshift analyse early.parquet image-only.parquet --out tables")
def analyse(
    maps: Annotated[
        list[Path],
        typer.Argument(metavar="MAPS...", help="Folders or files of maps written by gazeshift maps or by a study."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The new folder to write the tables to.")],
    wasserstein: Annotated[
        int, typer.Option("--wasserstein", min=0, help="Number of random pairs per model for the Wasserstein distance.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of that random draw.")] = 0,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Number of threads; one per processor by default.")
    ] = None,
    memory: Annotated[
        str, typer.Option("--memory", help="Most memory for queries; what needs more goes through the disk.")
    ] = "1GB",
    no_rows: Annotated[
        bool, typer.Option("--no-rows", help="Do not write the table with the measures of every map.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure stored maps of any number, in one pass and in bounded memory: tables by class and text."""
    from gazeshift.cli.analyse import analyse_maps

    with interruptible("no folder was written."):
        analyse_maps(
            maps,
            out,
            wasserstein=wasserstein,
            seed=seed,
            threads=threads,
            memory=memory,
            rows=not no_rows,
            as_json=as_json,
        )


@app.command(
    "import-keras",
    epilog="Example: gazeshift import-keras inception_model_weights_0.72.hdf5 --classes food101/images/train --out models/gallo-image",
)
def import_keras(
    file: Annotated[Path, typer.Argument(metavar="FILE.hdf5", help="A model saved by Keras, or its weights alone.")],
    out: Annotated[Path, typer.Option("--out", metavar="MODEL", help="The model folder to write.")],
    classes: Annotated[
        Path | None,
        typer.Option(
            "--classes",
            metavar="PLACE",
            help="Names in the order of the outputs: a text file, or a folder of class folders.",
        ),
    ] = None,
    tokenizer: Annotated[
        str, typer.Option("--tokenizer", metavar="NAME", help="Hugging Face name or folder of BERT's tokenizer.")
    ] = "bert-base-uncased",
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", min=2, help="Length of every text; by default what the file says, else 20."),
    ] = None,
) -> None:
    """Turn the Keras files that Gallo et al. 2020 released (image-only, early fusion) into a model folder."""
    from gazeshift.cli.import_keras import import_keras_command

    with interruptible("nothing was written."):
        import_keras_command(file, out, classes, tokenizer, max_tokens)


@app.command(epilog="Example: gazeshift instrument --quick --out instrument.json")
def instrument(
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Use the oracle trunk instead of rendered pictures and a trained one: takes a few minutes."
        ),
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ROW", help="Run only this row of the table; repeatable.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Training seeds; all must meet the expectations.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with all measurements.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Also write the JSON to a file.")] = None,
) -> None:
    """Test the instrument on Plates, where the right answer is known; exit code 1 if a row is not as expected."""
    from gazeshift.cli.instrument import instrument_command

    with interruptible("nothing was written."):
        code = instrument_command(quick, only or [], seeds, as_json, out)
    raise typer.Exit(code)


@app.command(epilog="Example: gazeshift calibrate --draws 10000 --json")
def calibrate(
    draws: Annotated[int, typer.Option("--draws", min=100, help="Simulated tables per grid point.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the random numbers.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every grid point.")] = False,
) -> None:
    """Simulate the interval over seeds and classes where the truth is known; exit code 1 if it misses its targets."""
    from gazeshift.cli.calibrate import calibrate_command

    with interruptible("nothing was written."):
        code = calibrate_command(draws, seed, as_json)
    raise typer.Exit(code)


@app.command(epilog="Example: gazeshift explore runs/claims --model early-fusion --value js_distance")
def explore(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run with explain.modifiers above 0.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Name of one of its models; by default its early-fusion model.")
    ] = None,
    value: Annotated[
        str, typer.Option("--value", help="The effect of a word on the map: js_distance, coverage_change or within.")
    ] = "js_distance",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explore with a mixed model what a word's effect is associated with: kind, frequency with the class, size of the text's change."""
    from gazeshift.cli.explore import explore_command

    with interruptible():
        explore_command(run_folder, model, value, as_json)


def run() -> None:
    """Entry point: errors meant for users are one line on standard error."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except GazeshiftError as error:
        from gazeshift.cli.printing import plain

        typer.echo(f"gazeshift: {_speaker()}{plain(str(error))}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # unforeseen errors: a full disk, also for the output; a folder without permissions
        _drop_output()
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(f"gazeshift: {_speaker()}{place}cannot be read or written ({error.strerror or error}).", err=True)
        sys.exit(2)


def _speaker() -> str:
    """Which of several processes that ``torchrun`` started this is."""
    return "" if os.environ.get("WORLD_SIZE", "1") == "1" else f"process {os.environ.get('RANK')}: "


def _drop_output() -> None:
    """Python flushes the output when it exits; output that cannot be written must not cause a second error."""
    with suppress(OSError), open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
