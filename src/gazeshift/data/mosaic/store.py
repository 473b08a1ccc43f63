"""Mosaics on disk: pictures, a table of pairs that any reader reads, a table of tiles, and the settings."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from gazeshift.atomic import atomic_folder, write_json
from gazeshift.data.mosaic.config import MosaicConfig
from gazeshift.data.mosaic.draw import draw, read_tiles
from gazeshift.data.mosaic.grid import assembled, tile_edges
from gazeshift.data.mosaic.photos import UNREADABLE, Photos, gather
from gazeshift.data.mosaic.rows import FILE, SCHEMA, TileRow, rows_of, table_of
from gazeshift.data.pool import map_ahead
from gazeshift.data.rows import SPLITS
from gazeshift.errors import DataError
from gazeshift.json_types import Json
from gazeshift.pairs import Pair

VERSION = 1
"""Increased whenever the same settings and photos would give a different picture or text."""
HEADER = "mosaic.json"
PAIRS = "pairs.jsonl"
_QUALITY = 95
_FULL_COLOUR = 0
"""Pillow's ``subsampling`` that keeps colours at full resolution: at a lower one, those of one tile run into the next."""
_GROUP = 1_000
"""Mosaics of which the tables are written at once."""


@dataclass(frozen=True)
class Header:
    """The contents of ``mosaic.json``: the settings of a data set, and what follows from them and the photos."""

    generator: str
    version: int
    config: Json
    classes: list[str]
    photos: dict[str, int]
    left_out: dict[str, int]
    rare_classes: list[str]
    image_only_ceiling: dict[str, float]
    caption_kinds: dict[str, float]


@dataclass(frozen=True)
class Written:
    """What ``write`` wrote.

    Attributes:
        root: the data root.
        config: the settings.
        header: what ``mosaic.json`` says.
    """

    root: Path
    config: MosaicConfig
    header: Header


def write(
    config: MosaicConfig,
    pairs: Sequence[Pair],
    out: Path,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write a data set of mosaics; the same settings and photos give the same bytes, with any number of workers.

    It is written next to ``out`` and renamed when complete, so a data root is never partial. Memory grows with the keys of the photos only.

    Args:
        config: the settings.
        pairs: the source's pairs, as ``load_pairs(root, optional={"text"}).pairs`` has them; their texts do not matter.
        out: a folder that does not exist or is empty.
        workers: threads; one per CPU if None.
        progress: called with the number of mosaics just finished.

    Raises:
        UsageError: ``out`` is a file, or not empty.
        DataError: too few classes or photos; or it cannot be written, for example because the disk is full.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from gazeshift.data.sources import load_pairs
        >>> few = MosaicConfig(size=64, train=4, validation=1, test=2)
        >>> with TemporaryDirectory() as folder:
        ...     photos = []
        ...     for number in range(80):  # ten of each of eight classes
        ...         photo = Path(folder) / f"{number}.png"
        ...         Image.new("RGB", (32, 32), (3 * number, 0, 0)).save(photo)
        ...         photos.append(Pair(photo.name, photo, "", f"class {number % 8}", "train"))
        ...     root = write(few, photos, Path(folder) / "mosaics").root
        ...     len(load_pairs(root).pairs)
        7
    """
    with atomic_folder(Path(out)) as draft:
        photos = gather(config, pairs, workers)
        header = _write_draft(config, photos, draft, workers, progress)
    return Written(Path(out), config, header)


def _write_draft(
    config: MosaicConfig, photos: Photos, draft: Path, workers: int | None, progress: Callable[[int], None] | None
) -> Header:
    jobs = [(split, number) for split in SPLITS for number in range(config.mosaics(split))]
    for split in dict.fromkeys(split for split, _ in jobs):
        (draft / "images" / split).mkdir(parents=True)
    corrupt, kinds = set[str](), Counter[str]()
    make = partial(_write_mosaic, config, photos, draft, corrupt)
    with (
        closing(map_ahead(make, jobs, workers)) as made,
        pq.ParquetWriter(draft / FILE, SCHEMA) as tiles,
        (draft / PAIRS).open("w", encoding="utf-8", newline="") as table,
    ):
        told = _told(made, progress)
        while group := list(islice(told, _GROUP)):
            tiles.write_table(table_of([row for rows in group for row in rows]))
            for first, *_ in group:
                split = first.key.split("/")[1]
                line = {"image": first.key, "text": first.text, "label": first.label, "split": split}
                table.write(json.dumps(line, ensure_ascii=False) + "\n")
                kinds[first.caption_kind] += 1
    header = _header(config, photos, len(corrupt), kinds)
    write_json(draft / HEADER, asdict(header), indent=2)
    return header


def _told(made: Iterator[list[TileRow]], progress: Callable[[int], None] | None) -> Iterator[list[TileRow]]:
    for rows in made:
        if progress:
            progress(1)
        yield rows


def _write_mosaic(
    config: MosaicConfig, photos: Photos, draft: Path, corrupt: set[str], job: tuple[str, int]
) -> list[TileRow]:
    split, number = job
    drawn = draw(config, photos, split, number)
    used, crops = read_tiles(config, drawn, split, corrupt)
    edges = tile_edges(config.size, *config.tiles)
    key = f"images/{split}/{number:06}.jpg"
    assembled(crops, edges, config.size).save(draft / key, "JPEG", quality=_QUALITY, subsampling=_FULL_COLOUR)
    return rows_of(key, drawn, used, edges)


def _header(config: MosaicConfig, photos: Photos, corrupt: int, kinds: Counter[str]) -> Header:
    left_out = Counter(photos.left_out) + Counter({UNREADABLE: corrupt})
    return Header(
        generator="mosaic",
        version=VERSION,
        config=config.to_dict(),
        classes=list(photos.classes),
        photos={split: photos.number(split) for split in SPLITS if config.mosaics(split)},
        left_out=dict(sorted(left_out.items())),
        rare_classes=list(photos.rare),
        image_only_ceiling=dict.fromkeys(SPLITS, config.image_only_ceiling(len(photos.classes))),
        caption_kinds={kind: count / kinds.total() for kind, count in sorted(kinds.items())},
    )


def is_mosaics(root: object) -> bool:
    """Whether a data root was written by ``write``."""
    return isinstance(root, Path) and (root / HEADER).is_file()


def read_header(root: Path) -> Header:
    """The header of a data root.

    Raises:
        DataError: it was not written by ``write``.
    """
    path = Path(root) / HEADER
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    names = [field.name for field in fields(Header)]
    if not isinstance(header, dict) or not set(names) <= header.keys():
        raise DataError(f"{path} was not written by gazeshift data mosaic; write the mosaics again.")
    return Header(**{name: header[name] for name in names})
