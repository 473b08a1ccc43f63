"""Plates on disk: the layout of UPMC Food-101, with label maps and a table of objects."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from gazeshift.atomic import atomic_folder, write_json
from gazeshift.data.plates.captions import draw_caption
from gazeshift.data.plates.config import PlatesConfig
from gazeshift.data.plates.draw import label_map, render
from gazeshift.data.plates.layout import image_only_ceiling
from gazeshift.data.plates.scene import Caption, PlateObject, Scene, sample_scene
from gazeshift.data.plates.vocabulary import SPLITS, generator
from gazeshift.errors import DataError, UsageError
from gazeshift.interrupts import deaf_children
from gazeshift.spreadsheet import csv_text

VERSION = 1
"""Changes whenever the same settings would give another picture or text."""

_CHUNK = 100
_CHUNKS_WORTH_A_PROCESS = 4
Row = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """What ``write`` left behind.

    Attributes:
        root: the data root.
        scenes: number of scenes of each split.
        kinds: share of each caption kind over all scenes, as it came out.
        ceiling: best image-only accuracy on the training split (``image_only_ceiling``).
        test_ceiling: the same for the test split; differs only with a swap of the pulls.
        reused: True if the folder already held exactly this data set and nothing was written.
    """

    root: Path
    scenes: Mapping[str, int]
    kinds: Mapping[str, float]
    ceiling: float
    test_ceiling: float
    reused: bool


def scene_and_caption(config: PlatesConfig, split: str, index: int) -> tuple[Scene, Caption]:
    """Scene number ``index`` of a split and the caption it has in the data set."""
    scene = sample_scene(config, split, index)
    return scene, draw_caption(config, scene, generator(scene.seed, 3))


def write(config: PlatesConfig, out: Path, workers: int = 1, progress: Callable[[int], None] | None = None) -> Written:
    """Write a data set; the same settings give the same bytes, with any number of workers.

    It is written beside ``out`` and renamed when complete, so a data root is never half there.

    Args:
        config: the settings.
        out: a folder that does not exist, is empty, or holds this very data set (which is then left as it is).
        workers: processes; with more than one, call it under ``if __name__ == "__main__":`` in a script.
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
    """Whether ``out`` holds this data set already; an error if it holds anything else."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"plates: {out} is a file; name a folder.")
    if not out.exists() or not any(out.iterdir()):
        return False
    if not (out / "plates.json").is_file():
        raise UsageError(f"plates: {out} is not empty; name a new folder.")
    there = _header(out)
    if there["config"] != _plain(config) or there["version"] != VERSION:
        raise UsageError(f"plates: {out} holds plates of other settings; name a new folder or delete it.")
    return True


def _write_draft(config: PlatesConfig, draft: Path, workers: int, progress: Callable[[int], None] | None) -> None:
    for split in SPLITS:
        for folder in ("images", "masks"):
            (draft / folder / split).mkdir(parents=True)
    (draft / "texts").mkdir()
    starts = [(split, start) for split in SPLITS for start in range(0, config.scenes(split), _CHUNK)]
    rows: dict[str, list[Row]] = {split: [] for split in SPLITS}
    parts = _chunks(partial(_write_chunk, config, draft), starts, workers)
    for (split, start), part in zip(starts, parts, strict=True):
        rows[split] += part
        if progress:
            progress(min(_CHUNK, config.scenes(split) - start))
    for split in SPLITS:
        _write_titles(draft / "texts" / f"{split}_titles.csv", rows[split])
    table = pd.DataFrame([row for part in rows.values() for row in part], columns=list(_COLUMNS)).astype(_COLUMNS)
    table.to_parquet(draft / "objects.parquet", index=False)
    write_json(draft / "plates.json", _new_header(config, rows), indent=2)


def _write_titles(path: Path, rows: list[Row]) -> None:
    """Titles in UPMC Food-101's form: no header; file, title, class."""
    titles = [(Path(row["key"]).name, row["text"], row["label"]) for row in rows if row["index"] == 1]
    path.write_text(csv_text([], titles), encoding="utf-8", newline="")


def _new_header(config: PlatesConfig, rows: Mapping[str, list[Row]]) -> dict[str, Any]:
    kinds = Counter(row["caption_kind"] for part in rows.values() for row in part if row["index"] == 1)
    return {
        "generator": "plates",
        "version": VERSION,
        "config": _plain(config),
        "image_only_ceiling": {split: image_only_ceiling(config.for_split(split)) for split in SPLITS},
        "caption_kinds": {kind: count / sum(kinds.values()) for kind, count in sorted(kinds.items())},
    }


def _chunks(
    task: Callable[[tuple[str, int]], list[Row]], starts: list[tuple[str, int]], workers: int
) -> Iterator[list[Row]]:
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


def _write_chunk(config: PlatesConfig, draft: Path, place: tuple[str, int]) -> list[Row]:
    split, start = place
    rows: list[Row] = []
    for index in range(start, min(start + _CHUNK, config.scenes(split))):
        scene, caption = scene_and_caption(config, split, index)
        relative = f"{split}/{scene.label}/{scene.label}_{index}.png"
        for folder in ("images", "masks"):
            (draft / folder / relative).parent.mkdir(exist_ok=True)
        Image.fromarray(render(scene)).save(draft / "images" / relative, compress_level=3)
        Image.fromarray(label_map(scene)).save(draft / "masks" / relative, compress_level=6)
        rows += [_row(f"images/{relative}", scene, caption, item) for item in scene.objects]
    return rows


_COLUMNS = {
    "key": "str",
    "index": "int64",
    "name": "str",
    "colour": "str",
    "category": "str",
    "x": "float64",
    "y": "float64",
    "radius": "float64",
    "angle": "float64",
    "target": "bool",
    "referred": "bool",
    "label": "str",
    "text": "str",
    "caption_kind": "str",
    "content": "str",
    "modifier": "str",
    "scene_seed": "int64",
    "size": "int64",
    "clutter": "float64",
    "plate_x": "float64",
    "plate_y": "float64",
}


def _row(key: str, scene: Scene, caption: Caption, item: PlateObject) -> Row:
    return {
        "key": key,
        **{name: getattr(item, name) for name in ("index", "name", "colour", "category", "x", "y", "radius", "angle")},
        "target": item.index == scene.target,
        "referred": item.index == caption.referred,
        "label": scene.label,
        "text": caption.text,
        "caption_kind": caption.kind,
        "content": "|".join(caption.content),
        "modifier": scene.modifier,
        "scene_seed": scene.seed,
        "size": scene.size,
        "clutter": scene.clutter,
        "plate_x": scene.plate[0],
        "plate_y": scene.plate[1],
    }


def read_scenes(root: Path) -> dict[str, Scene]:
    """The scene of every image of a Plates root, by key; ``render(scene, without=i)`` then removes an object.

    Raises:
        DataError: ``root`` is no Plates root.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     root = write(PlatesConfig(size=32, train=2, test=1), Path(folder) / "plates").root
        ...     len(read_scenes(root))
        3
    """
    return {key: _scene(rows) for key, rows in _rows_by_key(root).items()}


def read_captions(root: Path) -> dict[str, Caption]:
    """The caption of every image of a Plates root, by key, with its kind and what it refers to.

    Raises:
        DataError: ``root`` is no Plates root.
    """
    return {key: _caption(rows) for key, rows in _rows_by_key(root).items()}


def _rows_by_key(root: Path) -> dict[str, list[Row]]:
    _header(root)
    try:
        table = pd.read_parquet(Path(root) / "objects.parquet")
    except (OSError, ValueError) as error:
        raise DataError(f"{root}: objects.parquet cannot be read ({error}); write the data set again.") from error
    scenes: dict[str, list[Row]] = {}
    for row in table.to_dict("records"):
        scenes.setdefault(row["key"], []).append({str(name): value for name, value in row.items()})
    return scenes


def _scene(rows: list[Row]) -> Scene:
    first = rows[0]
    fields = ("index", "name", "colour", "x", "y", "radius", "angle")
    objects = tuple(PlateObject(**{name: row[name] for name in fields}) for row in rows)
    target = next(row["index"] for row in rows if row["target"])
    plate = (first["plate_x"], first["plate_y"])
    return Scene(first["scene_seed"], first["size"], first["clutter"], plate, objects, target, first["modifier"])


def _caption(rows: list[Row]) -> Caption:
    first = rows[0]
    referred = next((row["index"] for row in rows if row["referred"]), None)
    content = tuple(first["content"].split("|")) if first["content"] else ()
    return Caption(first["caption_kind"], first["text"], referred, content, first["modifier"])


def read_config(root: Path) -> PlatesConfig:
    """The settings a Plates root was written with.

    Raises:
        DataError: ``root`` is no Plates root.
    """
    return PlatesConfig.from_dict(_header(root)["config"])


def _header(root: Path) -> dict[str, Any]:
    path = Path(root) / "plates.json"
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{root} is no Plates data set: there is no plates.json.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    if (
        not isinstance(header, dict)
        or not {"config", "version", "image_only_ceiling", "caption_kinds"} <= header.keys()
    ):
        raise DataError(f"{path} is not one that gazeshift wrote; write the data set again.")
    return header


def _plain(config: PlatesConfig) -> dict[str, Any]:
    """The settings as JSON gives them back."""
    return dict(json.loads(json.dumps(config.to_dict())))


def _summary(root: Path, reused: bool) -> Written:
    header = _header(root)
    ceiling, config = header["image_only_ceiling"], PlatesConfig.from_dict(header["config"])
    scenes = {split: config.scenes(split) for split in SPLITS}
    return Written(root, scenes, header["caption_kinds"], ceiling["train"], ceiling["test"], reused)
