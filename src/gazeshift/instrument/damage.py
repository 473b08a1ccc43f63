"""Models with one part made random again, to see whether what hangs on it goes.

Adebayo et al., "Sanity Checks for Saliency Maps", 2018.
"""

import copy

import torch
from torch import nn

from gazeshift.models import Classifier
from gazeshift.models.image import GridTrunk


def with_encoder_of(model: Classifier, other: Classifier) -> Classifier:
    """The model with another one's text encoder."""
    changed = copy.deepcopy(model)
    changed.encoder = copy.deepcopy(other.encoder)
    return changed.eval()


def with_head_of(model: Classifier, other: Classifier) -> Classifier:
    """The model with another one's head."""
    changed = copy.deepcopy(model)
    changed.head = copy.deepcopy(other.head)
    return changed.eval()


def cascade(model: Classifier, seed: int) -> list[Classifier]:
    """The model with its trunk's last layer made random, its last two, and so on to all of them; the head stays.

    A layer is a convolution with its norm; weights, biases and running statistics are set as in a new net.
    """
    assert isinstance(model.trunk, GridTrunk)  # noqa: S101  # the instrument's trunks are
    layers = [
        name for name, layer in model.trunk.net.named_modules() if isinstance(layer, nn.Sequential) and "." in name
    ]
    steps = []
    current = model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in reversed(layers):
            current = copy.deepcopy(current)
            assert isinstance(current.trunk, GridTrunk)  # noqa: S101
            for part in current.trunk.net.get_submodule(name).modules():
                if isinstance(part, (nn.Conv2d, nn.BatchNorm2d)):
                    part.reset_parameters()
            steps.append(current.eval())
    return steps
