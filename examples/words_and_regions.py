"""Words x regions: which word of a text goes with which part of a picture, for a model with cross-attention between the two."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import gazeshift as gs


class Pointing(nn.Module):
    """Words look for cells of their own colour: cross-attention from each word to the grid, and one class for a good match."""

    names = ("red", "green", "blue")

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.AvgPool2d(8)

    def forward(self, image: Tensor, words: Tensor) -> Tensor:
        cells = self.cells(image).flatten(2)  # b 3 n: the colour of each cell is its feature
        attention = (3 * words @ cells).softmax(2)  # b words n
        found = (words * (attention @ cells.transpose(1, 2))).sum((1, 2))
        return torch.stack([found, -found], dim=1)


def to_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture.resize((64, 64))).transpose(2, 0, 1)).float() / 127.5 - 1


def read(texts: list[str]) -> Tensor:
    """Each colour word as one of three directions; other words, and padding, are zeros."""
    longest = max(1, *(len(text.split()) for text in texts))
    rows = torch.zeros(len(texts), longest, 3)
    for row, text in enumerate(texts):
        for place, word in enumerate(text.split()):
            if word in Pointing.names:
                rows[row, place, Pointing.names.index(word)] = 1
    return rows


# A picture with a red thing on the left, and a blue one on the lower right.
pixels = np.full((64, 96, 3), 60, dtype=np.uint8)
pixels[16:48, 8:32] = (250, 30, 30)
pixels[32:60, 56:90] = (30, 30, 250)
photo = Image.fromarray(pixels)
things = {"left thing": (8, 16, 32, 48), "right thing": (56, 32, 90, 60), "sky": (0, 0, 96, 12)}

pointing = Pointing()
model = gs.model(pointing, layer="cells", preprocess=to_tensor, tokenizer=read, classes=["fits", "does not"])
table = gs.word_regions(model, photo, "a red thing and a blue thing", things, "fits")
print(f"{'':8}" + "".join(f"{name:>13}" for name in table.regions))
for word, row in zip(table.words, table.interaction, strict=True):
    print(f"{word:8}" + "".join(f"{value:13.3f}" for value in row))

# The table is what four passes of the model itself say: with and without the word, with and without the region.
plain = to_tensor(photo)
hidden = plain.clone()
hidden[:, 16:48, 5:21] = 0  # the box of the left thing among the 64 x 64 pixels that the model takes
with torch.no_grad():
    four = {
        (said, seen): float(pointing(image[None], read([text]))[0, 0])
        for said, text in (("red", "a red thing and a blue thing"), ("-", "a thing and a blue thing"))
        for seen, image in (("left", plain), ("-", hidden))
    }
expected = four["red", "left"] - four["-", "left"] - four["red", "-"] + four["-", "-"]
red, blue = table.words.index("red"), table.words.index("blue")
assert abs(table.interaction[red, 0] - expected) < 1e-4 * abs(expected)

# Each colour goes with its own thing, and words without a colour with nothing.
assert table.interaction[red].argmax() == 0
assert table.interaction[blue].argmax() == 1
assert not table.interaction[table.words.index("and")].any()
