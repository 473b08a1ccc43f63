"""Callbacks around epochs: checkpoint, logs, progress line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gazeshift.training.history import EpochRecord, write_csv
from gazeshift.training.module import PairModule
from gazeshift.training.progress import bar
from gazeshift.training.ranks import ranks
from gazeshift.training.tensorboard import write_events


class SaveEpoch(Callback):
    """After each epoch: the checkpoint (whole at any time), the table of epochs, TensorBoard's figures."""

    def __init__(self, checkpoint: Path, table: Path, events: Path) -> None:
        self.checkpoint, self.table, self.events = checkpoint, table, events

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write all three."""
        history = _history(module)
        trainer.save_checkpoint(self.checkpoint)  # the first process writes; all must call it
        if ranks().first:
            write_csv(history, self.table)
            write_events(history, self.events)


class TellEpoch(Callback):
    """Notify the caller of each finished epoch."""

    def __init__(self, tell: Callable[[EpochRecord], None]) -> None:
        self.tell = tell

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """The checkpoint is written by now."""
        if ranks().first:
            self.tell(_history(module)[-1])


class ShowProgress(Callback):
    """One line: epoch, loss, validation accuracy, time to go."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar = bar(enabled=True)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Show the line; a resumed training begins where it was."""
        steps = int(trainer.num_training_batches)
        done = trainer.current_epoch * steps
        self.task = self.bar.add_task(self._describe(module, trainer), total=trainer.max_epochs * steps, completed=done)
        self.bar.start()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One step on."""
        self.bar.advance(self.task)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """The epoch's figures."""
        self.bar.update(self.task, description=self._describe(module, trainer))

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Leave the finished line."""
        self.bar.stop()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        """Leave the line as it is and the terminal's cursor visible."""
        self.bar.stop()

    def _describe(self, module: LightningModule, trainer: Trainer) -> str:
        history = _history(module)
        if not history:
            return f"{self.name}: epoch 0/{trainer.max_epochs}"
        last = history[-1]
        return (
            f"{self.name}: epoch {last.epoch}/{trainer.max_epochs} loss {last.train_loss:.3f} "
            f"validation {last.validation_accuracy:.3f}"
        )


def _history(module: LightningModule) -> list[EpochRecord]:
    assert isinstance(module, PairModule)  # noqa: S101  # the only module these callbacks are given
    return module.history
