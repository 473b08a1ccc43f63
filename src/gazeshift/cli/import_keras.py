"""``gazeshift import-keras``: a file of Keras as a model folder."""

from pathlib import Path

import typer

from gazeshift.cli.places import check_new_folder
from gazeshift.errors import UsageError
from gazeshift.models import save
from gazeshift.models.keras_weights import import_keras


def import_keras_command(file: Path, out: Path, classes: Path | None, tokenizer: str, max_tokens: int | None) -> None:
    """Read the file, then write the folder, and say on standard error what the file does not tell."""
    check_new_folder(out)
    names = () if classes is None else read_classes(classes)
    imported = import_keras(file, names, tokenizer, max_tokens)
    model = imported.model
    save(model, out, training={"imported": {"file": file.name, "keras": imported.version}})
    for note in imported.notes:
        typer.echo(f"{file}: {note}.", err=True)
    size, count = model.spec.preprocessing.size, len(model.classes)
    typer.echo(f"{out}: {model.name}, {count} classes, pictures of {size} px")


def read_classes(place: Path) -> tuple[str, ...]:
    """Names of classes in the order of a model's outputs.

    Args:
        place: a text file with one name a line, or a folder whose subfolders are the classes: sorted by name, as Keras's
            ``flow_from_directory`` numbers them.

    Raises:
        UsageError: there is neither, no name, or a name twice.
    """
    if place.is_dir():
        names = sorted(each.name for each in place.iterdir() if each.is_dir())
    elif place.is_file():
        try:
            names = [line.strip() for line in place.read_text(encoding="utf-8").splitlines() if line.strip()]
        except UnicodeDecodeError:
            raise UsageError(f"--classes {place}: not a text file in UTF-8; write one name a line.") from None
    else:
        raise UsageError(f"--classes {place}: there is no such file or folder.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if not names or twice is not None:
        what = "has no names of classes" if not names else f"has {twice!r} twice"
        raise UsageError(f"--classes {place}: {what}; give one line or subfolder for each output of the model.")
    return tuple(names)
