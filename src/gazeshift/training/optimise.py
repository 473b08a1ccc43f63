"""Optimisers and schedules of a recipe."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from gazeshift.json_types import Options
from gazeshift.models import Classifier
from gazeshift.training.parts import tensors_of
from gazeshift.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """A parameter group.

    Attributes:
        params: the weights.
        lr: their learning rate, at the schedule's top.
        weight_decay: their weight decay.
    """

    params: list[nn.Parameter]
    lr: float
    weight_decay: float

    def options(self) -> Options:
        """As PyTorch's optimisers take it."""
        return {"params": self.params, "lr": self.lr, "weight_decay": self.weight_decay}


OPTIMIZERS: dict[str, Callable[[list[Options], Recipe], Optimizer]] = {
    "sgd": lambda groups, recipe: SGD(groups, momentum=recipe.momentum, fused=_fused(recipe)),
    "adam": lambda groups, recipe: Adam(groups, fused=_fused(recipe)),
    "adamw": lambda groups, recipe: AdamW(groups, fused=_fused(recipe)),
}


def _fused(recipe: Recipe) -> bool:
    # One kernel per step; but in mixed precision Lightning does not clip what a fused optimiser steps, which may unscale gradients itself.
    return recipe.precision == "float32" or (recipe.precision == "bfloat16" and recipe.gradient_clip is None)


def parameter_groups(model: Classifier, recipe: Recipe) -> list[ParameterGroup]:
    """What is trained, by learning rate and weight decay: trunk, pretrained text net, the rest; biases and norms without decay."""
    trunk = tensors_of([model.trunk])
    text = tensors_of(model.encoder.pretrained)
    decay = recipe.weight_decay
    trunk_decay = decay if recipe.trunk_weight_decay is None else recipe.trunk_weight_decay
    groups: dict[tuple[str, bool], ParameterGroup] = {}
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        part = "trunk" if id(parameter) in trunk else "text" if id(parameter) in text else "rest"
        own = {"trunk": recipe.trunk_learning_rate, "text": recipe.text_learning_rate}.get(part)
        decays = parameter.ndim > 1
        own_decay = (trunk_decay if part == "trunk" else decay) if decays else 0.0
        group = groups.setdefault((part, decays), ParameterGroup([], own or recipe.learning_rate, own_decay))
        group.params.append(parameter)
    return list(groups.values())


class PerStep:
    """A schedule that moves with every step."""

    def __init__(self, scheduler: LRScheduler) -> None:
        self.scheduler = scheduler

    def after_step(self) -> None:
        """The next step's rate."""
        self.scheduler.step()

    def after_epoch(self, validation_accuracy: float) -> None:
        """Nothing to do."""


class PerEpoch:
    """A schedule that looks at the validation accuracy."""

    def __init__(self, scheduler: ReduceLROnPlateau) -> None:
        self.scheduler = scheduler

    def after_step(self) -> None:
        """Nothing to do."""

    def after_epoch(self, validation_accuracy: float) -> None:
        """The next epoch's rate."""
        self.scheduler.step(validation_accuracy)


Schedule = PerStep | PerEpoch


def _one_cycle(optimizer: Optimizer, recipe: Recipe, steps: int) -> Schedule:
    peaks = [group["lr"] for group in optimizer.param_groups]
    cycles = recipe.optimizer != "sgd" or recipe.momentum > 0
    return PerStep(OneCycleLR(optimizer, max_lr=peaks, total_steps=steps, cycle_momentum=cycles))


def _warm_cosine(optimizer: Optimizer, recipe: Recipe, steps: int) -> Schedule:
    rise = math.ceil(_WARM * steps)

    def share(step: int) -> float:
        fallen = (step - rise) / max(1, steps - rise)
        return (step + 1) / (rise + 1) if step < rise else (1 + math.cos(math.pi * fallen)) / 2

    return PerStep(LambdaLR(optimizer, share))


_WARM = 0.05  # share of all steps over which the rate rises


def _plateau(optimizer: Optimizer, recipe: Recipe, steps: int) -> Schedule:
    # As in the code of Gallo et al. 2020. Keras' patience of 1 lowers the rate after the first epoch without a gain; PyTorch calls that 0.
    return PerEpoch(
        ReduceLROnPlateau(
            optimizer, mode="max", factor=0.1, patience=0, threshold=1e-4, threshold_mode="abs", min_lr=1e-5
        )
    )


SCHEDULES: dict[str, Callable[[Optimizer, Recipe, int], Schedule]] = {
    "constant": lambda optimizer, recipe, steps: PerStep(ConstantLR(optimizer, factor=1.0)),
    "one-cycle": _one_cycle,
    "cosine": lambda optimizer, recipe, steps: PerStep(CosineAnnealingLR(optimizer, T_max=steps)),
    "warm-cosine": _warm_cosine,
    "plateau": _plateau,
}
