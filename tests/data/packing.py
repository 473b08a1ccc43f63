"""The same eighteen pairs as tar shards, Parquet files and tables: written by the formats' own libraries, not by gazeshift."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NAMES = ("apple", "bread", "cake")


def pack_member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """One file of a shard."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def pack_tar(path: Path, samples: list[dict[str, bytes]], form: int = tarfile.PAX_FORMAT) -> Path:
    """A shard of samples: suffix -> content, and ``__key__``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as tar:
        for sample in samples:
            for suffix, content in sample.items():
                if suffix != "__key__":
                    pack_member(tar, f"{sample['__key__'].decode()}.{suffix}", content)
    return path


def samples_of(root: Path, rows: list[dict[str, Any]]) -> list[dict[str, bytes]]:
    """The rows of a table as samples with a ``.png``, a ``.txt`` and a ``.cls``."""
    return [
        {
            "__key__": Path(row["image"]).stem.encode(),
            "png": (root / row["image"]).read_bytes(),
            "txt": row["text"].encode(),
            "cls": row["label"].encode(),
        }
        for row in rows
    ]


def pack_shards(root: Path, rows: list[dict[str, Any]], folder: str = "shards") -> Path:
    """Two shards of training and one of test pairs, their splits in their names."""
    for split, parts in (("train", 2), ("test", 1)):
        mine = [row for row in rows if row["split"] == split]
        for part in range(parts):
            pack_tar(root / folder / f"food-{split}-{part:03}.tar", samples_of(root, mine[part::parts]))
    return root / folder


def pack_parquet(root: Path, rows: list[dict[str, Any]], folder: str = "parquet", struct: bool = True) -> Path:
    """One Parquet file for each split, in row groups of five, with the pictures' bytes as Hugging Face or others write them."""
    (root / folder).mkdir(exist_ok=True)
    for split in ("train", "test"):
        mine = [row for row in rows if row["split"] == split]
        contents = [(root / row["image"]).read_bytes() for row in mine]
        paths = [Path(row["image"]).name for row in mine]
        images = (
            [{"bytes": each, "path": path} for each, path in zip(contents, paths, strict=True)] if struct else contents
        )
        labels = [NAMES.index(row["label"]) for row in mine]
        table = pa.table({"image": images, "text": [row["text"] for row in mine], "label": labels})
        features = {"label": {"names": list(NAMES), "_type": "ClassLabel"}}
        info = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(
            table.replace_schema_metadata(info), root / folder / f"{split}-00000-of-00001.parquet", row_group_size=5
        )
    return root / folder
