"""FLAVA's two towers under the names that CLIP's have: what asks the one asks the other."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Towers(nn.Module):
    """The towers of a FLAVA with the vectors of its contrastive training: those of the class tokens.

    Args:
        model: a ``FlavaForPreTraining``.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.flava = model.flava
        self.logit_scale = model.flava.logit_scale

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.logit_scale.device

    def get_image_features(self, pixel_values: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """The vectors of pictures."""
        found: Tensor = self.flava.get_image_features(pixel_values=pixel_values).pooler_output[:, 0]
        return found

    def get_text_features(self, input_ids: Int[Tensor, "b n"], **others: Tensor) -> Float[Tensor, "b d"]:
        """The vectors of sentences."""
        found: Tensor = self.flava.get_text_features(input_ids=input_ids, **others).pooler_output[:, 0]
        return found


def last_heard(model: Any) -> str:
    """Name of the last layer of the image tower with cells that are used other than through a norm only."""
    return f"flava.image_model.encoder.layer.{len(model.flava.image_model.encoder.layer) - 1}.layernorm_before"
