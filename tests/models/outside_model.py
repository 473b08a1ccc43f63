"""A small model of image and token ids as users have them, and Grad-CAM by a plain hook to compare with."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gazeshift.saliency.outside import InputMaps, explain_inputs

grad_cams = partial(explain_inputs, method="grad-cam")
"""Held against ``by_hook``; the default method differs where there is no pooling."""


class Fusion(nn.Module):
    """Image and token ids into one head; with ``early`` the text is in the trunk already."""

    def __init__(self, early: bool = False, inplace: bool = False) -> None:
        super().__init__()
        self.early = early
        self.words = nn.EmbeddingBag(20, 6)
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(inplace=inplace))
        self.layer = nn.Conv2d(6, 8, 3, stride=2)
        self.relu = nn.ReLU(inplace=inplace)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Sequential(nn.Linear(14, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        text = self.words(ids)
        grid = self.stem(pixels)
        if self.early:
            grid = grid + text[:, :, None, None]
        image = self.relu(self.layer(grid)).flatten(2).logsumexp(2)
        return self.head(self.drop(torch.cat([image, text], 1)))


def some_images() -> Tensor:
    return torch.rand(2, 3, 21, 25, generator=torch.Generator().manual_seed(1))


def some_ids() -> Tensor:
    return torch.randint(0, 20, (3, 4), generator=torch.Generator().manual_seed(2))


def seeded(make: Callable[[], nn.Module]) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().eval()


def by_hook(
    layer: nn.Module, score: Callable[[], Tensor], read: Callable[[Any], Tensor] = lambda out: out
) -> np.ndarray:
    """Grad-CAM of one row by a plain hook: the layer's output itself is differentiated, cloned against in-place work."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, output: Any) -> Any:
        kept.append(read(output))
        return output.clone() if isinstance(output, Tensor) else output

    hook = layer.register_forward_hook(keep)
    with torch.enable_grad():
        value = score()
        (slope,) = torch.autograd.grad(value, kept[0])
    hook.remove()
    return (slope.mean((2, 3), keepdim=True) * kept[0]).sum(1)[0].detach().numpy()


def close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-5) -> None:
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


def each_is_its_own(model: Any, layer: nn.Module, maps: InputMaps, images: Any, texts: Any, target: int = 1) -> None:
    """Every map and every logit of a result is that of one plain pass of its own image and text."""
    for row, raw, logits in zip(maps.rows, maps.raw, maps.logits, strict=True):
        inputs = (one[number : number + 1] for one, number in ((images, row.image), (texts, row.text)))
        image, text = inputs
        close(raw, by_hook(layer, lambda image=image, text=text: model(image, text)[0, target]), 1e-4)
        with torch.no_grad():
            np.testing.assert_allclose(logits, model(image, text)[0].numpy(), rtol=1e-4, atol=1e-5)
