"""The text or the picture is missing at test time: what changes in the answer and in the map, and how much each was worth."""

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor, resize

import gazeshift as gs


class Fusion(nn.Module):
    """A picture and a sentence, concatenated, into three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
        self.words = nn.EmbeddingBag(1000, 32, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.head(torch.cat([self.trunk(pixels).mean((2, 3)), self.words(ids)], 1))


def preprocess(picture: Image.Image) -> Tensor:
    return resize(pil_to_tensor(picture), [64, 96]).float() / 255 - 0.5


def tokenizer(texts: list[str]) -> Tensor:
    rows = [[2 + sum(word.encode()) % 998 for word in text.split()] for text in texts]
    return torch.tensor([row + [0] * (20 - len(row)) for row in rows])


# A tiny random model. Yours: any module, with the functions that read pictures and sentences for it.
torch.manual_seed(0)
mine = gs.model(Fusion().eval(), "trunk", preprocess, tokenizer, ["happy", "neutral", "sad"])
bands = [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90)]
photo, text = Image.merge("RGB", bands).resize((120, 80)), "what a lovely day"

# Without the text: the same class, with the empty text.
maps = gs.explain(mine, photo, [text, ""], target="reference")
moved = gs.shift(maps, 0, 1)
explained = mine.classes[maps.rows[0].target]
print(
    f"without the text: {explained} {maps.rows[0].logit:+.3f} -> {maps.rows[1].logit:+.3f}, map moved by {moved.js_bits:.3f} bits"
)
print(f"the answer {'changes to ' + moved.after if moved.switched else 'stays ' + moved.before}")

# Without the picture: one of its mean colour, which this preprocessing makes 0.
blank = Image.new("RGB", photo.size, (128, 128, 128))
without = gs.explain(mine, blank, [text], target=explained)
print(f"without the picture: {explained} {maps.rows[0].logit:+.3f} -> {without.rows[0].logit:+.3f}")

# How much of the logit is the text's, how much the picture's, and how much only both together.
shares = gs.modality(mine, photo, text, target=explained)
print(f"text {shares.text:+.3f}, picture {shares.image:+.3f}, of which both together {shares.interaction:+.3f}")
print(f"against: {shares.baseline}")
assert abs(shares.text + shares.image - (shares.logit - shares.logit_neither)) < 1e-4
