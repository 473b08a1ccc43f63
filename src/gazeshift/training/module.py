"""The Lightning module: one step, one validation, and what a checkpoint holds."""

import math
import time
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from gazeshift.errors import TrainingError
from gazeshift.models import Classifier
from gazeshift.training.averaging import Average
from gazeshift.training.blending import Blend
from gazeshift.training.history import EpochRecord, best_of
from gazeshift.training.inputs import Batch, Inputs
from gazeshift.training.keyed import keyed_seed
from gazeshift.training.losses import losses, suited, three_losses
from gazeshift.training.optimise import OPTIMIZERS, SCHEDULES, Schedule, parameter_groups
from gazeshift.training.parts import trained_state
from gazeshift.training.ranks import added, ranks
from gazeshift.training.recipe import Recipe


class PairModule(LightningModule):
    """Trains the parts of a classifier that are not frozen.

    Schedules are stepped here and not by Lightning, which steps those that monitor a loss only after the epoch's checkpoint was written;
    a resumed training would then miss one step.
    """

    def __init__(
        self,
        model: Classifier,
        train: Inputs,
        validation: Inputs,
        recipe: Recipe,
        seed: int,
        frozen: list[nn.Module],
        identity: dict[str, str],
    ) -> None:
        super().__init__()
        self.model = model
        self.train_inputs, self.validation_inputs = train, validation
        self.recipe, self.seed, self.frozen, self.identity = suited(recipe, model), seed, frozen, identity
        self.history: list[EpochRecord] = []
        self.best_state: dict[str, Tensor] = {}
        self.schedule: Schedule
        self._schedule_state: dict[str, Any] = {}
        self.average: Average | None = None
        self._average_state: dict[str, Tensor] | None = None
        self._started = 0.0
        self._train, self._validation = _Mean(), _Mean()
        self._train_each, self._validation_each = [_Mean() for _ in range(3)], [_Mean() for _ in range(3)]
        self.blend = Blend()
        self._right, self._rate = 0, 0.0
        self.strict_loading = False  # a checkpoint holds the trained parts only

    def configure_optimizers(self) -> Optimizer:
        """Optimiser and schedule of the recipe."""
        groups = parameter_groups(self.model, self.recipe)
        optimizer = OPTIMIZERS[self.recipe.optimizer]([group.options() for group in groups], self.recipe)
        steps = self.recipe.epochs * math.ceil(len(self.train_inputs.labels) / self.recipe.batch_size)
        self.schedule = SCHEDULES[self.recipe.schedule](optimizer, self.recipe, steps)
        if self._schedule_state:
            self.schedule.scheduler.load_state_dict(self._schedule_state)
        return optimizer

    def on_fit_start(self) -> None:
        """Begin the average, or continue it; the model is on its device by now."""
        if self.recipe.ema:
            self.average = Average(self.model, self.frozen, self.recipe.ema, self._average_state)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Both sides of the inputs move their own parts."""
        return batch

    def on_train_epoch_start(self) -> None:
        """Start the means and the clock."""
        self._started = time.perf_counter()
        self._train, self._train_each = _Mean(), [_Mean() for _ in range(3)]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch; the random state (dropout) depends on seed and step alone."""
        torch.manual_seed(keyed_seed("step", self.seed, self.global_step))
        self._rate = self._learning_rate()
        parts = self.recipe.accumulate
        found = losses(self.model, self.train_inputs, batch, self.recipe, self.blend.weights)
        mean = _Mean()
        mean.add(found.total.item(), batch.share.count)
        mean = mean.over_all()  # of all processes, so that all stop or none
        self._train.join(mean)
        for each, loss in zip(self._train_each, found.each, strict=False):
            each.add(loss.item(), batch.share.count)
        self._stop_unless_finite(mean.total, f"step {batch_idx // parts + 1}")
        # DDP takes the mean of the gradients of all processes, Lightning that of all parts; of this the mean is that over the batch.
        return found.total * (batch.share.weight * ranks().size * parts)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Move the schedule and the average."""
        if (batch_idx + 1) % self.recipe.accumulate == 0:
            self.schedule.after_step()
            if self.average is not None:
                self.average.update(self.global_step)

    def on_validation_epoch_start(self) -> None:
        """Start the means, of the average if there is one."""
        if self.average is not None:
            self.average.show()
        self._validation, self._right = _Mean(), 0
        self._validation_each = [_Mean() for _ in range(3)]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to loss and accuracy."""
        own, count = batch.share.own, batch.share.count
        logits = self.validation_inputs.logits(self.model, batch).float()[own]
        labels = batch.labels.to(logits.device)[own]
        self._validation.add(F.cross_entropy(logits, labels).item(), count)
        self._right += int((logits.argmax(1) == labels).sum()) if count else 0
        if self.recipe.unimodal == "blended":
            for each, loss in zip(
                self._validation_each, three_losses(self.model, self.validation_inputs, batch), strict=True
            ):
                each.add(loss.item(), count)

    def on_validation_epoch_end(self) -> None:
        """Close the epoch's record; this comes before its checkpoint is written."""
        validation, right = self._validation.over_all(), added(torch.tensor(self._right, dtype=torch.float64)).item()
        loss = validation.value
        self._stop_unless_finite(loss, "validation")
        self.schedule.after_epoch(right / validation.count)
        record = EpochRecord(
            epoch=self.current_epoch + 1,
            train_loss=self._train.value,
            validation_loss=loss,
            validation_accuracy=right / validation.count,
            learning_rate=self._rate,
            seconds=time.perf_counter() - self._started,
        )
        self.history.append(record)
        if self.recipe.unimodal == "blended":
            means = [[each.over_all().value for each in side] for side in (self._train_each, self._validation_each)]
            self.blend = self.blend.after(*means)
        if self.recipe.keep == "best" and best_of(self.history) is record:
            self.best_state = trained_state(self.model, self.frozen)
        if self.average is not None:
            self.average.hide()

    @property
    def kept(self) -> dict[str, Tensor]:
        """What the recipe keeps, where that is not what the model holds after the last step."""
        if self.recipe.keep == "best":
            return self.best_state
        return {} if self.average is None else self.average.state()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Only what training can change, the best epoch's weights if they are kept, and the training's identity."""
        checkpoint["state_dict"] = _prefixed(trained_state(self.model, self.frozen))
        checkpoint["gazeshift"] = {
            "identity": self.identity,
            "history": [asdict(record) for record in self.history],
            "best": self.best_state,
            "schedule": self.schedule.scheduler.state_dict(),
            "blend": asdict(self.blend),
        }
        if self.average is not None:
            checkpoint["gazeshift"]["average"] = self.average.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue from the checkpoint."""
        own = checkpoint["gazeshift"]
        self.history = [EpochRecord(**record) for record in own["history"]]
        self.best_state = own["best"]
        self._schedule_state = own["schedule"]
        self._average_state = own.get("average")
        if "blend" in own:  # a training that was begun before losses could be blended has none
            self.blend = Blend.of(own["blend"])

    def _stop_unless_finite(self, loss: float, place: str) -> None:
        if math.isfinite(loss):
            return
        clip = "" if self.recipe.gradient_clip else ", gradient_clip: 1"
        mixed = "" if self.recipe.precision == "float32" else ", precision: float32"
        kept = f"the weights of epoch {self.current_epoch}" if self.current_epoch else "the initial weights"
        raise TrainingError(
            f"training stopped: the loss is {loss} in epoch {self.current_epoch + 1}, {place} (learning rate {self._rate:.3g}); "
            f"{kept} are kept. Try learning_rate: {self.recipe.learning_rate / 10:.3g}{clip}{mixed}."
        )

    def _learning_rate(self) -> float:
        optimizer = self.optimizers(use_pl_optimizer=False)
        return max(group["lr"] for group in optimizer.param_groups)


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"model.{name}": value for name, value in state.items()}


class _Mean:
    """A mean over pairs, added up batch by batch."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, mean: float, count: int) -> None:
        self.total += mean * count
        self.count += count

    def join(self, other: "_Mean") -> None:
        self.total += other.total
        self.count += other.count

    def over_all(self) -> "_Mean":
        """The mean over the pairs of all processes."""
        mean = _Mean()
        mean.total, mean.count = added(torch.tensor([self.total, self.count], dtype=torch.float64)).tolist()
        return mean

    @property
    def value(self) -> float:
        return self.total / self.count
