"""Four inputs, a list as input, keyword-only switches: `forward=` calls the model with whatever signature it has."""

import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


class Clinic(nn.Module):
    """Takes a list of two images, a table row, a list of word ids, and a switch."""

    def __init__(self) -> None:
        super().__init__()
        self.eyes = nn.ModuleList([nn.Sequential(nn.Conv2d(3, 16, 5, stride=4), nn.ReLU()) for _ in range(2)])
        self.words = nn.EmbeddingBag(50, 8)
        self.head = nn.Sequential(nn.Linear(16 + 16 + 4 + 8, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(
        self, images: list[torch.Tensor], table: torch.Tensor, *words: torch.Tensor, scale: float
    ) -> torch.Tensor:
        seen = [eye(image).mean((2, 3)) for eye, image in zip(self.eyes, images, strict=True)]
        return scale * self.head(torch.cat([*seen, table, self.words(*words)], dim=1))


torch.manual_seed(0)
net = Clinic()
images = {"left": torch.rand(2, 3, 64, 64), "right": torch.rand(2, 3, 64, 64), "table": torch.rand(2, 4)}
texts = torch.randint(0, 50, (3, 5))


def call(image: dict[str, torch.Tensor], words: torch.Tensor) -> torch.Tensor:
    """Call the model on rows of images and rows of texts, one text per image."""
    return net([image["left"], image["right"]], image["table"], words, scale=2.0)


maps = explain_inputs(wrap(net, "eyes.1", forward=call), images, texts, target=2)
print(f"the right eye, 2 patients x 3 texts: {maps.raw.shape}")
assert maps.raw.shape == (6, 15, 15)
