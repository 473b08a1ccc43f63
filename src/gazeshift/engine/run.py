"""A run: the shards that are missing, on an engine; the manifest last."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress

import torch

from gazeshift.atomic import writing
from gazeshift.engine.engines import ENGINES
from gazeshift.engine.job import EditedTexts, MapJob, Shard, cut, maps_per_pair, shard_size
from gazeshift.engine.status import EVERY, Status
from gazeshift.engine.work import Engine
from gazeshift.engine.worker import MapWork
from gazeshift.errors import DataError, ModelError, UsageError
from gazeshift.json_types import Json
from gazeshift.locks import alone
from gazeshift.mapstore.folder import MapFolder, ShardNote, begin, finish, refuse_other
from gazeshift.mapstore.shard import read_note
from gazeshift.models import Classifier
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.registry import lookup
from gazeshift.saliency.stream import check_stream


def run_maps(
    job: MapJob,
    model: Classifier | Given,
    pairs: Iterable[Pair],
    total: int | None = None,
    *,
    edited: Callable[[Pair], EditedTexts] | None = None,
    engine: str = "local",
    workers: int | None = None,
    watch: Callable[[Status], None] = lambda status: None,
    say: Callable[[str], None] = lambda line: None,
) -> Json:
    """Compute the maps of all pairs into a folder, or what is left of them.

    However it ends, the same call goes on: shards that are whole stay and are not computed again.

    Args:
        job: what is computed, and where it goes.
        model: opened from ``job.model``; used in this process, opened again in others.
        pairs: consumed as needed; the same at every call.
        total: how many there are, if that is known.
        edited: the texts of a pair under every edit of the job, if it has any.
        engine: ``local`` or ``ray``.
        workers: shards at a time; None: what suits the engine.
        watch: called every two seconds, and at the end.
        say: called with one line when the run stalls.

    Returns:
        The manifest of the folder.

    Raises:
        UsageError: an unknown engine; the folder holds maps of other settings or other pairs.
        ConfigError: another run is writing into the folder.
        DataError: no image can be decoded, or something cannot be written.
        ModelError: as ``Worker``; or grids differ in size between pictures.
    """
    compute = lookup(ENGINES, engine, "engine")
    check_stream(model, job.texts, job.method, job.speed, job.target)
    folder = MapFolder(job.out)
    refuse_other(folder)
    with writing(folder.path):
        folder.path.mkdir(parents=True, exist_ok=True)
    with alone(folder.lock, "run"):
        settings = job.settings(model.digest())
        size = begin(folder, settings, shard_size(total, maps_per_pair(job, len(model.classes))))
        status = Status(folder.status, total, say)
        with _watched(status, watch), _threads_as_before():
            notes = _notes(folder, job, model, cut(pairs, size, edited), compute, workers, status)
            return finish(folder, settings, notes)


def _notes(
    folder: MapFolder,
    job: MapJob,
    model: Classifier | Given,
    shards: Iterable[Shard],
    compute: Engine,
    workers: int | None,
    status: Status,
) -> list[ShardNote]:
    """What every shard holds, in order; those that are missing are computed."""
    notes: dict[int, ShardNote] = {}
    finished = set(folder.finished())

    def missing() -> Iterator[Shard]:
        for shard in shards:
            if shard.number in finished:
                note = _checked(ShardNote.of(read_note(folder.shard(shard.number).maps)), shard, folder)
                _take(notes, note, status, reused=True)
            else:
                yield shard

    with closing(compute(MapWork(job, model), missing(), workers, status.images)) as done:
        for note in done:
            _take(notes, note, status, reused=False)
    if beyond := finished - notes.keys():
        raise UsageError(
            f"{folder.path}: holds shard {min(beyond)}, and the data end before it: they have changed; name a new folder."
        )
    if not any(note.images for note in notes.values()):
        raise DataError(f"{folder.path}: no image can be decoded, so there is no map; the shards say why of each.")
    return [notes[number] for number in sorted(notes)]


def _checked(note: ShardNote, shard: Shard, folder: MapFolder) -> ShardNote:
    if note.digest != shard.digest:
        raise UsageError(
            f"{folder.path}: shard {shard.number} holds other pairs than the data have there now "
            f"(from {shard.pairs[0].key!r}): they have changed; name a new folder."
        )
    return note


def _take(notes: dict[int, ShardNote], note: ShardNote, status: Status, *, reused: bool) -> None:
    known = next((each.grid for each in notes.values() if each.grid is not None), None)
    if known is not None and note.grid is not None and known != note.grid:
        sizes = " and ".join(f"{height} x {width}" for height, width in (known, note.grid))
        raise ModelError(
            f"this model's grid depends on the picture ({sizes} cells), and the maps of a folder need one size: give pictures of one "
            "shape, or explain them one by one."
        )
    notes[note.number] = note
    status.shard(note.pairs, note.pairs - note.images, reused=reused)


@contextmanager
def _threads_as_before() -> Iterator[None]:
    """Workers set how many threads PyTorch computes with in theirs, which is also what threads begun later get."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _watched(status: Status, watch: Callable[[Status], None]) -> Iterator[None]:
    """Look at the status every now and then, from another thread; at the end, write how it ended."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(EVERY):
            with suppress(DataError):  # the run itself will say so
                status.look()
            watch(status)

    watcher = threading.Thread(target=look, daemon=True, name="gazeshift-status")
    watcher.start()
    state = "failed"
    try:
        yield
        state = "done"
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    finally:
        ended.set()
        watcher.join()
        with suppress(DataError):
            status.write(state)
        watch(status)
