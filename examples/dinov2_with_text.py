"""A frozen DINOv2 and a text encoder in a classifier of one's own: the map of a class, and how the text moves it."""

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor, resize
from transformers import Dinov2Config, Dinov2Model

import gazeshift as gs
from gazeshift.models.adapters import TokenGrid


class Recipe(nn.Module):
    """The class token of a DINOv2 and the mean of the words, concatenated, into three dishes."""

    def __init__(self, trunk: Dinov2Model) -> None:
        super().__init__()
        self.trunk = trunk
        self.words = nn.EmbeddingBag(1000, 32, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.head(torch.cat([self.trunk(pixels).pooler_output, self.words(ids)], 1))


def preprocess(picture: Image.Image) -> Tensor:
    return resize(pil_to_tensor(picture), [56, 84]).float() / 255 - 0.5


def tokenizer(texts: list[str]) -> Tensor:
    rows = [[2 + sum(word.encode()) % 998 for word in text.split()] for text in texts]
    return torch.tensor([row + [0] * (20 - len(row)) for row in rows])


# A tiny random DINOv2. Yours: Dinov2Model.from_pretrained("facebook/dinov2-small").
torch.manual_seed(0)
config = Dinov2Config(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, image_size=56, patch_size=14)
net = Recipe(Dinov2Model(config)).eval()
net.trunk.requires_grad_(False)

# Only the class token is read, so the map belongs behind the last block's first norm: before it, a cell's size would not count.
# 4 x 6 patches after the class token.
grid = TokenGrid(4, 6, prefix=1)
mine = gs.model(net, "trunk.encoder.layer.2.norm1", preprocess, tokenizer, ["apple pie", "donuts", "ramen"], grid=grid)
photo = Image.effect_noise((120, 80), 80).convert("RGB")
texts = ["fresh apple pie", "ramen with an egg", ""]
for method in ("hires-cam", "rollout"):
    maps = gs.explain(mine, photo, texts, target="apple pie", method=method)
    moved = abs(maps.raw[1] - maps.raw[0]).max() / abs(maps.raw[0]).max()
    print(f"{method}: maps {maps.raw.shape}, another title moves them by {moved:.2g}")
    # The trunk does not see the text, so what its attention says cannot change: a control.
    assert (moved > 1e-4) == (method == "hires-cam")
