"""A model in which every word's effect on the map is known: words weigh the colours of a picture that is red left and green right."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.models.adapters.given import Given

WEIGHTS = {
    "red": ((1, 0, 0), (0, 0, 0)),
    "crimson": ((3, 0, 0), (0, 0, 0)),
    "green": ((0, 1, 0), (0, 0, 0)),
    "void": ((-9, -9, 0), (0, 0, 0)),
    "boat": ((0, 0, 0), (3, 3, 0)),
    "赤": ((2, 0, 0), (0, 0, 0)),
    "緑": ((0, 2, 0), (0, 0, 0)),
}
"""What a word adds to the weights of red, green and blue in the logits of ``thing`` and ``boat``; other words add nothing."""
KNOWN = list(WEIGHTS)
LEFT, RIGHT = (0, 0, 16, 16), (16, 0, 32, 16)


class RedGreen(nn.Module):
    """Logits: the mean colour of the picture under the weights of the text, beside a small constant for the second class."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.AvgPool2d(8)
        rows = [[[0, 0, 0], [0, 0, 0]], *WEIGHTS.values()]
        self.words = nn.Parameter(torch.tensor(rows, dtype=torch.float32))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        means = self.trunk(image).mean((2, 3))
        return (self.words[text].sum(1) * means[:, None]).sum(2) + torch.tensor([0.0, 0.1])


def tokenize(texts: list[str]) -> Tensor:
    """A number for each known word, or Japanese character; the rest is read as nothing."""
    rows = [
        [1 + KNOWN.index(word) for word in text.replace("赤", " 赤 ").replace("緑", " 緑 ").split() if word in WEIGHTS]
        for text in texts
    ]
    longest = max(1, *map(len, rows))
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])


def make() -> Given:
    return gs.model(
        RedGreen(),
        layer="trunk",
        preprocess=lambda image: torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1) / 255),
        tokenizer=tokenize,
        classes=("thing", "boat"),
    )


def picture() -> Image.Image:
    """Left red, right green."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16, 0] = pixels[:, 16:, 1] = 255
    return Image.fromarray(pixels)
