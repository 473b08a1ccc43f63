"""The command that searches over changes of a text."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.asking import (
    As,
    AsJson,
    Classes,
    ImageFile,
    Method,
    ModelAddress,
    Prompt,
    Spans,
    Text,
    TrustRemoteCode,
)
from gazeshift.cli.interrupt import interruptible

editing = typer.Typer()

_REGION = "a region: LEFT,UPPER,RIGHT,LOWER in the picture's pixels, or a mask (PNG, bright inside)"
Off = Annotated[str | None, typer.Option("--off", metavar="REGION", help=f"Move the map off {_REGION}.")]
Onto = Annotated[str | None, typer.Option("--onto", metavar="REGION", help="Move the map onto a region.")]
Shift = Annotated[
    float | None, typer.Option("--shift", metavar="BITS", help="Move the map by more than this, wherever to.")
]
Switch = Annotated[
    str | None,
    typer.Option("--switch", metavar="CLASS|any", help="Switch the predicted class: to this one, or to any."),
]
To = Annotated[
    float | None, typer.Option("--to", metavar="SHARE", help="For --off and --onto: the share of the map to pass.")
]
By = Annotated[
    float | None,
    typer.Option("--by", metavar="SHARE", help="Or by how much the share is to change.", show_default="0.1"),
]
Words = Annotated[str | None, typer.Option("--words", metavar="A,B,C", help="Words that may take the place of others.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--lexicon", metavar="[LEXICON:]KIND", help="Or words of a kind: colour, japanese:colour; repeatable."
    ),
]
CorpusOf = Annotated[
    Path | None,
    typer.Option(
        "--corpus", metavar="FILE.txt|ROOT", help="Or the words of a text file, or of a data root's training texts."
    ),
]
Top = Annotated[int, typer.Option("--top", min=1, help="Of these, the most frequent ones.")]
Delete = Annotated[bool, typer.Option("--delete/--no-delete", help="Whether words may be deleted.")]
Most = Annotated[int, typer.Option("--most", min=1, help="Changes at most.")]
Limit = Annotated[int, typer.Option("--limit", metavar="TEXTS", min=1, help="Texts to try at most.")]
Target = Annotated[
    str,
    typer.Option(
        "--target", help="Whose map: reference (the class predicted with the whole text), predicted, or a class."
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.png", help="PNG file to draw the two maps in, side by side.")
]


@editing.command(epilog='Example: gazeshift smallest MODEL photo.jpg "a red dog" --off 10,20,90,80 --words cat,tree')
def smallest(
    model: ModelAddress,
    image: ImageFile,
    text: Text,
    off: Off = None,
    onto: Onto = None,
    shift: Shift = None,
    switch: Switch = None,
    to: To = None,
    by: By = None,
    words: Words = None,
    lexicon: Kinds = None,
    corpus: CorpusOf = None,
    top: Top = 1000,
    delete: Delete = True,
    span: Spans = None,
    most: Most = 4,
    limit: Limit = 50_000,
    target: Target = "reference",
    method: Method = "default",
    out: Out = None,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """Find the fewest words to change so that the map leaves a region, or comes to it, or the class switches."""
    from gazeshift.cli.opening import address_of
    from gazeshift.cli.smallest import Sources, find_smallest, goal_of

    with interruptible("nothing was written."):
        address = address_of(model, as_, classes, prompt, trust_remote_code)
        sought = goal_of(off=off, onto=onto, shift=shift, switch=switch, to=to, by=by)
        find_smallest(
            address, image, text, sought, Sources(words, tuple(lexicon or ()), corpus, top), delete=delete, spans=span or [],
            most=most, limit=limit, target=target, method=method, out=out, as_json=as_json,
        )  # fmt: skip
