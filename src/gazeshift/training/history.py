"""The history of a training, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from gazeshift.atomic import atomic_write
from gazeshift.spreadsheet import csv_text


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch.

    Attributes:
        epoch: counted from 1.
        train_loss: mean over its pairs, each with the weights of its step, with label smoothing and augmentation.
        validation_loss: cross-entropy without label smoothing.
        validation_accuracy: in [0, 1].
        learning_rate: the highest of all groups, in the epoch's last step.
        seconds: training and validation.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """A finished training; the model holds the kept weights.

    Attributes:
        epochs: number of finished epochs, including those before a resume.
        best_epoch: the epoch of the highest validation accuracy (the first of equals), counted from 1.
        kept_epoch: the epoch whose weights the model holds: ``best_epoch`` or the last one, as the recipe says.
        validation_accuracy: of the kept weights.
        train_loss: of the last epoch.
        seconds: of all epochs.
        history: every epoch.
    """

    epochs: int
    best_epoch: int
    kept_epoch: int
    validation_accuracy: float
    train_loss: float
    seconds: float
    history: tuple[EpochRecord, ...]

    @classmethod
    def of(cls, history: Sequence[EpochRecord], keep: str) -> "Fitted":
        """Summarise the epochs."""
        best = best_of(history)
        kept = best if keep == "best" else history[-1]
        return cls(
            epochs=len(history),
            best_epoch=best.epoch,
            kept_epoch=kept.epoch,
            validation_accuracy=kept.validation_accuracy,
            train_loss=history[-1].train_loss,
            seconds=sum(record.seconds for record in history),
            history=tuple(history),
        )


def best_of(history: Sequence[EpochRecord]) -> EpochRecord:
    """The epoch of the highest validation accuracy, the first of equals.

    Example:
        >>> best_of([EpochRecord(1, 2.0, 2.0, 0.5, 0.1, 1.0), EpochRecord(2, 1.0, 1.0, 0.5, 0.1, 1.0)]).epoch
        1
    """
    return max(history, key=lambda record: (record.validation_accuracy, -record.epoch))


def write_csv(history: Sequence[EpochRecord], path: Path) -> None:
    """Write all epochs as a table; the file is whole at any time."""
    with atomic_write(path) as file:
        file.write_text(
            csv_text([field.name for field in fields(EpochRecord)], map(astuple, history)), encoding="utf-8"
        )
