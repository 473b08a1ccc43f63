"""``gazeshift data``: check data, or make synthetic ones. Thin: what a command needs is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.interrupt import interruptible

data = typer.Typer(help="Check data, or make synthetic ones.", no_args_is_help=True)


@data.command()
def check(
    root: Annotated[
        Path,
        typer.Argument(help="Folder of the data set, or a table; train.csv is that split, whole.", show_default=False),
    ],
    *,
    format: Annotated[str, typer.Option(help="Layout: auto, upmc, imagefolder, mmbt, table, texts_txt.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
    image_column: Annotated[str | None, typer.Option(help="Column of the image paths, of a table.")] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Column of the texts, of a table; text.en is a field.")
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the classes, of a table.")] = None,
    split_column: Annotated[str | None, typer.Option(help="Column of the splits, of a table.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Findings of each kind to name; --json names all.")] = 5,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Larger images count as corrupt.", show_default="89478485")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; as many as CPUs by default.")] = None,
) -> None:
    """Decode every image of a data set and report what is in it and what is wrong with it.

    Exit code: 0 clean (a study of these pairs would run), 1 findings, 2 unusable.

    Example: gazeshift data check data/food101 --json
    """
    from gazeshift.cli.data_check import check_data

    with interruptible():
        code = check_data(
            root,
            format,
            image_column=image_column,
            text_column=text_column,
            label_column=label_column,
            split_column=split_column,
            show=show,
            max_pixels=max_pixels,
            workers=workers,
            as_json=as_json,
        )
    raise typer.Exit(code)


@data.command()
def plates(
    out: Annotated[Path, typer.Argument(help="Folder to write; must not exist, be empty, or hold this very data set.")],
    train: Annotated[int | None, typer.Option(help="Training scenes.", show_default="10000")] = None,
    test: Annotated[int | None, typer.Option(help="Test scenes.", show_default="2000")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the images in pixels.", show_default="96")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides everything that is random.", show_default="0")] = None,
    objects: Annotated[
        tuple[int, int] | None, typer.Option(help="Fewest and most objects of a scene.", show_default="2 3")
    ] = None,
    dishes: Annotated[int | None, typer.Option(help="Number of dishes, the classes.", show_default="8")] = None,
    colours: Annotated[int | None, typer.Option(help="Number of colours.", show_default="4")] = None,
    kappa: Annotated[
        float | None, typer.Option(help="Centre pull of the object that the text is about.", show_default="0.8")
    ] = None,
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
    from gazeshift.cli.data_plates import write_plates

    options = {
        "train": train,
        "test": test,
        "size": size,
        "seed": seed,
        "objects": None if objects is None else list(objects),
        "n_dishes": dishes,
        "n_colours": colours,
        "kappa_target": kappa,
    }
    with interruptible("nothing was written."):
        write_plates(out, options, kappa_distractor, settings or [], workers, quiet)
