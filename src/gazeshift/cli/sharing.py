"""``gazeshift card`` and ``gazeshift push``: a model for others."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.interrupt import interruptible

sharing = typer.Typer()

ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.", show_default=False)]
Run = Annotated[
    Path | None,
    typer.Option("--run", metavar="RUN", help="The folder of the study that trained it, for the card's figures."),
]
License = Annotated[
    str | None, typer.Option("--license", help="Of the weights, as the hub writes it, for example apache-2.0.")
]
Datasets = Annotated[
    list[str] | None, typer.Option("--dataset", help="Name on the hub of what it was trained on; repeatable.")
]


@sharing.command(epilog="Example: gazeshift card runs/plates/models/early-fusion/seed-0 --run runs/plates")
def card(model: ModelFolder, run: Run = None, license: License = None, datasets: Datasets = None) -> None:
    """Print a model's card: what its maps can show, and what the study found. gazeshift push uploads the same card."""
    from gazeshift.models import load
    from gazeshift.sharing import Publication, model_card

    with interruptible():
        loaded = load(model)  # the folder may be called seed-0
        typer.echo(str(model_card(loaded, loaded.name, run, Publication(license, tuple(datasets or ())))))


@sharing.command(
    epilog="Example: gazeshift push runs/plates/models/early-fusion/seed-0 me/plates-early-fusion --run runs/plates --private"
)
def push(
    model: ModelFolder,
    name: Annotated[
        str,
        typer.Argument(metavar="USER/NAME", help="Where on the hub; created if it is not there.", show_default=False),
    ],
    run: Run = None,
    license: License = None,
    datasets: Datasets = None,
    private: Annotated[
        bool | None,
        typer.Option("--private/--public", help="Who sees a new repository; by default what the account sets."),
    ] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", help="To upload to, created if it is not there; by default the main one.")
    ] = None,
    message: Annotated[str, typer.Option("--message", help="Of the commit.")] = "Upload model",
) -> None:
    """Upload a model with its card to the Hugging Face hub, in one commit, as whoever is logged in (hf auth login)."""
    from gazeshift.models import load
    from gazeshift.sharing import push_to_hub

    with interruptible("the hub has the whole model or none of it."):
        where = push_to_hub(
            load(model), name, run, license=license, datasets=tuple(datasets or ()), private=private, branch=branch, message=message
        )  # fmt: skip
        typer.echo(where)
