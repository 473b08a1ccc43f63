"""All parameters frozen, called under `no_grad`, in a Lightning module that is in training mode: none of that matters."""

import lightning
import timm
import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


class Lit(lightning.LightningModule):
    """A frozen backbone under a small head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = timm.create_model("resnet18", num_classes=0)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(512, 4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(images))


torch.manual_seed(0)
model = Lit()
model.requires_grad_(False)
model.train()

with torch.no_grad():
    maps = explain_inputs(wrap(model, "backbone.layer4", image="images"), torch.rand(2, 3, 96, 96))

assert maps.raw.any()
# Afterwards the model is as before: in training mode, frozen, without gradients, without hooks.
assert model.training
assert not any(parameter.requires_grad or parameter.grad is not None for parameter in model.parameters())
print(f"maps {maps.raw.shape}; the model is in training mode again and still frozen")
