"""A user's own module of pictures and sentences, as it may lie in ``mine.py`` beside a user's data."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.models.adapters.given import Given

SIDE = 24
CLASSES = ("x", "y", "z")
TEXTS = ("a red dog on the left", "a blue cat", "", "dog dog red")


class Net(nn.Module):
    """An image trunk, a bag of words, and a head that gates one by the other; a grid of 6 x 6."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1))
        self.words = nn.EmbeddingBag(50, 6, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, len(CLASSES)))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        grid = torch.tanh(self.trunk(image))
        read = self.words(text)
        attention = (
            (grid * read[:, :, None, None]).sum(1, keepdim=True).flatten(2).softmax(2).view(-1, 1, *grid.shape[2:])
        )
        return self.head((grid * attention).sum((2, 3)) + read)


def picture_to_tensor(picture: Image.Image) -> Tensor:
    """The whole picture, squeezed into a square."""
    pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy()) / 128 - 1


def texts_to_tensors(texts: list[str]) -> Tensor:
    """A number for each word, padded with 0."""
    rows = [[1 + sum(map(ord, word)) % 49 for word in text.split()] for text in texts]
    longest = max(1, *map(len, rows))
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])


def net() -> Net:
    """Random weights, large enough that texts act."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = Net()
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.mul_(2)
    return made.eval()


def make() -> Given:
    """What a factory returns."""
    return gs.model(net(), layer="trunk", preprocess=picture_to_tensor, tokenizer=texts_to_tensors, classes=CLASSES)


def bare() -> Given:
    """Without a layer."""
    return gs.model(net(), preprocess=picture_to_tensor, tokenizer=texts_to_tensors, classes=CLASSES)


def fails() -> Given:
    """A factory with a mistake."""
    raise ZeroDivisionError("no weights")


def something_else() -> nn.Module:
    """A factory that forgot ``gazeshift.model``."""
    return net()


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Blurred noise."""
    pixels = np.random.default_rng(1).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
