"""``gazeshift data``: check data, or make data whose truth is known. Thin: what a command needs is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.asking import RegionColumn, RegionColumns, RegionsFile
from gazeshift.cli.interrupt import interruptible

data = typer.Typer(help="Check data, or make data whose truth is known.", no_args_is_help=True)


@data.command()
def check(
    root: Annotated[
        str,
        typer.Argument(
            help="Data set folder, a table (train.csv is read as the whole of that split), tar shards, or an address: s3://..., hf://NAME.",
            show_default=False,
        ),
    ],
    *,
    format: Annotated[
        str,
        typer.Option(
            help="Layout: auto, datasets, upmc, imagefolder, mmbt, coco, refcoco, flickr30k, cub, table, texts_txt, webdataset, folders."
        ),
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
    image_column: Annotated[str | None, typer.Option(help="Table column with the image paths.")] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Table column with the texts; text.en names a field inside a column.")
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="Table column with the classes.")] = None,
    split_column: Annotated[str | None, typer.Option(help="Table column with the splits.")] = None,
    region_column: RegionColumn = None,
    regions: RegionColumns = None,
    regions_file: RegionsFile = None,
    show: Annotated[int, typer.Option(min=0, help="How many findings of each kind to list; --json lists all.")] = 5,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Larger images (in pixels) count as corrupt.", show_default="89478485")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of threads; by default one per CPU.")] = None,
) -> None:
    """Decode every image of a data set and report its contents and its problems.

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
            region_column=region_column,
            regions=regions or [],
            regions_file=regions_file,
            show=show,
            max_pixels=max_pixels,
            workers=workers,
            as_json=as_json,
        )
    raise typer.Exit(code)


@data.command()
def plates(
    out: Annotated[Path, typer.Argument(help="Folder to write: new, empty, or already holding exactly this data set.")],
    train: Annotated[int | None, typer.Option(help="Training scenes.", show_default="10000")] = None,
    test: Annotated[int | None, typer.Option(help="Test scenes.", show_default="2000")] = None,
    size: Annotated[int | None, typer.Option(help="Side length of the images in pixels.", show_default="96")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is random.", show_default="0")] = None,
    objects: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Minimum and maximum number of objects in a scene.", show_default="2 3"),
    ] = None,
    dishes: Annotated[int | None, typer.Option(help="Number of dishes (the classes).", show_default="8")] = None,
    colours: Annotated[int | None, typer.Option(help="Number of colours.", show_default="4")] = None,
    kappa: Annotated[
        float | None,
        typer.Option(
            help="How strongly the object that the text refers to is pulled to the centre.", show_default="0.8"
        ),
    ] = None,
    kappa_distractor: Annotated[
        float | None,
        typer.Option(help="How strongly the other objects are pulled to the centre.", show_default="as --kappa"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Any other setting as NAME=VALUE, for example mix='{dish: 1}' or rho=1; repeatable."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="one per core, at most 8")
    ] = None,
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


@data.command()
def mosaic(
    source: Annotated[
        str, typer.Argument(help="Labelled photos: a folder, table, tar shards or address, as data check reads them.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write: new or empty.")],
    *,
    tiles: Annotated[
        str | None, typer.Option(metavar="RxC", help="Rows and columns of tiles, up to 3x3.", show_default="2x2")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side length of the pictures in pixels.", show_default="224")] = None,
    train: Annotated[int | None, typer.Option(help="Training mosaics.", show_default="4000")] = None,
    validation: Annotated[int | None, typer.Option(help="Validation mosaics.", show_default="400")] = None,
    test: Annotated[int | None, typer.Option(help="Test mosaics.", show_default="1000")] = None,
    captions: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=WEIGHT,...",
            help="Mixture of captions: class, two, position, both, absent, title, useless.",
            show_default="class=0.15,two=0.3,position=0.2,both=0.1,useless=0.25",
        ),
    ] = None,
    border_control: Annotated[
        bool, typer.Option("--border-control", help="All tiles of a picture show photos of one class.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is random.", show_default="0")] = None,
    format: Annotated[str, typer.Option(help="Layout of SOURCE, as for data check.")] = "auto",
    image_column: Annotated[str | None, typer.Option(help="Table column with the image paths.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Table column with the classes.")] = None,
    split_column: Annotated[str | None, typer.Option(help="Table column with the splits.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of threads; by default one per CPU.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Write mosaics: pictures of several labelled photos, and captions that name one of them by class or place.

    Example: gazeshift data mosaic data/food101 mosaics --tiles 2x2 --train 4000
    """
    from gazeshift.cli.data_mosaic import write_mosaics

    options = {
        "size": size,
        "train": train,
        "validation": validation,
        "test": test,
        "border_control": border_control,
        "seed": seed,
    }
    columns = {"image_column": image_column, "label_column": label_column, "split_column": split_column}
    with interruptible("nothing was written."):
        write_mosaics(
            source,
            out,
            tiles=tiles,
            captions=captions,
            options=options,
            columns={"format": format, **columns},
            workers=workers,
            quiet=quiet,
        )
