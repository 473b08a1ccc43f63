"""Where the results of a command may go."""

from pathlib import Path

from gazeshift.errors import UsageError


def check_new_file(out: Path) -> None:
    """Results that took long to compute are not overwritten by another command with the same ``--out``.

    Args:
        out: the file to write.

    Raises:
        UsageError: the file exists, or its folder does not.
    """
    if out.exists():
        kind = "folder" if out.is_dir() else "file" if out.is_file() else "device or pipe"
        raise UsageError(f"--out {out}: a {kind} of that name already exists; name a new file, or delete it first.")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: the folder {out.parent} does not exist.")


def check_picture(out: Path, image: Path) -> None:
    """The output for one image may replace earlier output, but not the image itself.

    Args:
        out: the file to write.
        image: the image that is explained.

    Raises:
        UsageError: it is a folder, its folder does not exist, or it is the image.
    """
    if out.is_dir():
        raise UsageError(f"{out}: is a folder.")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: the folder {out.parent} does not exist.")
    if out.exists() and image.exists() and out.samefile(image):
        raise UsageError(f"{out}: is the image itself; name another file.")


def check_new_folder(out: Path) -> None:
    """The same for a folder, which may exist if it is empty.

    Args:
        out: the folder to write.

    Raises:
        UsageError: it is a file, or a folder that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"--out {out}: {'is not empty' if out.is_dir() else 'is a file'}; name a new folder, or delete it first."
        )


def check_asked(image: Path, target: str, label: str | None) -> None:
    """The image and the target that commands about one image share.

    Args:
        image: the image that is explained.
        target: as on the command line.
        label: the true class, if it is given.

    Raises:
        UsageError: the image is a folder, or a label goes with another target.
    """
    if label is not None and target != "label":
        raise UsageError(f"--label {label} only works with --target label.")
    if image.is_dir():
        raise UsageError(f"{image}: is a folder; name one image file.")
