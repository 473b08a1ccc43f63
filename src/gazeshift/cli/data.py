"""``gazeshift data``: check data, or generate synthetic data. Thin: what a command needs is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from gazeshift.cli.interrupt import interruptible

data = typer.Typer(help="Check data, or generate synthetic data.", no_args_is_help=True)


RegionColumn = Annotated[
    str | None,
    typer.Option(help="Table column that says where the thing is that the class names: mask, polygons, box."),
]


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
            help="Layout: auto, datasets, upmc, imagefolder, mmbt, coco, refcoco, flickr30k, cub, table, texts_txt, webdataset."
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
    regions: Annotated[
        list[str] | None,
        typer.Option("--region", metavar="NAME=COLUMN", help="A further region and its table column; repeatable."),
    ] = None,
    regions_file: Annotated[
        str | None, typer.Option(help="Table of regions, one a row: image, name, mask or box.")
    ] = None,
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
