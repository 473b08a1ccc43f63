"""Factories for studies of given models: ``python:tests.study.given_models:make``."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.data.plates import PlatesConfig
from gazeshift.models.adapters.given import Given

CLASSES = tuple(sorted(PlatesConfig(n_dishes=4).dishes))


class Net(nn.Module):
    """A grid of 6 x 6 and a bag of words into one head."""

    def __init__(self, reads: float) -> None:
        super().__init__()
        self.reads = reads
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU())
        self.words = nn.EmbeddingBag(100, 16, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, len(CLASSES)))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.head(torch.cat([self.trunk(image).mean((2, 3)) * 5, self.words(text) * self.reads], 1))


def _pixels(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture.resize((48, 48)), np.float32).transpose(2, 0, 1).copy()) / 64 - 2


def _words(texts: list[str]) -> Tensor:
    rows = [[1 + sum(map(ord, word)) % 99 for word in text.split()] for text in texts]
    longest = max(1, *map(len, rows))
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])


def make(reads: float = 1.0, seed: int = 0) -> Given:
    """A model that reads a little."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Net(reads).eval()
    return gs.model(net, "trunk", _pixels, _words, CLASSES)


def reads_more() -> Given:
    """The same weights, but the text weighs six times as much: the next checkpoint that a guard should stop."""
    return make(reads=6.0)


def other() -> Given:
    """Other weights."""
    return make(seed=1)


def deaf() -> Given:
    """A model that reads no text."""
    net = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4))
    return gs.model(net.eval(), "1", _pixels, None, CLASSES)


def of_two_classes() -> Given:
    """A model whose classes are not the data's."""
    made = make()
    return gs.model(made.net.model, "trunk", _pixels, _words, ("yes", "no"), output=lambda logits: logits[:, :2])


def middle() -> Given:
    """The same weights, but the model cuts off all but the middle half of each picture, along both sides."""
    made = make()

    def pixels(picture: Image.Image) -> Tensor:
        width, height = picture.size
        return _pixels(picture.crop((width // 4, height // 4, width - width // 4, height - height // 4)))

    return gs.model(made.net.model, "trunk", pixels, _words, CLASSES)


def mirrored() -> Given:
    """A model whose preprocessing flips each picture: nobody can say where its maps belong."""
    made = make()
    return gs.model(
        made.net.model,
        "trunk",
        lambda picture: _pixels(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        _words,
        CLASSES,
    )


def not_finite() -> Given:
    """A checkpoint that training has ruined: one weight is not a number."""
    made = make()
    with torch.no_grad():
        made.net.model.head[0].weight[0, 0] = torch.nan
    return made
