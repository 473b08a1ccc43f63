"""Seeing attention as it is computed, without a hook in the model and without changing it."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_SOFTMAX = (torch.softmax, Tensor.softmax, functional.softmax)


class AttentionRecorder(TorchFunctionMode):
    """While active, keeps the weights of every self-attention over a given number of tokens, with their graph.

    PyTorch's fused attention does not give its weights away, so it is computed here in two steps, ``softmax(q k' / sqrt d) v``: the same
    up to rounding. Attention that models compute themselves is recognised by its softmax.

    Args:
        tokens: number of queries and of keys; attention of any other shape is not kept.

    Example:
        >>> q = torch.zeros(1, 2, 3, 4)
        >>> with AttentionRecorder(tokens=3) as recorder:
        ...     _ = functional.scaled_dot_product_attention(q, q, q)
        >>> recorder.weights[0].shape
        torch.Size([1, 2, 3, 3])
    """

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.weights: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Called by PyTorch for every operation while the recorder is active."""
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            attend = self._attend(*args, **kwargs)
            return func(*args, **kwargs) if attend is None else attend
        out = func(*args, **kwargs)
        if func in _SOFTMAX:
            self._keep(out)
        return out

    def _keep(self, weights: Tensor) -> None:
        if weights.ndim == 4 and weights.shape[2:] == (self.tokens, self.tokens):
            self.weights.append(weights)

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor | None:
        """Attention in two steps; None for kinds that do not occur over an image's cells."""
        if is_causal or enable_gqa or query.shape[-2] != self.tokens or key.shape[-2] != self.tokens:
            return None
        logits = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
        if attn_mask is not None:
            outside = torch.zeros_like(attn_mask, dtype=logits.dtype).masked_fill(~attn_mask, -math.inf)
            logits = logits + (outside if attn_mask.dtype == torch.bool else attn_mask)
        weights = logits.softmax(-1)
        self._keep(weights)
        return weights @ value
