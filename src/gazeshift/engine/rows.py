"""From the maps of a shard's pairs to its rows: one for each map, and one for each pair without any."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from gazeshift.engine.job import MapJob, Shard
from gazeshift.mapstore.folder import MapFolder, ShardNote
from gazeshift.mapstore.shard import COLUMNS, OK, map_columns, text_id, write_shard
from gazeshift.measures import undefined
from gazeshift.pairs import Pair
from gazeshift.saliency import MapBatch
from gazeshift.saliency.reasons import why_incomplete


def write_rows(
    job: MapJob, classes: Sequence[str], model_digest: str, shard: Shard, batches: Sequence[MapBatch]
) -> ShardNote:
    """Write a shard, its rows in the order of its pairs.

    Args:
        job: what was computed.
        classes: of the model.
        model_digest: of the model.
        shard: the pairs.
        batches: their maps.

    Returns:
        What the shard holds.

    Raises:
        DataError: it cannot be written.
    """
    drawn = [batch for batch in batches if batch.pairs]
    skipped = [each for batch in batches for each in batch.skipped]
    place = {pair.key: index for index, pair in enumerate(shard.pairs)}
    parts = [_drawn(job, classes, batch, shard, place) for batch in drawn]
    parts += [_without(place[each.pair.key], each.status, each.error) for each in skipped]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in _COMPUTED}
    maps = _joined(drawn)
    source = np.concatenate([np.arange(len(maps)), np.full(len(skipped), -1)])
    order = np.argsort(rows["image"], kind="stable")
    order = order[rows["status"][order] != _LEFT_OUT]
    source = source[order]
    rows = {name: values[order] for name, values in rows.items()}
    there = source >= 0
    note = _note(shard, drawn, maps[source[there]])
    columns = {**_columns(job, rows, shard, model_digest), **map_columns(maps[source[there]], there)}
    files = MapFolder(job.out).shard(shard.number)
    write_shard(files, columns, _texts(job, shard), note.values())
    return note


_COMPUTED = ("image", "text_index", "text_id", "target", "class", "logit", "probability", "status", "error")
_LEFT_OUT = "left out"
_NOTHING = {"text_index": -1, "text_id": 0, "target": None, "class": None, "logit": np.nan, "probability": np.nan}


def _drawn(
    job: MapJob, classes: Sequence[str], batch: MapBatch, shard: Shard, place: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """A row for each map of a batch: image by image, text by text, class by class. Edits that do not apply have a row to be left out."""
    images, texts, among = batch.classes.shape
    rows = images * texts * among
    read = [text for pair in batch.pairs for text in _texts_of(job, shard, pair)]
    status = np.array([_LEFT_OUT if text is None else OK for text in read], object)
    return {
        "image": np.repeat([place[pair.key] for pair in batch.pairs], texts * among),
        "text_index": np.tile(np.repeat(np.arange(texts), among), images),
        "text_id": np.repeat(np.array([text_id(text or "") for text in read], np.int64), among),
        "target": np.full(rows, job.target if job.target in {"predicted", "label"} else "class", object),
        "class": np.array(classes, object)[batch.classes.ravel()],
        "logit": batch.logits.ravel(),
        "probability": (np.full(rows, np.nan) if batch.probabilities is None else batch.probabilities.ravel()),
        "status": np.repeat(status, among),
        "error": np.full(rows, None, object),
    }


def _without(image: int, status: str, error: str) -> dict[str, np.ndarray]:
    """The row of a pair without maps."""
    row = {"image": image, "status": status, "error": error, **_NOTHING}
    return {name: np.array([row[name]], object if isinstance(row[name], str | None) else None) for name in _COMPUTED}


def _columns(job: MapJob, rows: Mapping[str, np.ndarray], shard: Shard, model_digest: str) -> dict[str, pa.Array]:
    absent = rows["status"] != OK
    image: Int[np.ndarray, " n"] = rows["image"]
    values = {
        **rows,
        "image": image + shard.start,
        "key": np.array([pair.key for pair in shard.pairs], object)[image],
        "label": np.array([pair.label for pair in shard.pairs], object)[image],
        "edit": np.array([*job.edits, None] if job.edits else [None], object)[
            rows["text_index"] if job.edits else 0 * image
        ],
        "model": np.full(len(image), model_digest, object),
    }
    missing = dict.fromkeys(_NOTHING, absent) | {"probability": absent | np.isnan(rows["probability"].astype(float))}
    return {
        name: pa.array(values[name], kind, mask=missing.get(name), from_pandas=name not in _NOTHING)
        for name, kind in COLUMNS.items()
    }


def _joined(batches: Sequence[MapBatch]) -> Float[np.ndarray, "m h w"]:
    maps = [batch.maps.reshape(-1, *batch.maps.shape[3:]) for batch in batches]
    return np.concatenate(maps) if maps else np.zeros((0, 1, 1), np.float32)


def _texts_of(job: MapJob, shard: Shard, pair: Pair) -> Sequence[str | None]:
    if shard.texts:
        return shard.texts_of(pair)
    return (pair.text,) if job.texts is None else job.texts


def _texts(job: MapJob, shard: Shard) -> Iterator[str]:
    for pair in shard.pairs:
        yield from (text for text in _texts_of(job, shard, pair) if text is not None)


def _note(shard: Shard, drawn: Sequence[MapBatch], maps: Float[np.ndarray, "m h w"]) -> ShardNote:
    gaps = chain.from_iterable([] if batch.gaps is None else batch.gaps.ravel().tolist() for batch in drawn)
    return ShardNote(
        number=shard.number,
        start=shard.start,
        pairs=len(shard.pairs),
        digest=shard.digest,
        images=len({pair.key for batch in drawn for pair in batch.pairs}),
        maps=len(maps),
        undefined=int(undefined(maps).sum()) if len(maps) else 0,
        incomplete=sum(why_incomplete(gap) is not None for gap in gaps),
        grid=(maps.shape[1], maps.shape[2]) if len(maps) else None,
    )
