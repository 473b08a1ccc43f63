"""The epochs of a training in TensorBoard's format."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gazeshift.atomic import atomic_write
from gazeshift.training.history import EpochRecord

FILE = "events.out.tfevents.0.gazeshift"
"""TensorBoard recognises its files by this prefix."""


def write_events(history: Sequence[EpochRecord], folder: Path) -> None:
    """Write the figures of all epochs for ``tensorboard --logdir``; the file is whole at any time.

    TensorBoard's own writers write from a separate thread, where a full disk prints a traceback instead of raising an error.

    Args:
        history: every finished epoch.
        folder: folder of ``FILE``; created if missing.

    Raises:
        DataError: it cannot be written.
    """
    # Half a second to import; code that only reads recipes or predicts does not pay for it.
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415
    from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: PLC0415

    with atomic_write(folder / FILE, parents=True) as path, path.open("wb") as file:
        records = RecordWriter(file)
        records.write(Event(file_version="brain.Event:2").SerializeToString())
        clock = 0.0
        for record in history:
            figures = asdict(record)
            epoch, clock = figures.pop("epoch"), clock + record.seconds
            values = [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
            records.write(Event(wall_time=clock, step=epoch, summary=Summary(value=values)).SerializeToString())
