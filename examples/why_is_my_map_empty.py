"""All-zero and NaN maps are flagged and never averaged in, and the reason is given."""

import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
with torch.no_grad():
    net[4].weight[0] = 0  # class 0 ignores the image
    net[4].weight[1] = -1  # everything speaks against class 1
    net[4].weight[2] = 1

photo = torch.rand(3, 3, 16, 16)
photo[2, 0, 0, 0] = torch.nan  # a broken pixel in the third photo

for image, target in ((0, 0), (0, 1), (0, 2), (2, 2)):
    maps = explain_inputs(wrap(net, "1", image="input"), photo[image : image + 1], target=target)
    print(f"image {image}, class {target}: {maps.reasons[0] or 'a map'}")
    assert maps.undefined[0] == (target != 2 or image == 2)
