"""Maps from the self-attention after the tap: for a vision transformer that of its last block, where the tap is that block's input.

Cells are measured as seen by the tokens that the model's pooling reads. The gradient tells which these are: in the last attention
only tokens that are read later have one (the class token's row under class-token pooling, every cell's under average pooling). Models
without attention over the grid after the tap are refused with a ``UsageError``.
"""

from functools import reduce

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gazeshift.saliency.probe import Probe


def attention_gradient(probe: Probe) -> Float[Tensor, "r h w"]:
    """Attention x gradient: ``R <- R + E_heads[ReLU(dy/dP * P)] R`` over the attentions ``P``, from ``R = 1``. Weights >= 0.

    Chefer et al., "Generic Attention-model Explainability", ICCV 2021, equations 5 and 6. The map is ``R - 1`` in the rows of the tokens
    that the pooling reads (the paper: the class token's, where the 1 is not in the map anyway). The text enters through the gradient.
    """
    steps = [(attention.weights * attention.gradients).relu().mean(1) for attention in probe.attention]
    tokens = steps[0].shape[-1]
    identity = torch.eye(tokens, dtype=steps[0].dtype, device=steps[0].device)
    relevance = identity.expand_as(steps[0])
    for step in steps:
        relevance = relevance + step @ relevance
    return _as_read(probe, relevance - identity)


def rollout(probe: Probe) -> Float[Tensor, "r h w"]:
    """Attention rollout: the product of ``(E_heads[P] + 1) / 2`` over the attentions ``P``. Weights >= 0.

    Abnar and Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, equation 1, over the attentions after the tap. Neither class
    nor text enters unless the text acts on the attention itself: a negative control.
    """
    means = [attention.weights.mean(1) for attention in probe.attention]
    steps = [(mean + torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)) / 2 for mean in means]
    return _as_read(probe, reduce(lambda joined, step: step @ joined, steps))


def _as_read(probe: Probe, relevance: Float[Tensor, "r n n"]) -> Float[Tensor, "r h w"]:
    """Mean over the tokens that are read, at the cells of the grid."""
    read = _readers(probe).to(relevance.dtype)
    mean = torch.einsum("rn,rnm->rm", read, relevance) / read.sum(1, keepdim=True).clamp(min=1)
    return mean[:, probe.places.cells].reshape(-1, *probe.grid.shape[2:])


def _readers(probe: Probe) -> Bool[Tensor, "r n"]:
    return (probe.attention[-1].gradients != 0).any(3).any(1)
