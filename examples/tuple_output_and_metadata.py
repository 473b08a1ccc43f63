"""Several outputs (a tuple) and a required argument that is not an image (`img_metas`), as in detectors."""

from typing import Any

import torch
from torch import nn

from gazeshift.models.adapters import wrap
from gazeshift.saliency.outside import explain_inputs


class Detector(nn.Module):
    """Returns class scores and boxes of 20 queries."""

    def __init__(self) -> None:
        super().__init__()
        self.neck = nn.Sequential(nn.Conv2d(3, 32, 7, stride=4), nn.ReLU())
        self.scores, self.boxes = nn.Linear(32, 20 * 8), nn.Linear(32, 20 * 4)

    def forward(self, img: torch.Tensor, img_metas: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        assert img_metas[0]["scale"] > 0
        pooled = self.neck(img).mean((2, 3))
        return self.scores(pooled).unflatten(1, (20, 8)), self.boxes(pooled).unflatten(1, (20, 4))


torch.manual_seed(0)
photo = torch.rand(1, 3, 80, 80)
model = wrap(
    Detector(),
    "neck",
    image="img",
    given={"img_metas": [{"scale": 1.0}]},  # the same in every call, and never cut into rows
    output=lambda out: out[0][:, 11],  # of the two outputs the scores, of these the query number 11
)
maps = explain_inputs(model, photo, target="predicted")
print(f"query 11 says class {maps.rows[0].target}: {maps.raw.shape}")
assert maps.raw.any()
