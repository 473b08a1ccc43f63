"""Models with one part randomised, to test whether what depends on it vanishes.

Adebayo et al., "Sanity checks for saliency maps", 2018. The other parts are shared with the model, not copied.
"""

import copy
from collections.abc import Callable, Iterator

import torch
from torch import nn

from gazeshift.errors import ModelError
from gazeshift.models.classifier import Classifier
from gazeshift.models.fusions import HEADS
from gazeshift.models.image import build_trunk
from gazeshift.models.text import build_encoder
from gazeshift.models.trunk import Trunk


def with_random_encoder(model: Classifier, seed: int) -> Classifier:
    """The model with a new text encoder, built from its configuration, without any pretrained weights.

    Args:
        model: not changed.
        seed: random seed of the new weights; the caller's random state is unchanged.

    Raises:
        ModelError: it reads no text.
    """
    if model.tokenizer is None:
        raise ModelError(f"model {model.spec.name!r} has no text encoder to randomise.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = build_encoder(model.spec.text, len(model.tokenizer.tokenizer))
    return _with(model, encoder=encoder)


def with_random_head(model: Classifier, seed: int) -> Classifier:
    """The model with a new head.

    Args:
        model: not changed.
        seed: random seed of the new weights; the caller's random state is unchanged.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = HEADS[model.spec.head.head].build(model.widths, model.spec.head)
    return _with(model, head=head)


def with_random_weights(model: Classifier, seed: int) -> Classifier:
    """The model with everything new: trunk, text encoder (if it reads texts) and head. The constant affine before the tap stays.

    Args:
        model: not changed.
        seed: random seed of the new weights; the caller's random state is unchanged.

    Raises:
        ModelError: a model without a trunk, or a trunk that differs from what its spec builds.
    """
    (changed,) = cascade(model, seed, stages=1)
    if model.tokenizer is not None:
        changed = with_random_encoder(changed, seed)
    return with_random_head(changed, seed)


def rebuilt(model: Classifier) -> Trunk:
    """The trunk as a model's spec builds it: layers are drawn from the images on, each as the net itself draws it."""
    return build_trunk(model.spec.image, model.spec.preprocessing.size)


def redrawn(model: Classifier) -> Trunk:
    """The trunk with every layer drawn anew in place, from the output back, each as PyTorch draws one of its kind.

    For trunks whose layers are all PyTorch's own. With it the cascade draws a layer as it comes to it, so its first stages stay as they
    are whatever stands before; the published table of the instrument was made so.
    """
    trunk = copy.deepcopy(model.trunk)
    for layer in reversed(_layers(trunk)):
        layer.reset_parameters()  # type: ignore[operator]
    return trunk


def cascade(
    model: Classifier, seed: int, stages: int, draw: Callable[[Classifier], Trunk] = rebuilt
) -> Iterator[Classifier]:
    """The model with its trunk's last layers randomised, then more of them, until all are; text encoder and head stay.

    Layers are modules with weights of their own, including a norm's running statistics, from the output back to the input, in ``stages``
    groups of roughly equal size. The constant affine before the tap stays.

    Args:
        model: not changed.
        seed: random seed of the new weights; the caller's random state is unchanged.
        stages: number of groups, at least 1; at most the number of layers.
        draw: how the trunk is randomised: ``rebuilt`` or ``redrawn``.

    Yields:
        A model, each time with more of it randomised: use it before requesting the next.

    Raises:
        ModelError: a model without a trunk, or a trunk that differs from what its spec builds.
    """
    if not model.trunk.parts_in_order():
        raise ModelError(f"model {model.spec.name!r} has no trunk to randomise.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = _layers(draw(model))
    changed = _with(model, trunk=copy.deepcopy(model.trunk))
    layers = _layers(changed.trunk)
    if [_shapes(layer) for layer in layers] != [_shapes(layer) for layer in fresh]:
        raise ModelError(
            f"model {model.spec.name!r}: its trunk is not what {model.spec.image.name!r} builds, so it cannot be randomised."
        )
    count = min(stages, len(layers))
    pairs = list(zip(layers, fresh, strict=True))[::-1]
    for stage in range(count):
        for old, new in pairs[stage * len(pairs) // count : (stage + 1) * len(pairs) // count]:
            _overwrite(old, new)
        yield changed


def _with(model: Classifier, **parts: nn.Module) -> Classifier:
    """A copy of a model with parts replaced; the others are shared."""
    shared = {"trunk": model.trunk, "encoder": model.encoder, "head": model.head, "tokenizer": model.tokenizer}
    changed = copy.deepcopy(model, {id(part): part for part in shared.values()})
    for name, part in parts.items():
        setattr(changed, name, part.to(_example(model)).eval())
    return changed


def _example(model: Classifier) -> torch.Tensor:
    return next(model.head.parameters()).detach()


def _layers(trunk: Trunk) -> list[nn.Module]:
    """Every module with weights or buffers of its own, in the order of execution."""
    return [layer for part in trunk.parts_in_order() for layer in part.modules() if _shapes(layer)]


def _own(layer: nn.Module) -> dict[str, torch.Tensor]:
    return dict([*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)])


def _shapes(layer: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in _own(layer).items()}


@torch.no_grad()
def _overwrite(layer: nn.Module, other: nn.Module) -> None:
    theirs = _own(other)
    for name, value in _own(layer).items():
        value.copy_(theirs[name])
