"""Why A rather than B? Targets that are made of several outputs: a difference, a weighted sum, several labels at once, a regression."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor, resize

import gazeshift as gs


class Fusion(nn.Module):
    """A picture and a sentence: logits of three species, labels that may all be true, and an age in years."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
        self.words = nn.EmbeddingBag(1000, 32, padding_idx=0)
        self.body = nn.Sequential(nn.Linear(64, 64), nn.Tanh())
        self.species, self.labels, self.age = nn.Linear(64, 3), nn.Linear(64, 4), nn.Linear(64, 1)

    def forward(self, pixels: Tensor, ids: Tensor) -> dict[str, Tensor]:
        both = self.body(torch.cat([self.trunk(pixels).amax((2, 3)), self.words(ids)], 1))
        return {"species": self.species(both), "labels": self.labels(both).sigmoid(), "age": self.age(both)[:, 0]}


def preprocess(picture: Image.Image) -> Tensor:
    return resize(pil_to_tensor(picture), [64, 96]).float() / 255 - 0.5


def tokenizer(texts: list[str]) -> Tensor:
    rows = [[2 + sum(word.encode()) % 998 for word in text.split()] for text in texts]
    return torch.tensor([row + [0] * (20 - len(row)) for row in rows])


# A tiny random model. Yours: any module; output= picks what is explained, classes= names it.
torch.manual_seed(0)
net = Fusion().eval()
readers = {"layer": "trunk", "preprocess": preprocess, "tokenizer": tokenizer}
species = gs.model(net, classes=["cat", "dog", "fox"], output=lambda out: out["species"], **readers)
# Labels with a sigmoid each: the logit before it is explained, because a probability near 1 has no gradient left.
names = ["indoors", "asleep", "wet", "young"]
labels = gs.model(net, classes=names, output=lambda out: out["labels"].logit(), **readers)
age = gs.model(net, classes=["age"], output=lambda out: out["age"], **readers)

bands = [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90)]
photo, texts = Image.merge("RGB", bands).resize((120, 80)), ["in the garden", "asleep on the sofa"]

either = gs.Combination({"dog": 0.5, "fox": 0.5, "cat": -1.0}, name="dog or fox rather than cat")
both = gs.Combination({"asleep": 1.0, "indoors": 1.0}, name="asleep and indoors")
asked = [
    (species, "dog rather than cat", lambda out: out["species"][0, 1] - out["species"][0, 0]),
    (species, either, lambda out: out["species"][0] @ torch.tensor([-1.0, 0.5, 0.5])),
    (labels, "asleep", lambda out: out["labels"].logit()[0, 1]),
    (labels, both, lambda out: out["labels"].logit()[0, :2].sum()),
    (age, "age", lambda out: out["age"][0]),
]


def by_hand(text: str, score: Callable[[dict[str, Tensor]], Tensor]) -> tuple[np.ndarray, float]:
    """Grad-CAM of a score in a plain backward pass, without gazeshift."""
    kept: list[Tensor] = []
    hook = net.trunk.register_forward_hook(lambda module, given, output: kept.append(output))
    value = score(net(preprocess(photo)[None], tokenizer([text])))
    hook.remove()
    (slope,) = torch.autograd.grad(value, kept[0])
    return (slope.mean((2, 3), keepdim=True) * kept[0]).sum(1)[0].detach().numpy(), value.item()


for model, target, score in asked:
    maps = gs.explain(model, photo, texts, target=target, method="grad-cam")
    first, second = (row.logit for row in maps.rows[:2])
    moved = abs(maps.raw[1] - maps.raw[0]).max() / abs(maps.raw[0]).max()
    print(f"{maps.target}: {first:+.3f} -> {second:+.3f} with the other text; the map moves by {moved:.0%}")
    for text, raw, row in zip(texts, maps.raw, maps.rows, strict=False):
        expected, value = by_hand(text, score)
        np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-4 * abs(expected).max())
        np.testing.assert_allclose(row.logit, value, rtol=0, atol=1e-4)

# What speaks for A and against B at once: the difference of the two maps.
one, other = (gs.explain(species, photo, texts, target=name, method="grad-cam").raw[:2] for name in ("dog", "cat"))
told = gs.explain(species, photo, texts, target="dog rather than cat", method="grad-cam").raw[:2]
np.testing.assert_allclose(told, one - other, rtol=0, atol=1e-4 * abs(told).max())
