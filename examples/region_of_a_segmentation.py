"""RGB and depth fused halfway. Why were these pixels labelled `table`? The target is a region of the output."""

import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


def stage(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class RGBD(nn.Module):
    """Two backbones, added halfway, with one decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.rgb, self.depth = stage(3, 16), stage(1, 16)
        self.joint, self.decoder = stage(16, 32), nn.Sequential(nn.Conv2d(32, 6, 1), nn.Upsample(scale_factor=4))

    def forward(self, rgb: torch.Tensor, depth: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"out": self.decoder(self.joint(self.rgb(rgb) + self.depth(depth)))}


torch.manual_seed(0)
net, table = RGBD(), 4
scene = {"rgb": torch.rand(1, 3, 64, 64), "depth": torch.rand(1, 1, 64, 64)}
region = torch.zeros(64, 64, dtype=torch.bool)
region[40:60, 8:30] = True


def score(out: dict[str, torch.Tensor]) -> torch.Tensor:
    """One score per row: how strongly the region's pixels say `table`."""
    return out["out"][:, table][:, region].sum(1)


for layer in ("rgb", "depth", "joint"):
    maps = explain_inputs(wrap(net, layer, image=("rgb", "depth"), output=score), scene, method="grad-cam")
    print(f"{layer:6} {maps.raw.shape}, positive share {float((maps.raw > 0).mean()):.2f}")
    assert maps.raw.any()
