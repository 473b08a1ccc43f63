"""Plates on disk: the layout of UPMC Food-101, with label maps and a table of objects."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from gazeshift.atomic import atomic_folder, write_json
from gazeshift.data.draws import generator
from gazeshift.data.plates.captions import draw_caption
from gazeshift.data.plates.config import PlatesConfig
from gazeshift.data.plates.draw import label_map, render
from gazeshift.data.plates.layout import image_only_ceiling
from gazeshift.data.plates.rows import FILE, ObjectRow, caption_of, read_rows, rows_of, scene_of, table_of
from gazeshift.data.plates.scene import Caption, Scene, sample_scene
from gazeshift.data.plates.vocabulary import SPLITS
from gazeshift.errors import DataError, UsageError
from gazeshift.interrupts import deaf_children
from gazeshift.json_types import Json
from gazeshift.spreadsheet import csv_text

VERSION = 1
"""Increased whenever the same settings would give a different picture or text."""

_CHUNK = 100
_CHUNKS_WORTH_A_PROCESS = 4


_HEADER_FILE = "plates.json"


@dataclass(frozen=True)
class _Header:
    """The contents of ``plates.json``: the settings of a data set, and what follows from them."""

    generator: str
    version: int
    config: Json
    image_only_ceiling: dict[str, float]
    caption_kinds: dict[str, float]


@dataclass(frozen=True)
class Written:
    """What ``write`` wrote.

    Attributes:
        root: the data root.
        scenes: number of scenes of each split.
        kinds: actual share of each caption kind over all scenes.
        ceiling: highest possible image-only accuracy on the training split (``image_only_ceiling``).
        test_ceiling: the same for the test split; differs only if the pulls are swapped.
        reused: True if the folder already held exactly this data set and nothing was written.
    """

    root: Path
    scenes: Mapping[str, int]
    kinds: Mapping[str, float]
    ceiling: float
    test_ceiling: float
    reused: bool


def scene_and_caption(config: PlatesConfig, split: str, index: int) -> tuple[Scene, Caption]:
    """Scene number ``index`` of a split and its caption in the data set."""
    scene = sample_scene(config, split, index)
    return scene, draw_caption(config, scene, generator(scene.seed, 3))


def write(config: PlatesConfig, out: Path, workers: int = 1, progress: Callable[[int], None] | None = None) -> Written:
    """Write a data set; the same settings give the same bytes, with any number of workers.

    It is written next to ``out`` and renamed when complete, so a data root is never partial.

    Args:
        config: the settings.
        out: a folder that does not exist, is empty, or already holds exactly this data set (which is then left unchanged).
        workers: number of processes; with more than one, call it under ``if __name__ == "__main__":`` in a script.
        progress: called with the number of scenes just finished.

    Raises:
        UsageError: ``out`` holds something else, or ``workers`` is below 1.
        DataError: it cannot be written, for example because the disk is full.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write(PlatesConfig(size=32, train=2, test=1), Path(folder) / "plates").scenes
        {'train': 2, 'test': 1}
    """
    out = Path(out)
    if workers < 1:
        raise UsageError(f"plates: workers must be 1 or more, not {workers}.")
    if _is_written(config, out):
        return _summary(out, reused=True)
    with atomic_folder(out) as draft:
        _write_draft(config, draft, workers, progress)
    return _summary(out, reused=False)


def _is_written(config: PlatesConfig, out: Path) -> bool:
    """Whether ``out`` already holds this data set; an error if it holds anything else."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"plates: {out} is a file; name a folder.")
    if not out.exists() or not any(out.iterdir()):
        return False
    if not (out / _HEADER_FILE).is_file():
        raise UsageError(f"plates: {out} is not empty; name a new folder.")
    there = _read_header(out)
    if there.config != _plain(config) or there.version != VERSION:
        raise UsageError(f"plates: {out} holds plates of other settings; name a new folder or delete it.")
    return True


def _write_draft(config: PlatesConfig, draft: Path, workers: int, progress: Callable[[int], None] | None) -> None:
    for split in SPLITS:
        for folder in ("images", "masks"):
            (draft / folder / split).mkdir(parents=True)
    (draft / "texts").mkdir()
    starts = [(split, start) for split in SPLITS for start in range(0, config.scenes(split), _CHUNK)]
    rows: dict[str, list[ObjectRow]] = {split: [] for split in SPLITS}
    parts = _chunks(partial(_write_chunk, config, draft), starts, workers)
    for (split, start), part in zip(starts, parts, strict=True):
        rows[split] += part
        if progress:
            progress(min(_CHUNK, config.scenes(split) - start))
    for split in SPLITS:
        _write_titles(draft / "texts" / f"{split}_titles.csv", rows[split])
    table_of(row for part in rows.values() for row in part).to_parquet(draft / FILE, index=False)
    write_json(draft / _HEADER_FILE, asdict(_new_header(config, rows)), indent=2)


def _write_titles(path: Path, rows: Sequence[ObjectRow]) -> None:
    """Titles in UPMC Food-101's form: no header; file, title, class."""
    titles = [(Path(row.key).name, row.text, row.label) for row in rows if row.index == 1]
    path.write_text(csv_text([], titles), encoding="utf-8", newline="")


def _new_header(config: PlatesConfig, rows: Mapping[str, Sequence[ObjectRow]]) -> _Header:
    kinds = Counter(row.caption_kind for part in rows.values() for row in part if row.index == 1)
    return _Header(
        generator="plates",
        version=VERSION,
        config=_plain(config),
        image_only_ceiling={split: image_only_ceiling(config.for_split(split)) for split in SPLITS},
        caption_kinds={kind: count / sum(kinds.values()) for kind, count in sorted(kinds.items())},
    )


def _chunks(
    task: Callable[[tuple[str, int]], list[ObjectRow]], starts: list[tuple[str, int]], workers: int
) -> Iterator[list[ObjectRow]]:
    # Starting a process costs as much as some hundred scenes.
    workers = min(workers, len(starts) // _CHUNKS_WORTH_A_PROCESS)
    if workers < 2:
        yield from map(task, starts)
        return
    # Spawned, not forked: a fork of a process with threads (any that has used torch) may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        with deaf_children():
            parts = pool.map(task, starts)
        yield from parts


def _write_chunk(config: PlatesConfig, draft: Path, place: tuple[str, int]) -> list[ObjectRow]:
    split, start = place
    rows: list[ObjectRow] = []
    for index in range(start, min(start + _CHUNK, config.scenes(split))):
        scene, caption = scene_and_caption(config, split, index)
        relative = f"{split}/{scene.label}/{scene.label}_{index}.png"
        for folder in ("images", "masks"):
            (draft / folder / relative).parent.mkdir(exist_ok=True)
        Image.fromarray(render(scene)).save(draft / "images" / relative, compress_level=3)
        Image.fromarray(label_map(scene)).save(draft / "masks" / relative, compress_level=6)
        rows += rows_of(f"images/{relative}", scene, caption)
    return rows


def read_scenes(root: Path) -> dict[str, Scene]:
    """The scene of every image of a Plates root, by key; ``render(scene, without=i)`` then removes an object.

    Raises:
        DataError: ``root`` is not a Plates root.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     root = write(PlatesConfig(size=32, train=2, test=1), Path(folder) / "plates").root
        ...     len(read_scenes(root))
        3
    """
    return {key: scene_of(rows) for key, rows in _rows_by_key(root).items()}


def read_captions(root: Path) -> dict[str, Caption]:
    """The caption of every image of a Plates root, by key, with its kind and what it refers to.

    Raises:
        DataError: ``root`` is not a Plates root.
    """
    return {key: caption_of(rows) for key, rows in _rows_by_key(root).items()}


def _rows_by_key(root: Path) -> dict[str, list[ObjectRow]]:
    _read_header(root)
    return read_rows(root)


def read_config(root: Path) -> PlatesConfig:
    """The settings a Plates root was written with.

    Raises:
        DataError: ``root`` is not a Plates root.
    """
    return PlatesConfig.from_dict(_read_header(root).config)


def _read_header(root: Path) -> _Header:
    path = Path(root) / _HEADER_FILE
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{root} is not a Plates data set: it has no plates.json.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    names = [field.name for field in fields(_Header)]
    if not isinstance(header, dict) or not set(names) <= header.keys():
        raise DataError(f"{path} was not written by gazeshift; write the data set again.")
    return _Header(**{name: header[name] for name in names})


def _plain(config: PlatesConfig) -> Json:
    """The settings as JSON returns them."""
    return dict(json.loads(json.dumps(config.to_dict())))


def _summary(root: Path, reused: bool) -> Written:
    header = _read_header(root)
    ceiling, config = header.image_only_ceiling, PlatesConfig.from_dict(header.config)
    scenes = {split: config.scenes(split) for split in SPLITS}
    return Written(root, scenes, header.caption_kinds, ceiling["train"], ceiling["test"], reused)
