"""50,000 images in a loop without a leak: nothing of an explained image remains after its maps are gone. (Here: 30 small ones.)"""

import gc
import weakref

import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
net(torch.rand(1, 3, 16, 16))
model = wrap(net, "0", image="input")  # made once, outside the loop


def tensors() -> int:
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


gc.collect()
gc.disable()  # not even the collector of cycles is needed
alive = {}
for number in range(1, 31):
    batch = torch.rand(2, 3, 16, 16)
    seen = weakref.ref(batch)
    maps = explain_inputs(model, batch, target="predicted")
    del batch
    assert seen() is None, "the images are still held by something"
    if number in {10, 30}:
        alive[number] = tensors()
gc.enable()

print(f"tensors alive after the 10th batch: {alive[10]}, after the 30th: {alive[30]}")
assert alive[30] == alive[10]
assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
