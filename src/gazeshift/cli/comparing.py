"""The commands that compare two texts on one image."""

from typing import Annotated

import typer

from gazeshift.cli.asking import AsJson, ImageFile, Label, ModelAddress
from gazeshift.cli.interrupt import interruptible

comparing = typer.Typer()


@comparing.command(
    epilog='Example: gazeshift mediate MODEL photo.jpg --text "tuna tartare" --text "red tomato ketchup" --json'
)
def mediate(
    model: ModelAddress,
    image: ImageFile,
    text: Annotated[list[str], typer.Option("--text", help="The old text, then the new one: give it twice.")],
    target: Annotated[
        str,
        typer.Option(
            "--target", help="reference (predicted with the first text), label, a class name, or 'A rather than B'."
        ),
    ] = "reference",
    label: Label = None,
    as_json: AsJson = False,
) -> None:
    """Measure how much of an answer's change comes along with the gaze alone, which is taken from one text into the pass with another."""
    from gazeshift.cli.mediate import mediate_texts
    from gazeshift.models.addresses import Address

    with interruptible():
        mediate_texts(Address(model), image, text, target, label=label, as_json=as_json)
