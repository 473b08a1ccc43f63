"""From tables to rows: what each cell holds, by the rules for its type, and where its image may be."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from gazeshift.data.cells import (
    CellError,
    as_class,
    as_picture,
    as_texts,
    is_number_or_date,
    is_printed,
    is_words,
)
from gazeshift.data.cells import field as cell
from gazeshift.data.columns import Chosen, Columns, choose
from gazeshift.data.findings import Finding, short
from gazeshift.data.labels import class_numbers, plain_numbers
from gazeshift.data.locate import Finder, Finds
from gazeshift.data.regions.cells import as_regions, boxed
from gazeshift.data.regions.scene import Region
from gazeshift.data.rows import Row, Source, as_written
from gazeshift.data.table_files import TableFiles
from gazeshift.data.tables import Table, load_table
from gazeshift.pairs import ImageReference, ImageSource

Places = Callable[[str, str | None, str | None], tuple[str, ...]]
"""Candidate locations of a row's image, from its path, class and split."""


@dataclass
class TableRows:
    """Tables being turned into rows: what was read, which columns were chosen, how paths were written."""

    finder: Finds
    columns: Columns
    loaded: list[Table]
    rows: list[Row | Finding]
    chosen: list[Chosen] = field(default_factory=list)
    written: Counter[str] = field(default_factory=Counter)

    @classmethod
    def load(cls, folder: Path, files: TableFiles, columns: Columns) -> "TableRows":
        """The tables of a data set, read but not yet interpreted; those that are not read are findings."""
        loaded = [load_table(Path(path), path.relative_to(folder).as_posix()) for path, _ in files.read]
        return cls(Finder(folder), columns, loaded, [*files.findings(folder)])

    def add(self, table: Table, split: str | None, places: Places, optional: Collection[str]) -> None:
        """The rows of one table."""

        def leads(value: Any, label: str | None, own_split: str | None) -> bool:
            found, _ = as_picture(value)
            if not isinstance(found, str):
                return bool(found)
            return not isinstance(self.finder.find(places(self.finder.plain(found)[0], label, own_split)), Finding)

        chosen = choose(table, self.columns, leads, optional, split)
        self.chosen.append(chosen)
        self.rows += table.findings
        for line, record in table.records:
            place = table.place(line)
            try:
                self.rows += self._rows(table, chosen, record, line, split, places)
            except CellError as error:
                self.rows.append(Finding("unusable value", place, str(error)))

    def _rows(
        self, table: Table, chosen: Chosen, record: Any, line: int | str, split: str | None, places: Places
    ) -> Iterator[Row | Finding]:
        """One row for each text of the record, at least one, and what was found in its cells."""
        place = table.place(line)
        names = table.class_names.get(chosen.label or "", ())
        label = _read(record, chosen.label, lambda value: as_class(value, names))
        split_names = table.class_names.get(chosen.split or "", ())
        own_split = _read(record, chosen.split, lambda value: as_class(value, split_names)) or split
        picture, file = _read(record, chosen.image, as_picture) or (None, "")
        images: tuple[str, ...] | bytes | ImageReference = ()
        if isinstance(picture, bytes | ImageReference):
            images = picture
        elif picture:
            path, done = self.finder.plain(picture)
            self.written.update([done] if done else [])
            images = places(path, label, own_split)
        key = table.key(line, file)
        texts = _read(record, chosen.text, as_texts) or (None,)
        yield from _cell_findings(place, chosen.text, cell(record, chosen.text) if chosen.text else None, texts[0])
        if label and is_printed(label):
            yield Finding("odd value", place, f"column {chosen.label!r}: {short(label)}")
        regions, unread = self._regions(place, chosen, record, places)
        yield from unread
        for text in texts:
            yield Row(place, images, text, label, own_split, key, regions, self._further(record))

    def _further(self, record: Any) -> tuple[tuple[str, str], ...]:
        """The record's other texts: the first of each cell that holds one."""
        found = ((column, _read(record, column, as_texts)) for column in self.columns.further)
        return tuple((column, text) for column, texts in found if texts and (text := as_written(texts[0])))

    def _regions(
        self, place: str, chosen: Chosen, record: Any, places: Places
    ) -> tuple[tuple[Region, ...], list[Finding]]:
        """The regions of a record, and findings about cells that cannot be read: a pair is kept without its region."""
        regions, unread = list[Region](), list[Finding]()
        for name, column in chosen.regions:
            try:
                found = _read(record, column, partial(as_regions, column=column, find=partial(self._mask, places)))
            except CellError as error:
                unread.append(Finding("corrupt mask", place, str(error)))
                continue
            if record.get(f"{column}_kind") == "box":
                found = tuple(replace(region, shapes=boxed(region.shapes)) for region in found)
            # The class names what its column shows; a column of lists says itself what the text refers to.
            regions += [
                replace(region, name=region.name or name, referred=not name if region.name == "" else region.referred)
                for region in found
            ]
        return tuple(regions), unread

    def _mask(self, places: Places, path: str) -> ImageSource:
        written, done = self.finder.plain(path)
        # Where a photo would be searched for, a mask of the same file name would be the photo.
        found = self.finder.find((*places(written, None, None)[:1], f"masks/{written}"))
        if isinstance(found, Finding):
            raise CellError(f"the mask {found.detail} is missing" if found.kind == "missing image" else found.detail)
        self.written.update([done] if done else [])
        return found[1]

    def source(self) -> Source:
        """All rows, with labels in their simplest form, and the notes."""
        labels = [chosen.label for chosen in self.chosen]
        numbers = class_numbers(self.loaded, labels)
        notes = [note for table in self.loaded for note in table.notes]
        notes += [chosen.note for chosen in self.chosen]
        notes += [f"{count:,} x {what}" for what, count in self.written.items()]
        return Source(plain_numbers(self.rows), numbers, tuple(dict.fromkeys(notes)))


def _read(record: Any, column: str | None, reader: Callable[[Any], Any]) -> Any:
    """What a cell holds, None without a column.

    Raises:
        CellError: its message starts with the column's name.
    """
    if column is None:
        return None
    try:
        return reader(cell(record, column))
    except CellError as error:
        raise CellError(f"column {column!r}: {error}") from None


def _cell_findings(place: str, column: str | None, value: Any, text: str | None) -> Iterator[Finding]:
    """What to report about a text made from its cell."""
    if is_words(value):
        yield Finding("joined list", place, f"column {column!r}: {short(text)}")
    first = value[0] if isinstance(value, list) and value else value
    if text is not None and is_number_or_date(first):
        yield Finding("converted value", place, f"column {column!r}: {short(text)}")
    if text is not None and is_printed(text):
        yield Finding("odd value", place, f"column {column!r}: {short(text)}")
