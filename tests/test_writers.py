"""Everything that is written is there whole or not at all, and what the system refuses is one line: every writer there is."""

import ast
import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from safetensors import SafetensorError

import gazeshift as gs
from gazeshift.arrays import atomic_array
from gazeshift.atomic import atomic_folder, atomic_write, write_json
from gazeshift.data.loader import crops
from gazeshift.data.mosaic import MosaicConfig
from gazeshift.data.mosaic import write as write_mosaics
from gazeshift.data.plates import PlatesConfig
from gazeshift.data.plates import write as write_plates
from gazeshift.edits import Corpus, WholeWords, find_lexicon
from gazeshift.errors import DataError
from gazeshift.evaluation.modifiers import Modifiers
from gazeshift.mapstore.folder import MapFolder
from gazeshift.mapstore.shard import COLUMNS, map_columns, write_shard
from gazeshift.mapstore.store import GROUP, MapFile, write_maps, write_table
from gazeshift.mapstore.write import scan_files
from gazeshift.models import save
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.runs.folder import RunFolder
from gazeshift.study.steps import Steps
from gazeshift.training import image_features
from gazeshift.training.history import EpochRecord, write_csv
from gazeshift.training.tensorboard import write_events

NoSpace = Callable[[], AbstractContextManager[None]]
Prepared = Callable[[], object]
SOURCE = Path(gs.__file__).parent
HISTORY = [EpochRecord(1, 1.0, 1.0, 0.5, 0.1, 1.0)]
MAPS = [{"key": "a.png", "label": "donut", "text": text, "class": "donut", "map": np.eye(3)} for text in ("", "red")]
PICTURE = Image.effect_noise((40, 40), 50).convert("RGB")


def _file(folder: Path, _: gs.Classifier) -> Prepared:
    def write() -> None:
        with atomic_write(folder / "new" / "a.txt", parents=True) as file:
            file.write_text("more than eight bytes")

    return write


def _folder(folder: Path, _: gs.Classifier) -> Prepared:
    def write() -> None:
        with atomic_folder(folder / "new" / "result") as place:
            (place / "a.txt").write_text("more than eight bytes")

    return write


def _array(folder: Path, _: gs.Classifier) -> Prepared:
    def write() -> None:
        with atomic_array(folder / "new" / "a.npy", (100,), np.float32) as append:
            append(np.zeros(100))

    return write


def _crops(folder: Path, _: gs.Classifier) -> Prepared:
    pair = Pair("a.png", folder / "a.png", "", "donut", "train")
    PICTURE.save(folder / "a.png")
    return lambda: crops([pair], Preprocessing(size=32), folder / "cache")


def _features(folder: Path, model: gs.Classifier) -> Prepared:
    images, how = np.zeros((3, 3, 64, 64), np.uint8), Preprocessing(size=64)
    return lambda: image_features(model.trunk, images, how, pools_first=False, folder=folder / "new", progress=False)


def _checkpoint(folder: Path, _: gs.Classifier) -> Prepared:
    from gazeshift.training.engine import WholeCheckpoints  # noqa: PLC0415

    return lambda: WholeCheckpoints().save_checkpoint({"epoch": 1}, folder / "last.ckpt")


def _explained(folder: Path, model: gs.Classifier) -> Prepared:
    maps = gs.explain(model, PICTURE, ["", "red"])
    return lambda: maps.save(folder / "maps.safetensors")


def _one_by_one(folder: Path, _: gs.Classifier) -> Prepared:
    def write() -> None:
        with MapFile(folder / "new" / "maps.parquet") as file:
            file.add({"key": ["a"] * GROUP}, np.ones((GROUP, 2, 2)))

    return write


def _shard(folder: Path, _: gs.Classifier) -> Prepared:
    there = np.ones(2, bool)
    values = {name: pa.array([None, None], kind) for name, kind in COLUMNS.items()} | map_columns(
        np.ones((2, 3, 3)), there
    )
    return lambda: write_shard(MapFolder(folder / "new").shard(0), values, ["", "red"], {})


def _scanned(folder: Path, _: gs.Classifier) -> Prepared:
    write_maps(MAPS, folder / "maps.parquet")
    return lambda: scan_files([folder / "maps.parquet"], folder / "tables")


def _modifiers(folder: Path, _: gs.Classifier) -> Prepared:
    corpus = Corpus.of([Pair("a.png", b"", "a red donut", "donut", "train")], ["donut"], find_lexicon("english"))
    modifiers = Modifiers.of("english", 2, WholeWords())
    return lambda: modifiers.write(corpus, folder / "store")


def _mosaics(folder: Path, _: gs.Classifier) -> Prepared:
    pairs = [Pair(f"{i}.png", folder / f"{i}.png", "", "ab"[i % 2], ("train", "validation")[i > 1]) for i in range(4)]
    for i, pair in enumerate(pairs):
        PICTURE.rotate(90 * i).save(folder / pair.key)
    config = MosaicConfig(tiles=(1, 2), size=32, train=2, validation=1, test=0, mix={"class": 1})
    return lambda: write_mosaics(config, pairs, folder / "new" / "mosaics")


WRITERS: dict[str, Callable[[Path, gs.Classifier], Prepared]] = {
    "a file": _file,
    "JSON": lambda folder, _: lambda: write_json(folder / "new" / "a.json", ["more than eight bytes"]),
    "a folder": _folder,
    "an array": _array,
    "crops": _crops,
    "features": _features,
    "checkpoint": _checkpoint,
    "epochs": lambda folder, _: lambda: write_csv(HISTORY, folder / "metrics.csv"),
    "TensorBoard": lambda folder, _: lambda: write_events(HISTORY, folder / "new"),
    "model": lambda folder, model: lambda: save(model, folder / "models" / "model"),
    "maps of an image": _explained,
    "table": lambda folder, _: lambda: write_table(pd.DataFrame({"a": [1, 2]}), folder / "new" / "a.parquet"),
    "maps": lambda folder, _: lambda: write_maps(MAPS, folder / "new" / "maps.parquet"),
    "maps one by one": _one_by_one,
    "a shard of maps": _shard,
    "measures of maps": _scanned,
    "step": lambda folder, _: lambda: Steps(RunFolder(folder)).do("a step", {}, lambda digest: None),
    "modifiers": _modifiers,
    "mosaics": _mosaics,
    "plates": lambda folder, _: lambda: write_plates(PlatesConfig(size=32, train=2, test=1), folder / "plates"),
}


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", WRITERS)
def test_no_space_is_one_line_and_leaves_nothing(tmp_path: Path, build: Callable, no_space: NoSpace, name: str) -> None:
    write = WRITERS[name](tmp_path, build())
    before = _files(tmp_path)
    with pytest.raises(DataError) as caught, no_space():
        write()
    assert str(tmp_path) in str(caught.value)
    assert str(caught.value).endswith(": cannot be written (File too large).")
    assert "\n" not in str(caught.value)
    assert ".unfinished" not in str(caught.value)
    assert _files(tmp_path) == before
    write()  # there is space again
    assert len(_files(tmp_path)) > len(before)


FULL = {
    "the system": OSError(errno.ENOSPC, "No space left on device"),
    "a quota": OSError(errno.EDQUOT, "Disk quota exceeded"),
    "with a name": OSError(errno.ENOSPC, "No space left on device", "{folder}/a.txt.unfinished"),
    "safetensors": SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    "tokenizers": Exception("No space left on device (os error 28)"),
}


@pytest.mark.parametrize("who", FULL)
def test_a_full_disk_names_the_folder(tmp_path: Path, who: str) -> None:
    error = FULL[who]
    if isinstance(error, OSError) and error.filename:
        error = OSError(error.errno, error.strerror, error.filename.format(folder=tmp_path))
    with pytest.raises(DataError) as caught, atomic_write(tmp_path / "a.txt"):
        raise error
    assert (
        str(caught.value) == f"{tmp_path}: the disk is full and a.txt cannot be written; free some space and try again."
    )
    with (
        pytest.raises(DataError, match=f"^{tmp_path}: the disk is full and b cannot"),
        atomic_folder(tmp_path / "b") as inner,
        atomic_write(inner / "c" / "d.txt", parents=True),
    ):
        raise error if not isinstance(error, OSError) else OSError(error.errno, error.strerror)
    assert not list(tmp_path.iterdir())


def test_a_full_temporary_folder_is_named_and_not_the_result(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match=r"^/somewhere: the disk is full and tmp123 cannot"),
        atomic_write(tmp_path / "a"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/tmp123")


def test_what_is_no_fault_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), atomic_write(tmp_path / "a"):
        raise ValueError("mine")


# Calls that write. Each stands in a block of BLOCKS, or in a function of INSIDE, which is only called in one.
WRITES = {
    *("write_text", "write_bytes", "save", "save_file", "save_pretrained", "savefig", "imsave", "tofile", "memmap"),
    *("to_parquet", "to_csv", "to_json", "ParquetWriter", "open_memmap", "savez", "savez_compressed", "dump"),
    *("copyfile", "copytree", "copy2", "move", "renames"),
}
BLOCKS = {"atomic_write", "atomic_folder", "atomic_array", "growing_table"}
INSIDE = {
    "data/plates/store.py": {"_write_draft", "_write_chunk", "_write_titles"},
    "data/mosaic/store.py": {"_write_draft", "_write_mosaic"},
    "models/files.py": {"write_model"},  # by save and by sharing, into a folder that is renamed when whole
    "models/tokenizer.py": {"save", "save_pretrained"},  # by models/files.py
    "mapstore/growing.py": {"write"},  # enters its block itself
    "bench/photos.py": {"write_photos"},  # into a temporary folder
    "cli/explain.py": {"explain_image"},  # SaliencyMaps.save is a writer itself
    "cli/main.py": {"_drop_output"},  # to the null device
}
MEMORY = {"BytesIO", "StringIO"}


def _named(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _calls(node: ast.AST) -> set[str]:
    return {_named(each) for each in ast.walk(node) if isinstance(each, ast.Call)}


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _replaces_a_file(call: ast.Call) -> bool:
    """``path.replace(other)`` or ``path.rename(other)``; those of texts, tables and dates take other arguments."""
    if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "os":
        return call.func.attr in {"rename", "replace"}
    one = len(call.args) == 1 and not call.keywords and not _is_text(call.args[0])
    return isinstance(call.func, ast.Attribute) and call.func.attr in {"rename", "replace"} and one


def _opens_to_write(call: ast.Call) -> bool:
    """``open(path, "w")`` or ``path.open("w")``, also as ``mode="w"``."""
    if _named(call) not in {"open", "fdopen"}:
        return False
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    modes = [each.value for each in given if _is_text(each)]  # type: ignore[attr-defined]
    return any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes)


def _is_a_write(call: ast.Call, memory: set[str]) -> bool:
    to_memory = any(isinstance(given, ast.Name) and given.id in memory for given in call.args)
    own = getattr(call.func, "id", "") == "save"  # gazeshift.models.save, a writer itself
    return (_named(call) in WRITES and not to_memory and not own) or _opens_to_write(call) or _replaces_a_file(call)


def _in_memory(function: ast.AST) -> set[str]:
    """Names in a function that stand for a file in memory."""
    assigned = [each for each in ast.walk(function) if isinstance(each, ast.Assign) and _calls(each.value) & MEMORY]
    return {target.id for each in assigned for target in each.targets if isinstance(target, ast.Name)}


def _by_hand(
    node: ast.AST, function: str = "", inside: bool = False, memory: frozenset[str] = frozenset()
) -> list[tuple[str, int]]:
    """Calls that write outside of a block that keeps what they write whole: in which function, in which line."""
    if isinstance(node, ast.FunctionDef):
        function, inside, memory = node.name, False, frozenset(_in_memory(node))
    if isinstance(node, ast.With):
        items = [_by_hand(item, function, inside, memory) for item in node.items]
        inside = inside or any(_calls(item) & BLOCKS for item in node.items)
        found = [each for item in items for each in item] if not inside else []
        return found + [each for child in node.body for each in _by_hand(child, function, inside, memory)]
    found = []
    if isinstance(node, ast.Call) and _is_a_write(node, set(memory)) and not (inside or _calls(node.func) & BLOCKS):
        found.append((function, node.lineno))
    return found + [each for child in ast.iter_child_nodes(node) for each in _by_hand(child, function, inside, memory)]


@pytest.mark.parametrize(
    "path",
    sorted(set(SOURCE.rglob("*.py")) - {SOURCE / "atomic.py"}),
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_nothing_is_written_by_hand(path: Path) -> None:
    name = str(path.relative_to(SOURCE))
    by_hand = [
        f"line {line}"
        for function, line in _by_hand(ast.parse(path.read_text(encoding="utf-8")))
        if function not in INSIDE.get(name, set())
    ]
    assert not by_hand, (
        f"{name}: {', '.join(by_hand)}: write through gazeshift.atomic, so that there is never half a file"
    )


BY_HAND = {
    "a text": "path.write_text(text)",
    "opened": "with path.open('w') as file:\n    file.write(text)",
    "opened by the function": "with open(path, mode='xb') as file:\n    file.write(text)",
    "renamed": "draft.write_bytes(b'')\ndraft.replace(path)",
    "renamed by the system": "os.replace(draft, path)",
    "a picture": "picture.save(path, 'PNG')",
    "a table": "frame.to_csv(path)",
    "in a function within a block": "with atomic_write(path) as file:\n    def late():\n        path.write_text(text)",
}
WHOLE = {
    "in a block": "with atomic_write(path) as file:\n    file.write_text(text)",
    "in a folder": "with atomic_folder(path) as folder, other:\n    (folder / 'a').write_text(text)",
    "in the same with": "with atomic_write(path) as file, file.open('wb') as stream:\n    stream.write(text)",
    "in a stack": "stack.enter_context(atomic_write(path)).write_bytes(content)",
    "read": "with path.open('rb') as file, open(path) as other:\n    file.read()",
    "a text's own replace": "text.replace('a', 'b')\ndataclasses.replace(one, a=2)\nseries.rename('floor')",
    "in memory": "def encode():\n    buffer = io.BytesIO()\n    picture.save(buffer, 'PNG')",
}


@pytest.mark.parametrize("name", BY_HAND)
def test_every_way_to_write_by_hand_is_noticed(name: str) -> None:
    assert _by_hand(ast.parse(BY_HAND[name]))


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_written_whole_or_not_at_all_is_let_pass(name: str) -> None:
    assert not _by_hand(ast.parse(WHOLE[name]))
