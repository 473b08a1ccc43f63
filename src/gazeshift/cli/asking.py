"""The commands that ask one model about one image: its maps, and its words."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.interrupt import interruptible

asking = typer.Typer()

ModelAddress = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model folder, hub:NAME (a published model: a folder, or a name on the hub), or python:MODULE:FACTORY (your own).",
        show_default=False,
    ),
]
As = Annotated[str | None, typer.Option("--as", help="For hub: zero-shot, matching or answers.")]
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="For hub: a class, or an option of the answer; repeatable.")
]
Prompt = Annotated[str | None, typer.Option("--prompt", help="For hub: a template with {text}.")]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="For hub: let Python code of the model's folder run.")
]


@asking.command(
    epilog='Example: gazeshift explain MODEL photo.jpg --text "tuna tartare" --text "red tomato ketchup" --out maps.png'
)
def explain(
    model: ModelAddress,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")],
    text: Annotated[
        list[str] | None, typer.Option("--text", help="A text; repeatable. Without it, the empty text.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            help="predicted, reference (predicted with the first text), label, a class name, or 'A rather than B'.",
        ),
    ] = "predicted",
    label: Annotated[str | None, typer.Option("--label", help="The true class, for --target label.")] = None,
    method: Annotated[str, typer.Option("--method", help="Saliency method; the default suits the model.")] = "default",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="PNG file to draw the maps in, side by side.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE.safetensors", help="File to save the raw maps in.")
    ] = None,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draw what a model looks at in one image with one or more texts, and measure how the map moves."""
    from gazeshift.cli.explain import explain_image
    from gazeshift.cli.opening import address_of

    with interruptible("nothing was written."):
        address = address_of(model, as_, classes, prompt, trust_remote_code)
        explain_image(
            address, image, text or [""], target, label=label, method=method, out=out, save=save, as_json=as_json
        )


@asking.command(epilog='Example: gazeshift words MODEL photo.jpg "Ahi Tuna Tartare Recipes"')
def words(
    model: ModelAddress,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text.")],
    target: Annotated[
        str, typer.Option("--target", help="predicted (with the whole text), label, or a class name.")
    ] = "predicted",
    label: Annotated[str | None, typer.Option("--label", help="The true class, for --target label.")] = None,
    how: Annotated[str, typer.Option("--how", help="leave-out, or mask (the tokenizer's mask token).")] = "leave-out",
    method: Annotated[str, typer.Option("--method", help="Saliency method; the default suits the model.")] = "default",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.png|.html",
            help="PNG or HTML file to draw: the map, the coloured words, and the maps without the strongest words.",
        ),
    ] = None,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show which words of a text move the map of an image, and the logit of the class."""
    from gazeshift.cli.opening import address_of
    from gazeshift.cli.words import explain_words

    with interruptible("nothing was written."):
        address = address_of(model, as_, classes, prompt, trust_remote_code)
        explain_words(address, image, text, target, label=label, how=how, method=method, out=out, as_json=as_json)


@asking.command(epilog="Example: gazeshift layers python:mine:make --image photo.jpg")
def layers(
    model: ModelAddress,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="A picture that the model takes; noise without it.")
    ] = None,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the layers of a model that have a grid of cells, whether text reaches them, and which to explain at."""
    from gazeshift.cli.layers import list_layers
    from gazeshift.cli.opening import address_of

    with interruptible():
        list_layers(address_of(model, as_, classes, prompt, trust_remote_code), image, as_json)
