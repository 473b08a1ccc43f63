"""The commands that ask one model: its maps of an image or of a data set, its words, its layers."""

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
ImageFile = Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="The text.")]
Label = Annotated[str | None, typer.Option("--label", help="The true class, for --target label.")]
How = Annotated[str, typer.Option("--how", help="leave-out, or mask (the tokenizer's mask token).")]
Method = Annotated[str, typer.Option("--method", help="Saliency method; the default suits the model.")]
Pairs = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="ROOT",
        help="The pairs: a data root, a table, tar shards, or an address such as s3://BUCKET/FOLDER.",
    ),
]
Engine = Annotated[
    str, typer.Option("--engine", help="local: this process. ray: the cluster at RAY_ADDRESS, or one started here.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Shards at a time; one for each GPU, or each CPU.")
]
BatchSize = Annotated[
    int, typer.Option("--batch", min=1, help="Images per batch on a GPU; a CPU takes eight, whatever is said.")
]
Bfloat16 = Annotated[
    bool, typer.Option("--bfloat16", help="Run the trunk in bfloat16: faster on a GPU, maps within a few per cent.")
]
ImageColumn = Annotated[str | None, typer.Option(help="Table column with the image paths.")]
TextColumn = Annotated[str | None, typer.Option(help="Table column with the texts.")]
LabelColumn = Annotated[str | None, typer.Option(help="Table column with the classes.")]
SplitColumn = Annotated[str | None, typer.Option(help="Table column with the splits.")]
RegionColumn = Annotated[
    str | None,
    typer.Option(help="Table column that says where the thing is that the class names: mask, polygons, box."),
]
RegionColumns = Annotated[
    list[str] | None,
    typer.Option("--region", metavar="NAME=COLUMN", help="A further region and its table column; repeatable."),
]
RegionsFile = Annotated[str | None, typer.Option(help="Table of regions, one a row: image, name, mask or box.")]
Compiled = Annotated[
    bool, typer.Option("--compile", help="Compile the trunk: slower to start, then faster; same maps.")
]
Split = Annotated[str, typer.Option("--split", help="train, validation, test or all.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Spans = Annotated[
    list[str] | None,
    typer.Option(
        "--span", metavar="PHRASE", help="A phrase of the text, or START:END, instead of every word; repeatable."
    ),
]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="For hub: let Python code of the model's folder run.")
]


@asking.command(
    epilog='Example: gazeshift explain MODEL photo.jpg --text "tuna tartare" --text "red tomato ketchup" --out maps.png'
)
def explain(
    model: ModelAddress,
    image: ImageFile,
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
    label: Label = None,
    method: Method = "default",
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
    as_json: AsJson = False,
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
    image: ImageFile,
    text: Text,
    target: Annotated[
        str, typer.Option("--target", help="predicted (with the whole text), label, or a class name.")
    ] = "predicted",
    label: Label = None,
    span: Spans = None,
    how: How = "leave-out",
    method: Method = "default",
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
    as_json: AsJson = False,
) -> None:
    """Show which words of a text move the map of an image, and the logit of the class."""
    from gazeshift.cli.opening import address_of
    from gazeshift.cli.words import explain_words

    with interruptible("nothing was written."):
        address = address_of(model, as_, classes, prompt, trust_remote_code)
        explain_words(
            address,
            image,
            text,
            target,
            label=label,
            how=how,
            spans=span or [],
            method=method,
            out=out,
            as_json=as_json,
        )


@asking.command(epilog='Example: gazeshift regions MODEL photo.jpg "a red dog" --box dog=10,20,90,80 --out regions.png')
def regions(
    model: ModelAddress,
    image: ImageFile,
    text: Text,
    grid: Annotated[
        str | None,
        typer.Option("--grid", metavar="ROWSxCOLUMNS", help="Equal cells of what the model sees.", show_default="3x3"),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option("--box", metavar="NAME=LEFT,UPPER,RIGHT,LOWER", help="A box in the picture's pixels; repeatable."),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks", metavar="FILE.png", help="A picture of the same size whose pixels number the regions; 0 is none."
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option("--target", help="predicted (with the whole text), label, a class name, or 'A rather than B'."),
    ] = "predicted",
    label: Label = None,
    span: Spans = None,
    how: How = "leave-out",
    hide: Annotated[
        str,
        typer.Option("--hide", help="How a region is hidden: zero (mean colour), mean (the picture's), neighbours."),
    ] = "zero",
    method: Method = "default",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="PNG file to draw the table in.")
    ] = None,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """Show which word of a text goes with which region of an image: what they do to the class together, beyond each alone."""
    from gazeshift.cli.opening import address_of
    from gazeshift.cli.regions import explain_regions, regions_of

    with interruptible("nothing was written."):
        address = address_of(model, as_, classes, prompt, trust_remote_code)
        named = regions_of(grid, box or [], masks)
        explain_regions(
            address,
            image,
            text,
            named,
            target,
            label=label,
            how=how,
            hide=hide,
            spans=span or [],
            method=method,
            out=out,
            as_json=as_json,
        )


@asking.command(epilog="Example: gazeshift maps MODEL --data DIR --split test --edit colour --out maps")
def maps(
    model: ModelAddress,
    root: Pairs,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FOLDER", help="The folder to write the maps to; an unfinished run in it is continued."
        ),
    ],
    split: Split = "test",
    text: Annotated[
        list[str] | None,
        typer.Option("--text", help="A text to use for every image; repeatable. Without it, each pair's own text."),
    ] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option("--edit", help="An edit of each pair's own text, besides that text itself; repeatable."),
    ] = None,
    lexicon: Annotated[
        str, typer.Option("--lexicon", help="Words for the edits: a shipped lexicon, or a YAML file.")
    ] = "english",
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            help="predicted (with that text), label (each pair's own), all, or a class name (repeatable).",
            show_default="predicted",
        ),
    ] = None,
    method: Method = "default",
    image_column: ImageColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    split_column: SplitColumn = None,
    engine: Engine = "local",
    workers: Workers = None,
    batch: BatchSize = 8,
    bfloat16: Bfloat16 = False,
    compiled: Compiled = False,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Store the maps of a whole data set, from image files on: in bounded memory, continued after any interruption."""
    from gazeshift.cli.maps import Data, Texts, store_maps
    from gazeshift.cli.opening import address_of
    from gazeshift.saliency import Speed

    speed = Speed(batch, None, "bfloat16" if bfloat16 else "float32", compiled)
    with interruptible("the same command goes on where it stopped."):
        address = address_of(model, as_, classes, prompt, trust_remote_code)
        texts = Texts(tuple(text or ()), tuple(edit or ()), lexicon)
        columns = {
            "image_column": image_column,
            "text_column": text_column,
            "label_column": label_column,
            "split_column": split_column,
        }
        store_maps(
            address, Data(root, split, columns), out, texts, target=target or [], method=method, speed=speed, engine=engine, workers=workers
        )  # fmt: skip


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
    as_json: AsJson = False,
) -> None:
    """List the layers of a model that have a grid of cells, whether text reaches them, and which to explain at."""
    from gazeshift.cli.layers import list_layers
    from gazeshift.cli.opening import address_of

    with interruptible():
        list_layers(address_of(model, as_, classes, prompt, trust_remote_code), image, as_json)


@asking.command(epilog="Example: gazeshift guard python:mine:make --data pairs.csv --baseline guard.json")
def guard(
    model: ModelAddress,
    root: Pairs,
    baseline: Annotated[
        Path, typer.Option("--baseline", metavar="FILE.json", help="The record to compare with; written if missing.")
    ],
    split: Split = "test",
    images: Annotated[int, typer.Option("--images", min=10, help="Pairs at most, drawn evenly.")] = 100,
    method: Method = "default",
    margin: Annotated[
        float, typer.Option("--margin", min=0, max=1, help="The least change that counts, from 0 to 1.")
    ] = 0.02,
    record: Annotated[bool, typer.Option("--record", help="Write the baseline anew.")] = False,
    as_: As = None,
    classes: Classes = None,
    prompt: Prompt = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """Fail (exit code 1) if a new checkpoint reads the text more, or looks at the thing less, than the recorded one."""
    from gazeshift.cli.guard import guard_model
    from gazeshift.cli.opening import address_of

    with interruptible("no baseline was written."):
        guard_model(
            address_of(model, as_, classes, prompt, trust_remote_code),
            root,
            baseline,
            split=split,
            images=images,
            method=method,
            margin=margin,
            anew=record,
            as_json=as_json,
        )
