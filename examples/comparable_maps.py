"""Raw maps that can be compared between inputs: signed, on the layer's grid, never rescaled to 0...1 one by one."""

import timm
import torch

from gazeshift.measures import amplitude, distribution, jensen_shannon
from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs

torch.manual_seed(0)
net = timm.create_model("resnet18", num_classes=4)
photo = torch.rand(1, 3, 96, 96)
images = torch.cat([photo, 0.2 * photo])  # the second is the first with the light turned down

maps = explain_inputs(wrap(net, "layer4", image="x"), images, target=1)
bright, dark = maps.raw

# Two questions that min-max scaling confuses: how much, and where.
print(f"how much: log amplitude {amplitude(bright):.2f} and {amplitude(dark):.2f}")
print(f"where: Jensen-Shannon distance {jensen_shannon(distribution(bright), distribution(dark)):.3f} bits")
assert abs(bright).max() != abs(dark).max()
