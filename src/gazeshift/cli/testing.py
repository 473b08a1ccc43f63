"""The command that tests models in public."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.asking import As, AsJson, Classes, Method, Prompt, TrustRemoteCode
from gazeshift.cli.interrupt import interruptible

testing = typer.Typer()


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
        typer.Option("--data", metavar="DIR", help="Labelled photos of the models' classes; mosaics are made of them."),
    ] = None,
    images: Annotated[int, typer.Option("--images", min=10, help="Pictures of each set.")] = 200,
    tiles: Annotated[str, typer.Option("--tiles", help="Rows x columns of a mosaic.")] = "2x2",
    size: Annotated[int, typer.Option("--size", min=64, help="Side of a mosaic in pixels.")] = 448,
    method: Method = "default",
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
    from gazeshift.cli.benchmark import BenchmarkSettings, benchmark_models
    from gazeshift.cli.opening import address_of

    with interruptible("nothing was written."):
        benchmark_models(
            [address_of(model, as_, classes, prompt, trust_remote_code) for model in models],
            BenchmarkSettings(root, images, tiles, size, method, seed),
            out,
            as_json=as_json,
        )
