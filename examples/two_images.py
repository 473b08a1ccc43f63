"""Two images, `model(mr, ct)`, features concatenated: a map for each, and how changing one image moves the map of the other."""

import timm
import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


class MRAndCT(nn.Module):
    """One encoder per modality, one head for both."""

    def __init__(self) -> None:
        super().__init__()
        self.mr = timm.create_model("resnet18", num_classes=0, in_chans=1)
        self.ct = timm.create_model("resnet18", num_classes=0, in_chans=1)
        self.head = nn.Sequential(nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, mr: torch.Tensor, ct: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.mr(mr), self.ct(ct)], dim=1))


torch.manual_seed(0)
net = MRAndCT()
scans = {"mr": torch.rand(3, 1, 96, 96), "ct": torch.rand(3, 1, 96, 96)}

# A map for each image: the same call at another layer.
for modality in scans:
    maps = explain_inputs(wrap(net, f"{modality}.layer4", image=("mr", "ct")), scans, target=1)
    print(modality, maps.raw.shape)

# "Text" is whatever changes while you watch the map. Here: the same MR with three different CTs.
watched = wrap(net, "mr.layer4", image="mr", text="ct")
maps = explain_inputs(watched, scans["mr"][:1], scans["ct"], target=1)
print(f"the MR's map moves by up to {abs(maps.raw[1:] - maps.raw[0]).max():.2g} with the CT")
assert abs(maps.raw[1:] - maps.raw[0]).max() > 0
