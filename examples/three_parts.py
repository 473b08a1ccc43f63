"""Any object with `encode_image`, `encode_text`, `classify`: no module, no layer name, texts as strings; 1,000 of them."""

import torch

from gazeshift.models.adapters import split
from gazeshift.saliency.outside import explain_inputs


class Mine:
    """Weighs the colours of a grid by the letters of a text."""

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images, 8)  # the grid at the tap, b c h w

    def encode_text(self, texts: list[str]) -> torch.Tensor:
        return torch.tensor([[text.count(letter) for letter in "rgb"] for text in texts], dtype=torch.float32)

    def classify(self, grid: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        colour = grid.mean((2, 3)) * text
        return torch.stack([colour.sum(1), colour.amax(1)], dim=1)


torch.manual_seed(0)
texts = [f"{'red ' * (n % 4)}{'green ' * (n % 3)}bowl {n}" for n in range(1000)]
# classify depends on the grid only through its mean: say so, and a text costs no more than one row of the head.
maps = explain_inputs(split(Mine(), pools_first=True), torch.rand(1, 3, 64, 64), texts, target=0)
print(f"{maps.raw.shape[0]} maps of one image")
assert maps.raw.shape == (1000, 8, 8)
