"""Where the image named by a table is: paths written for other systems and folders, resolved inside the data root."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from gazeshift.data.decode import resolve
from gazeshift.data.findings import Finding, short
from gazeshift.errors import DataError
from gazeshift.pairs import ImageSource

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif", ".jp2", ".tga")
)
_TWO = "several files"


def plain_path(folder: Path, written: str) -> tuple[str, str]:
    r"""A table's path, made relative to the data root with forward slashes, and what was changed (empty: nothing).

    Example:
        >>> plain_path(Path("data"), "images\\a.png")
        ('images/a.png', 'backslashes read as slashes')
        >>> plain_path(Path("data"), "./images/a.png")
        ('images/a.png', '')
    """
    path, done = written.removeprefix("file://"), ""
    if "\\" in path and not PureWindowsPath(path).drive:
        path, done = path.replace("\\", "/"), "backslashes read as slashes"
    path = path.removeprefix("./")
    if path.startswith("~/"):
        path = str(Path(path).expanduser())
    if PurePosixPath(path).is_absolute():
        for root in (folder.absolute(), folder.resolve()):
            if Path(path).is_relative_to(root):
                return Path(path).relative_to(root).as_posix(), "absolute paths inside the data root"
    return path, done


class Finds(Protocol):
    """Finds the images of a data root, wherever that lies."""

    def plain(self, written: str) -> tuple[str, str]:
        """A table's path, made relative to the data root, and what was changed (empty: nothing)."""

    def find(self, names: Sequence[str]) -> tuple[str, ImageSource] | Finding:
        """The first of some names that there is, and its image; or a finding, without a key, that says why there is none."""


@dataclass
class Finder:
    """Finds images under a data root; caches the listings of the folders it searched."""

    root: Path
    _names: dict[Path, dict[str, str]] = field(default_factory=dict, repr=False)

    def plain(self, written: str) -> tuple[str, str]:
        """See ``plain_path``."""
        return plain_path(self.root, written)

    def find(self, names: Sequence[str]) -> tuple[str, Path] | Finding:
        """The first of ``names`` that is a file, as a name and a path; or a finding, without a key, that says why there is none.

        A name is also found if it differs in case, Unicode form (NFC, NFD) or spaces, as long as only one file matches.
        """
        problem: DataError | OSError | None = None
        for name in names:
            try:
                path = resolve(self.root, name)
                if path.is_file():
                    return PurePosixPath(name).as_posix(), path
            except (DataError, OSError) as error:
                problem = problem or error
        for name in names:
            alike = self._alike(name)
            if alike == _TWO:
                return Finding(
                    "missing image", "", f"{short(name)}: several files differ from it only in case or spacing"
                )
            if alike is not None:
                return PurePosixPath(name).as_posix(), resolve(self.root, alike)
        if isinstance(problem, DataError):
            return Finding("escaped path", "", str(problem))
        reason = f"{short(names[0])}: {problem.strerror}" if problem else why_missing(names)
        return Finding("missing image", "", reason)

    def _alike(self, name: str) -> str | None:
        """The path under the root that matches ``name`` loosely, folder by folder; None if there is none."""
        found = PurePosixPath()
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute():
            return None
        for part in parts:
            inside = self._listed(self.root / found)
            real = part if part in inside.values() else inside.get(alike_form(part))
            if real is None or real == _TWO:
                return real
            found /= real
        try:
            return found.as_posix() if resolve(self.root, found.as_posix()).is_file() else None
        except (DataError, OSError):
            return None

    def _listed(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            names: dict[str, str] = {}
            try:
                real = sorted(path.name for path in folder.iterdir())
            except OSError:
                real = []
            for name in real:
                names[alike_form(name)] = _TWO if alike_form(name) in names else name
                names[f"\0{name}"] = name  # by its own name, whatever else is like it
            self._names[folder] = names
        return self._names[folder]


def unnamed(on_disk: Sequence[str], named: Iterable[Sequence[str]]) -> list[str]:
    """The images on disk that no row names, in order, where each row names an image by one of several paths.

    A path that is not on disk as written matches those that differ from it in case, Unicode form or spaces.
    """
    there = set(on_disk)
    exact, alike = set[str](), set[str]()
    for names in named:
        found = next((name for name in names if name in there), None)
        exact.update([found] if found is not None else [])
        alike.update(map(alike_form, names) if found is None else [])
    return [image for image in on_disk if image not in exact and alike_form(image) not in alike]


def alike_form(name: str) -> str:
    """A key that names which look alike share."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def why_missing(names: Sequence[str]) -> str:
    """Why there is no image of some names, for a finding."""
    if not names:
        return "no file name"
    if names[0].lower().startswith(("http://", "https://")):
        return f"{short(names[0])} is an address on the web; download the image and name the file"
    return short(names[0])
