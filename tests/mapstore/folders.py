"""A folder of maps as a run leaves it, written plainly: shards of maps, the texts of each shard, the manifest."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .stored import Row


def write_folder(path: Path, rows: Sequence[Row], shards: int = 2) -> Path:
    """Rows with key and text, and optionally label, edit, class, target, text_index, status and map, in shards of whole images."""
    keys = list(dict.fromkeys(row["key"] for row in rows))
    for kind in ("maps", "texts"):
        (path / kind).mkdir(parents=True)
    for shard, mine in enumerate(np.array_split(np.array(keys, object), shards)):
        name = f"part-{shard:05d}.parquet"
        some = [row for row in rows if row["key"] in set(mine)]
        texts = {_text_id(row["text"]): row["text"] for row in some}
        pq.write_table(_maps(some, keys), path / "maps" / name, compression="zstd")
        pq.write_table(pa.table({"text_id": list(texts), "text": list(texts.values())}), path / "texts" / name)
    manifest = {"schema": 2, "settings": {}, "model": "m", "maps": len(rows), "images": len(keys), "failed": 0}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def _text_id(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _maps(rows: Sequence[Row], keys: Sequence[str]) -> pa.Table:
    height, width = next(row["map"].shape for row in rows if row.get("map") is not None)
    raw = [None if row.get("map") is None else np.asarray(row["map"], np.float32) for row in rows]
    scale = [None if one is None else float(np.abs(one).max()) for one in raw]
    halves = [
        None if one is None else (one / (top or 1)).astype(np.float16).astype(np.float32).ravel().tolist()
        for one, top in zip(raw, scale, strict=True)
    ]
    seen: dict[str, int] = {}
    counted = [seen.update({row["key"]: seen.get(row["key"], -1) + 1}) or seen[row["key"]] for row in rows]
    words = {
        name: pa.array([row.get(name, default) for row in rows], pa.string()).dictionary_encode()
        for name, default in {"key": None, "label": None, "edit": None, "target": "predicted", "class": None}.items()
    }
    return pa.table(
        {
            "image": pa.array([keys.index(row["key"]) for row in rows], pa.int64()),
            **words,
            "text_index": pa.array(
                [row.get("text_index", place) for row, place in zip(rows, counted, strict=True)], pa.int32()
            ),
            "text_id": pa.array([_text_id(row["text"]) for row in rows], pa.int64()),
            "logit": pa.array([row.get("logit") for row in rows], pa.float32()),
            "probability": pa.array([None for _ in rows], pa.float32()),
            "status": pa.array([row.get("status", "ok") for row in rows]).dictionary_encode(),
            "error": pa.array([None if row.get("status", "ok") == "ok" else "why" for row in rows], pa.string()),
            "model": pa.array(["m"] * len(rows)).dictionary_encode(),
            "height": pa.array([height] * len(rows), pa.int32()),
            "width": pa.array([width] * len(rows), pa.int32()),
            "scale": pa.array(scale, pa.float32()),
            "map": pa.array(halves, pa.list_(pa.float32())),  # pyarrow 25 cannot read empty places in lists of one size
        }
    )
