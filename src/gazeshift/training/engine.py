"""The training run, on Lightning: loaders, trainer, and interruptions that stay KeyboardInterrupt."""

import io
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader

from gazeshift.atomic import atomic_write
from gazeshift.training.augment import AUGMENTATIONS
from gazeshift.training.callbacks import SaveEpoch, ShowProgress, TellEpoch
from gazeshift.training.history import EpochRecord
from gazeshift.training.inputs import Batch, Inputs, PairBatches, Requests
from gazeshift.training.machine import EndAtOnce, environment, machine
from gazeshift.training.module import PairModule
from gazeshift.training.quiet import quiet_lightning
from gazeshift.training.ranks import ranks
from gazeshift.training.recipe import Recipe
from gazeshift.training.repeatable import repeatable
from gazeshift.training.shares import Division

_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}
_VALIDATION_BATCH = 128


def run(
    module: PairModule,
    work: Path,
    checkpoint: Path,
    *,
    first_epoch: int,
    workers: int,
    progress: bool,
    on_epoch: Callable[[EpochRecord], None] | None,
) -> None:
    """Train all epochs from ``first_epoch`` on; the earlier ones are in the checkpoint.

    Raises:
        TrainingError: a loss that is not finite.
        KeyboardInterrupt: Ctrl-C.
    """
    recipe, here = module.recipe, ranks()
    callbacks: list[Callback] = [SaveEpoch(checkpoint, work / "metrics.csv", work / "tensorboard")]
    callbacks += [EndAtOnce()] if here.size > 1 else []
    callbacks += [ShowProgress(module.model.spec.name)] if progress and here.first else []
    callbacks += [TellEpoch(on_epoch)] if on_epoch is not None else []
    with quiet_lightning(), repeatable():
        trainer = Trainer(
            **machine(here),
            precision=_PRECISION[recipe.precision],
            max_epochs=recipe.epochs,
            gradient_clip_val=recipe.gradient_clip,
            accumulate_grad_batches=recipe.accumulate,
            logger=False,
            callbacks=callbacks,
            plugins=[environment(here), WholeCheckpoints()],
            default_root_dir=work,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        division = Division(here.rank, here.size, recipe.accumulate)
        train = _loader(module.train_inputs, recipe, module.seed, workers, division, first_epoch)
        validation = _loader(module.validation_inputs, recipe, None, workers, replace(division, parts=1))
        handler = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, train, validation, ckpt_path=checkpoint if first_epoch else None, weights_only=True)
        except SystemExit as error:
            # Lightning turns Ctrl-C into an exit of the process and leaves Ctrl-C ignored; a library must do neither.
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints written next to their final path; Lightning itself uses the system's temporary folder, which may be on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint, whole or not at all."""
        buffer = io.BytesIO()  # when writing to a file, torch.save turns a full disk into an error without a reason
        torch.save(checkpoint, buffer)
        with atomic_write(path) as file:
            file.write_bytes(buffer.getvalue())  # for a view, Python 3.12 crashes if the write fails


def _loader(
    inputs: Inputs, recipe: Recipe, seed: int | None, workers: int, division: Division, epoch: int = 0
) -> DataLoader[Batch]:
    """This process's shares of all batches, built by workers or here.

    ``seed``: of order and augmentation; None: in order and without augmentation.
    """
    augmentation = AUGMENTATIONS[recipe.augmentation if seed is not None else "none"]
    size = recipe.batch_size if seed is not None else max(_VALIDATION_BATCH, recipe.batch_size)
    return DataLoader(
        PairBatches(inputs, augmentation, seed or 0),
        sampler=Requests(len(inputs.labels), size, seed, epoch, division),
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
