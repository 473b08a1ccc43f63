"""Several views through one shared backbone, concatenated before the last layer: the layer runs once per view; `nth` says which."""

import timm
import torch
from torch import nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


class Views(nn.Module):
    """Front, side and back of one object."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = timm.create_model("resnet18", num_classes=0)
        self.head = nn.Linear(3 * 512, 5)

    def forward(self, front: torch.Tensor, side: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.backbone(view) for view in (front, side, back)], dim=1))


torch.manual_seed(0)
net, names = Views(), ("front", "side", "back")
views = torch.rand(3, 2, 3, 96, 96).unbind()  # three views of two objects

for nth, name in enumerate(names):
    maps = explain_inputs(wrap(net, "backbone.layer4", image=names, nth=nth), views, target=0)
    print(name, maps.raw.shape)

# Leaving out which run is meant is an error that says so, never a silent mixture of views.
try:
    explain_inputs(wrap(net, "backbone.layer4", image=names), views)
except ModelError as error:
    print(error)
else:
    raise AssertionError("this must not pass")
