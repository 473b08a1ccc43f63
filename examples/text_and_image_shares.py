"""How much is text, how much is image, how much only both together: for one's own model, over a table of pairs."""

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor, resize

import gazeshift as gs
from gazeshift.measures import crossed_figure


class Fusion(nn.Module):
    """A picture and a sentence, each with a vote of its own, and a gate of the one by the other."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
        self.words = nn.EmbeddingBag(1000, 32, padding_idx=0)
        self.see, self.read, self.gated = nn.Linear(32, 3), nn.Linear(32, 3), nn.Linear(32, 3)

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        seen, said = self.trunk(pixels).mean((2, 3)), self.words(ids)
        return self.see(seen) + self.read(said) + self.gated(seen * said)


def preprocess(picture: Image.Image) -> Tensor:
    return resize(pil_to_tensor(picture), [64, 96]).float() / 255 - 0.5


def tokenizer(texts: list[str]) -> Tensor:
    rows = [[2 + sum(word.encode()) % 998 for word in text.split()] for text in texts]
    return torch.tensor([row + [0] * (20 - len(row)) for row in rows])


# A tiny random model and pairs made here. Yours: any module, with the functions that read pictures and sentences for it; any table.
torch.manual_seed(0)
net = Fusion().eval()
with torch.no_grad():
    for layer in (net.trunk[0], net.trunk[2], net.see):
        layer.weight.mul_(4)  # so that the picture of a random model counts
model = gs.model(net, "trunk", preprocess, tokenizer, ["happy", "neutral", "sad"])
bands = [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90)]
photos = [Image.merge("RGB", [bands[(turn + each) % 3].rotate(30 * turn) for each in range(3)]) for turn in range(12)]
moods, things = ["lovely", "dull", "bad"], ["day at the sea", "meal", "film with friends", "long way home"]
pairs = [(photo, f"what a {moods[turn % 3]} {things[turn % 4]}") for turn, photo in enumerate(photos)]

checked = model.trusted(photos[0], [text for _, text in pairs])  # once, not for every pair
found = [gs.modality(checked, photo, text, "predicted") for photo, text in pairs]
table = pd.DataFrame(
    {
        "answer": [one.explained for one in found],
        "text": [one.text for one in found],  # Shapley values of two players, in logits
        "image": [one.image for one in found],
        "both": [one.interaction for one in found],  # what only both together do
        "text_share": [abs(one.text) / (abs(one.text) + abs(one.image)) for one in found],
        "t_shap": [one.players.t_shap for one in found],  # MM-SHAP: of words and image cells, left out one by one
    },
    index=pd.Index([text for _, text in pairs], name="pair"),
)
print(table.round(3).to_string())
for measure in table.columns[1:]:
    figure = crossed_figure(table[measure].to_numpy())  # the pairs are resampled
    assert figure.interval is not None
    print(
        f"mean {measure:10} {figure.mean:+.3f} [{figure.interval[0]:+.3f}, {figure.interval[1]:+.3f}] over {figure.n} pairs"
    )
    # The interval by hand, where it is about normal.
    reach = 1.96 * table[measure].std(ddof=0) / len(table) ** 0.5
    by_hand = table[measure].mean() - reach, table[measure].mean() + reach
    np.testing.assert_allclose(figure.interval, by_hand, rtol=0, atol=reach / 3)
print(f"against: {found[0].baseline}")

# The same by hand, from four plain passes: with both, without the text, without the picture (the mean colour is 0 here), without both.
for (photo, text), (_, row) in zip(pairs, table.iterrows(), strict=True):
    pixels, target = preprocess(photo)[None], model.classes.index(row.answer)
    with torch.no_grad():
        said, empty = tokenizer([text]), tokenizer([""])
        both, image, words, none = (
            float(net(shown, ids)[0, target]) for shown in (pixels, 0 * pixels) for ids in (said, empty)
        )
    by_hand = (both - image + words - none) / 2, (both - words + image - none) / 2, both - image - words + none
    np.testing.assert_allclose([row.text, row.image, row.both], by_hand, rtol=0, atol=1e-4 * max(map(abs, by_hand)))

# A model whose modalities only add up has no interaction.
nn.init.zeros_(net.gated.weight)
assert all(abs(gs.modality(model, *pair, orders=2).interaction) < 1e-5 for pair in pairs[:3])
