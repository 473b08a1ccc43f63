"""Tables at an address, with their images beside them there: the same rules as on this machine, from one listing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from gazeshift.data.addresses import above, joined, last_name, without_secrets
from gazeshift.data.columns import Columns
from gazeshift.data.decode import why_outside
from gazeshift.data.findings import Finding, short
from gazeshift.data.layouts import tables_rows
from gazeshift.data.locate import IMAGE_SUFFIXES, alike_form, why_missing
from gazeshift.data.references import Elsewhere
from gazeshift.data.remote import Listed, is_listable, listing
from gazeshift.data.rows import Source
from gazeshift.data.shards import is_named_shards
from gazeshift.data.table_files import TableFiles, may_be_table, split_of, suffix_of, tables_among
from gazeshift.data.table_rows import TableRows
from gazeshift.data.tables import load_table
from gazeshift.errors import DataError
from gazeshift.pairs import ImageReference


@dataclass
class RemoteFinder:
    """Finds images under an address, listed once; where nothing can be listed, an image is there until reading it shows otherwise."""

    root: str

    def plain(self, written: str) -> tuple[str, str]:
        """A table's path, made relative to the root, and what was changed (empty: nothing)."""
        path, done = (written.replace("\\", "/"), "backslashes read as slashes") if "\\" in written else (written, "")
        start = f"{self.root.partition('?')[0]}/"
        if path.startswith(start):
            return path.removeprefix(start), "addresses inside the data root"
        return path.removeprefix("./"), done

    def find(self, names: Sequence[str]) -> tuple[str, ImageReference] | Finding:
        """The first of ``names`` that is listed, exactly or but for case, Unicode form and spaces."""
        inside = [PurePosixPath(name).as_posix() for name in names if not why_outside(name)]
        if found := self._listed(inside) if is_listable(self.root) else self._supposed(inside):
            return found.name, self._reference(found)
        if names and (reason := why_outside(names[0])):
            return Finding("escaped path", "", f"{short(names[0])} {reason}")
        return Finding("missing image", "", why_missing(names))

    def _listed(self, names: Sequence[str]) -> Listed | None:
        exact = next((self._exact[name] for name in names if name in self._exact), None)
        if exact is not None:
            return exact
        alike = (self._alike.get(alike_form(name), []) for name in names)
        return next((found[0] for found in alike if len(found) == 1), None)

    def _supposed(self, names: Sequence[str]) -> Listed | None:
        fit = (name for name in names if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES)
        return next((Listed(name, None, "") for name in fit), None)

    def _reference(self, found: Listed) -> Elsewhere:
        place = joined(self.root, found.name)
        state = f"{without_secrets(place)}:{found.size}:{found.stamp}" if found.stamp else ""
        return Elsewhere(str(place), PurePosixPath(found.name).name, state)

    @cached_property
    def _exact(self) -> dict[str, Listed]:
        return {found.name: found for found in listing(self.root, deep=True)}

    @cached_property
    def _alike(self) -> dict[str, list[Listed]]:
        alike: dict[str, list[Listed]] = {}
        for found in self._exact.values():
            alike.setdefault(alike_form(found.name), []).append(found)
        return alike


def remote_tables(root: str) -> tuple[str, TableFiles]:
    """The folder of the tables of an address, and which of them are read (``table_files.tables_among``); none if it holds none.

    Raises:
        DataError: the folder cannot be listed.
    """
    name = PurePosixPath(last_name(root))
    if suffix_of(name):
        return str(above(root)), TableFiles(((name, split_of(name)),))
    if is_named_shards(root) or not is_listable(root):
        return root, TableFiles()
    for folder in (".", "data"):
        names = [PurePosixPath(folder, found.name) for found in _top(root, folder)]
        if (found := tables_among([name for name in names if may_be_table(name)])).read:
            return root, found
    return root, TableFiles()


def why_nothing(root: str) -> str:
    """Why an address holds no data set that could be found; empty if nothing special can be said."""
    if is_listable(root):
        return ""
    return "folders on the web cannot be listed; name a table or shards, as in food-{000..009}.tar"


def read_remote_table(root: str, columns: Columns, optional: Collection[str] = ()) -> Source:
    """Rows of the tables at an address; images are found as those of ``layouts.read_table`` are.

    Raises:
        DataError: a table that cannot be read, or an address that cannot be reached.
    """
    folder, files = remote_tables(root)
    finder = RemoteFinder(folder)
    loaded = [load_table(joined(folder, path.as_posix()), path.as_posix()) for path, _ in files.read]
    tables = TableRows(finder, columns, loaded, [*files.findings(PurePosixPath())])
    return tables_rows(tables, files, optional, finder)


def _top(root: str, folder: str) -> list[Listed]:
    try:
        return listing(root if folder == "." else str(joined(root, folder)))
    except DataError:
        if folder == ".":
            raise
        return []  # it need not have a folder data
