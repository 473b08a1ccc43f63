"""A model like ALBEF, in one's own code: text tokens attend to the picture's patches. The map for a sentence, and for a word taken out."""

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor, resize

import gazeshift as gs
from gazeshift.models.adapters import TokenGrid


class Albef(nn.Module):
    """A picture encoder, a text encoder, and a last block in which words attend to patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 32, kernel_size=8, stride=8)
        self.picture = nn.TransformerEncoderLayer(32, 4, 64, dropout=0, batch_first=True)
        self.words = nn.Embedding(1000, 32, padding_idx=0)
        self.sentence = nn.TransformerEncoderLayer(32, 4, 64, dropout=0, batch_first=True)
        self.cross = nn.MultiheadAttention(32, 4, batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 2))

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        patches = self.picture(self.patches(pixels).flatten(2).transpose(1, 2))
        words = self.sentence(self.words(ids))
        attended = words + self.cross(words, patches, patches, need_weights=False)[0]
        return self.head(attended[:, 0])  # the first token stands for the sentence, as in BERT


def preprocess(picture: Image.Image) -> Tensor:
    return resize(pil_to_tensor(picture), [64, 96]).float() / 255 - 0.5


def tokenizer(texts: list[str]) -> Tensor:
    rows = [[1, *(2 + sum(word.encode()) % 998 for word in text.split())] for text in texts]
    return torch.tensor([row + [0] * (20 - len(row)) for row in rows])


torch.manual_seed(0)
net = Albef().eval()
# The patches as the cross-attention gets them: no text in them yet, and all that the text learns of the picture. 8 x 12 of them.
mine = gs.model(net, "picture", preprocess, tokenizer, ["no match", "match"], grid=TokenGrid(8, 12))
photo = Image.effect_noise((120, 80), 80).convert("RGB")
texts = ["a red dog on a bench", "a blue dog on a bench"]
maps = gs.explain(mine, photo, texts, target="match rather than no match", method="hires-cam")
moved = abs(maps.raw[1] - maps.raw[0]).max() / abs(maps.raw[0]).max()
print(f"maps {maps.raw.shape}; another colour moves them by {moved:.2g}")

assert moved > 1e-3

effects = gs.word_effects(mine, photo, texts[0], target="match")
for word, effect, its in zip(effects.words, effects.logit, effects.maps, strict=True):
    row, column = divmod(int(abs(its).argmax()), its.shape[1])
    print(f"{word:6} {effect:+.4f} on the logit of a match, most of it at row {row}, column {column}")
