"""The command that tests models in public."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.asking import (
    As,
    AsJson,
    Classes,
    ImageColumn,
    LabelColumn,
    Prompt,
    RegionColumn,
    RegionColumns,
    RegionsFile,
    SplitColumn,
    TrustRemoteCode,
)
from gazeshift.cli.interrupt import interruptible

testing = typer.Typer()

Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        help="Saliency method; repeatable, or all: every method that the model has maps of.",
        show_default="the one that suits the model",
    ),
]


@testing.command(
    epilog="Example: gazeshift benchmark MODEL hub:openai/clip-vit-base-patch32 --data DIR --out benchmark"
)
def benchmark(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Model folders, hub:NAME, or python:module:factory; one or more."),
    ],
    root: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Labelled photos of the models' classes: mosaics are made of them, and regions asked about.",
        ),
    ] = None,
    region_column: RegionColumn = None,
    regions: RegionColumns = None,
    regions_file: RegionsFile = None,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    split_column: SplitColumn = None,
    images: Annotated[int, typer.Option("--images", min=10, help="Pictures of each set.")] = 200,
    tiles: Annotated[
        str | None, typer.Option("--tiles", help="Rows x columns of a mosaic.", show_default="2x2")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", min=64, help="Side of a mosaic in pixels.", show_default="448")
    ] = None,
    method: Methods = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of pictures and texts: the same seed, the same table.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="A new folder for benchmark.json, benchmark.png and CARD.md."),
    ] = None,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """Test any image+text model where the truth is known: does its map go where the text points, and only then?"""
    from gazeshift.cli.benchmark import BenchmarkSettings, addresses_of, benchmark_models
    from gazeshift.models.addresses import Question

    columns = {
        "image_column": image_column,
        "label_column": label_column,
        "split_column": split_column,
        "region_column": region_column,
        "regions_file": regions_file,
    }
    with interruptible("nothing was written."):
        benchmark_models(
            addresses_of(models, Question(as_, tuple(classes or ()), prompt, trust_remote_code)),
            BenchmarkSettings(
                root, columns, tuple(regions or ()), images, tiles, size, tuple(method or ("default",)), seed
            ),
            out,
            as_json=as_json,
        )
