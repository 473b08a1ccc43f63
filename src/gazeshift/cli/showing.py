"""The command that shows models on a page."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.asking import As, Classes, Prompt, TrustRemoteCode
from gazeshift.cli.interrupt import interruptible

showing = typer.Typer()


@showing.command(
    epilog="Example: gazeshift app runs/plates/models/image-only/seed-0 runs/plates/models/early-fusion/seed-0 --data runs/plates/plates"
)
def app(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL ...]",
            help="Model folders, hub:NAME or python:MODULE:FACTORY; the study's, or the demo's, if none is named.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="ROOT", help="Pictures and texts to choose from; pictures can also be dropped."),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            "--study",
            metavar="RUN",
            help="A finished study: its samples can be sorted by what it found, its models are shown.",
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 7860,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen at. Whoever can reach another than this machine's own needs the token."
        ),
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option("--token", help="What the page's address must carry; drawn, where the host needs one.")
    ] = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Open a page: type a text, and watch what the models look at move."""
    from gazeshift.cli.app import serve
    from gazeshift.cli.opening import address_of

    addresses = [address_of(model, as_, classes, prompt, trust_remote_code) for model in models or []]
    with interruptible("the page has ended."):
        serve(addresses, data, study, host=host, port=port, token=token, browser=browser)
