"""Which parts of a model a recipe trains, and the state of those parts."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models import Classifier, ImageFeatures
from gazeshift.models.cut import cut
from gazeshift.models.image import GridTrunk, NoTrunk, Trunk
from gazeshift.models.text import BertLSTM, HuggingFaceEncoder
from gazeshift.training.recipe import Recipe


def tensors_of(modules: list[nn.Module]) -> set[int]:
    """Identities of all weights and buffers of some modules."""
    return {id(tensor) for module in modules for tensor in (*module.parameters(), *module.buffers())}


def pretrained_text(model: Classifier) -> list[nn.Module]:
    """The pretrained net of the text encoder, if it has one."""
    return [model.encoder.net] if isinstance(model.encoder, (BertLSTM, HuggingFaceEncoder)) else []


def frozen_parts(model: Classifier, recipe: Recipe) -> list[nn.Module]:
    """The parts that a recipe leaves as they are.

    Raises:
        ModelError: the trunk cannot be cut at ``recipe.frozen_until``.
    """
    text = pretrained_text(model) if recipe.text == "frozen" else []
    if recipe.trunk == "frozen":
        return [model.trunk, *text]
    stem = stem_of(model.trunk, recipe)
    return [*([] if stem is None else stem.layers), *text]


def stem_of(trunk: Trunk, recipe: Recipe) -> "Stem | None":
    """The first layers of a trunk that a recipe fine-tunes from a layer on, as a trunk of their own.

    Raises:
        ModelError: the trunk cannot be cut there.
    """
    if recipe.frozen_until is None or isinstance(trunk, NoTrunk):
        return None
    if not isinstance(trunk, GridTrunk) or trunk.parts is not None:
        raise ModelError(
            "frozen_until: needs a trunk with a grid (no ViT) whose tap is the last one; leave frozen_until or image.tap out."
        )
    return Stem(trunk, recipe.frozen_until)


class Stem(nn.Module):
    """The layers of a trunk up to one of them: what it computes can be kept while the rest is trained.

    Args:
        trunk: whose weights it shares.
        layer: the last one that belongs to it.
    """

    def __init__(self, trunk: GridTrunk, layer: str) -> None:
        super().__init__()
        parts = cut(trunk.net, layer)
        self.before = parts.before
        self.layers = list(parts.layers_before)  # a plain list: they are modules of ``before`` already
        self._rest = (trunk, parts.after)  # a tuple: no modules of this one

    def encode(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """Images to the grid at the layer, in the net's own layout."""
        return ImageFeatures(self.before(images.contiguous(memory_format=torch.channels_last)))

    def finish(self, features: ImageFeatures) -> ImageFeatures:
        """From there to the trunk's tap."""
        trunk, after = self._rest
        return trunk.tapped(after(features.grid.contiguous(memory_format=torch.channels_last)))


def is_fixed(module: nn.Module, frozen: list[nn.Module]) -> bool:
    """Whether training leaves all of a module as it is, so that what it computes can be kept."""
    return tensors_of([module]) <= tensors_of(frozen)


def trained_state(model: Classifier, frozen: list[nn.Module]) -> dict[str, Tensor]:
    """Weights and buffers outside the frozen parts, copied to the CPU: all that training can change."""
    still = tensors_of(frozen)
    state = model.state_dict(keep_vars=True)
    return {name: value.detach().cpu().clone() for name, value in state.items() if id(value) not in still}


@contextmanager
def training_mode(model: Classifier, frozen: list[nn.Module]) -> Iterator[None]:
    """Training mode, frozen parts in evaluation mode and without gradients; everything as before on leaving."""
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
    """Leave the caller's random state as it is."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        yield
