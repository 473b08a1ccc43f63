"""Half precision, autocast and `torch.compile`: the maps are float32 and close to those of the float32 eager model."""

import numpy as np
import timm
import torch

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs

torch.manual_seed(0)
net, images = timm.create_model("resnet18", num_classes=4).eval(), torch.rand(2, 3, 96, 96)


def maps(model: torch.nn.Module, inputs: torch.Tensor) -> np.ndarray:
    return explain_inputs(wrap(model, "layer4", image="x"), inputs, target=2).raw


full = maps(net, images)

with torch.autocast("cpu", dtype=torch.bfloat16):
    autocast = maps(net, images)

# Hooks cannot see into a compiled graph, so the maps come from the eager module inside. (backend="eager" only to be quick here.)
compiled = maps(torch.compile(net, backend="eager"), images)

half = maps(net.bfloat16(), images.bfloat16())

for name, other in {"autocast": autocast, "bfloat16": half, "compiled": compiled}.items():
    agreement = np.corrcoef(full.ravel(), other.ravel())[0, 1]
    print(f"{name:9} {other.dtype}, correlation with float32 {agreement:.3f}")
    assert other.dtype == np.float32
    assert agreement > 0.9
