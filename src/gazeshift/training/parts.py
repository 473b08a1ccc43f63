"""Which parts of a model a recipe trains, and the state of those parts."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gazeshift.models import Classifier
from gazeshift.models.stem import Stem
from gazeshift.models.trunk import Trunk
from gazeshift.training.recipe import Recipe


def tensors_of(modules: list[nn.Module]) -> set[int]:
    """Identities of all weights and buffers of some modules."""
    return {id(tensor) for module in modules for tensor in (*module.parameters(), *module.buffers())}


def frozen_parts(model: Classifier, recipe: Recipe) -> list[nn.Module]:
    """The parts that a recipe freezes.

    Raises:
        ModelError: the trunk cannot be cut at ``recipe.frozen_until``.
    """
    text = model.encoder.pretrained if recipe.text == "frozen" else []
    if recipe.trunk == "frozen":
        return [model.trunk, *text]
    stem = stem_of(model.trunk, recipe)
    return [*([] if stem is None else stem.layers), *text]


def stem_of(trunk: Trunk, recipe: Recipe) -> Stem | None:
    """The first layers of a trunk that a recipe fine-tunes from a layer on, as a trunk of their own.

    Raises:
        ModelError: the trunk cannot be cut there.
    """
    return None if recipe.frozen_until is None else trunk.stem(recipe.frozen_until)


def is_fixed(module: nn.Module, frozen: list[nn.Module]) -> bool:
    """Whether training changes nothing in a module, so that its output can be cached."""
    return tensors_of([module]) <= tensors_of(frozen)


def trained_tensors(model: Classifier, frozen: list[nn.Module]) -> dict[str, Tensor]:
    """Weights and buffers outside the frozen parts: everything that training can change."""
    still = tensors_of(frozen)
    return {name: value for name, value in model.state_dict(keep_vars=True).items() if id(value) not in still}


def trained_state(model: Classifier, frozen: list[nn.Module]) -> dict[str, Tensor]:
    """The same, copied to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in trained_tensors(model, frozen).items()}


@contextmanager
def training_mode(model: Classifier, frozen: list[nn.Module]) -> Iterator[None]:
    """Training mode, frozen parts in evaluation mode and without gradients; restored on exit."""
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.train()
    model.requires_grad_(True)
    for part in frozen:
        part.eval()
        part.requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, wants in wanted:
            parameter.requires_grad_(wants)
            parameter.grad = None


@contextmanager
def own_randomness() -> Iterator[None]:
    """Preserve the caller's random state."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        yield
