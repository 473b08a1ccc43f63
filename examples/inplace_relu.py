"""An in-place ReLU right after the explained layer overwrites what a hook has stored. Here it cannot."""

import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


def net(inplace: bool) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.ReLU(inplace), nn.Conv2d(16, 32, 3), nn.ReLU(inplace), nn.Flatten(), nn.LazyLinear(5)
    )


images = torch.rand(2, 3, 16, 16)
plain, inplace = net(False), net(True)
plain(images)  # a lazy layer takes its shape from the first call
inplace(images)
inplace.load_state_dict(plain.state_dict())

maps = [explain_inputs(wrap(model, "2", image="input"), images, target=3).raw for model in (plain, inplace)]
difference = abs(maps[0] - maps[1]).max() / abs(maps[0]).max()
print(f"largest difference between in-place and ordinary ReLU: {difference:.1g} of the map's maximum")
assert difference < 1e-5
