"""UPMC Food-101 on disk: the Kaggle layout with its defects, and the original layout with whole recipe pages.

Wang et al., "Recipe recognition with large multimodal food dataset", ICMEW 2015.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gazeshift.data.findings import Finding
from gazeshift.data.locate import unnamed
from gazeshift.data.rows import SPLIT_NAMES, Row, decode_text, scan_images

# A list of lists written as text: [["Bread pudding"]], sometimes cut off at a comma.
_WRAPPED = re.compile(r"""^\[\[\s*(["'])(.*?)(?:\1\s*\]\])?$""", re.DOTALL)


def is_kaggle(root: Path) -> bool:
    """Whether ``root`` holds ``texts/*_titles.csv``."""
    return any((root / "texts").glob("*_titles.csv"))


def is_texts_txt(root: Path) -> bool:
    """Whether ``root`` holds a folder ``texts_txt``."""
    return (root / "texts_txt").is_dir()


def clean_title(title: str) -> str:
    """A title as a person would read it: HTML entities resolved, ``[["..."]]`` unwrapped, white space collapsed.

    Example:
        >>> clean_title('[["Nonna&#039;s  Apple Pie"]]')
        "Nonna's Apple Pie"
    """
    title = html.unescape(html.unescape(title)).strip()  # some are escaped twice: &amp;amp;
    wrapped = _WRAPPED.match(title)
    return " ".join((wrapped.group(2) if wrapped else title).split())


def split_line(line: str) -> tuple[str, str, str] | None:
    """File, title and class from one line of a titles file; None if it has fewer than two commas.

    The line is cut at its first and last comma, because titles hold commas and quotes that never close. A field is
    unquoted only if its quotes close.

    Example:
        >>> split_line('pie_1.jpg,"Sweet, ""red"" pie",pie')
        ('pie_1.jpg', 'Sweet, "red" pie', 'pie')
        >>> split_line('pie_2.jpg,"Sweet, red pie,pie')
        ('pie_2.jpg', '"Sweet, red pie', 'pie')
    """
    first, last = line.find(","), line.rfind(",")
    if first == last:
        return None
    file, title, label = (_unquote(part.strip()) for part in (line[:first], line[first + 1 : last], line[last + 1 :]))
    return file, title, label


def read_kaggle(root: Path) -> Iterator[Row | Finding]:
    """Rows of ``texts/<split>_titles.csv`` (file, title, class; no header), images ``images/<split>/<class>/<file>``.

    Images that no row names follow at the end, without text.
    """
    on_disk = list(scan_images(root, "images"))
    named: list[tuple[str, ...]] = []
    for path in sorted((root / "texts").glob("*_titles.csv")):
        split = path.name.removesuffix("_titles.csv")
        # Lines end only in \n: titles contain characters at which str.splitlines would also split.
        for number, raw in enumerate(path.read_bytes().split(b"\n"), start=1):
            for row in _read_line(split, raw.rstrip(b"\r"), f"texts/{path.name}:{number}"):
                if isinstance(row, Row) and isinstance(row.images, tuple):
                    named.append(row.images)
                yield row
    yield from (finding for finding in on_disk if isinstance(finding, Finding))
    for image in unnamed([image for image in on_disk if isinstance(image, str)], named):
        split_name, label = _folders(image)
        yield Row(image, (image,), None, label, split_name)


def read_texts_txt(root: Path) -> Iterator[Row | Finding]:
    """One row per image, with the text of ``texts_txt/<class>/<name>.txt``; then texts without an image.

    Images are in ``images/<split>/<class>/``, or in ``images/<class>/`` if there is no split.
    """
    used: set[str] = set()
    for image in scan_images(root, "images"):
        if isinstance(image, Finding):
            yield image
            continue
        split, label = _folders(image)
        page = f"texts_txt/{label}/{PurePosixPath(image).stem}.txt"
        used.add(page)
        text, findings = "", list[Finding]()
        if label and (root / page).is_file():
            text, findings = decode_text((root / page).read_bytes(), page)
        yield from findings
        yield Row(image, (image,), clean_title(text), label, split)
    for page in sorted(path.relative_to(root).as_posix() for path in (root / "texts_txt").rglob("*.txt")):
        if page not in used:
            yield Finding("missing image", page, "a text without an image")


def _read_line(split: str, raw: bytes, place: str) -> Iterator[Row | Finding]:
    if not raw.strip():
        return
    line, findings = decode_text(raw, place)
    yield from findings
    fields = split_line(line)
    if fields is None:
        yield Finding("unreadable row", place, f"not file,title,class: {line[:60]!r}")
        return
    file, title, label = fields
    if place.endswith(":1") and _is_header(file, label):
        return
    if title.startswith('"') and title.count('"') % 2:
        yield Finding("repaired quote", place, title[:60])
        title = title[1:]
    names = _image_names(file)
    if names != (file,):
        yield Finding("repaired suffix", place, f"{file} read as {names[0]}")
    images = tuple(f"images/{split}/{label}/{name}" for name in names if name)
    yield Row(place, images, clean_title(title), label, split)


def _is_header(file: str, label: str) -> bool:
    """Some copies have a header line; a real first field is a file name."""
    return not PurePosixPath(file).suffix and label.lower() in {"class", "label", "category", "class_name"}


def _image_names(file: str) -> tuple[str, ...]:
    """Possible names of the image; some rows of the original name the text file instead."""
    path = PurePosixPath(file)
    if file and path.suffix in {".txt", ""}:
        return tuple(f"{path.stem}{suffix}" for suffix in (".jpg", ".jpeg", ".png"))
    return (file,)


def _folders(image: str) -> tuple[str | None, str | None]:
    """Split and class from ``images/<split>/<class>/<file>`` or ``images/<class>/<file>``."""
    folders = PurePosixPath(image).parts[1:-1]
    split = folders[0] if folders and folders[0].lower() in SPLIT_NAMES else None
    inner = folders[1:] if split else folders
    return split, inner[0] if inner else None


def _unquote(field: str) -> str:
    """Undo CSV quoting if it is complete: an outer pair, and only doubled quotes inside."""
    inner = field[1:-1]
    if len(field) < 2 or not field.startswith('"') or not field.endswith('"') or '"' in inner.replace('""', ""):
        return field
    return inner.replace('""', '"')
