"""A class map on the image for a model that also reads token ids, under two texts.

Grad-CAM packages call `model(images)`; this model needs `model(images, ids)`. Say which argument is which, and name the layer.
"""

import timm
import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


class Fusion(nn.Module):
    """Feeds image features and a bag of words into one head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = timm.create_model("resnet18", num_classes=0)
        self.words = nn.EmbeddingBag(100, 32)
        self.head = nn.Sequential(nn.Linear(512 + 32, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, pixel_values: torch.Tensor, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.backbone(pixel_values), self.words(input_ids)], dim=1))


torch.manual_seed(0)
images = torch.rand(2, 3, 96, 96)
texts = torch.randint(0, 100, (3, 6))

model = wrap(Fusion(), layer="backbone.layer4", image="pixel_values", text="input_ids")
maps = explain_inputs(model, images, texts, target=7)

print(f"{len(maps.raw)} maps of {maps.raw[0].shape}: every image with every text")
# The trunk ran once per image. The difference between two texts is the effect of the text on the map:
change = maps.of(image=0, text=1) - maps.of(image=0, text=0)
print(f"largest change of image 0 between text 0 and text 1: {abs(change).max():.2g}")
assert abs(change).max() > 0
