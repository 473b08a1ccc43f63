"""Record attention as it is computed, without a hook in the model and without changing it."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gazeshift.json_types import Options

_SOFTMAX = (torch.softmax, Tensor.softmax, functional.softmax, torch.special.softmax)
_MODULE = inspect.signature(functional.multi_head_attention_forward)


class AttentionRecorder(TorchFunctionMode):
    """While active, keeps the weights of every attention, with their graph: ``b heads q k``, or ``(b heads) q k``.

    PyTorch's fused attention does not expose its weights, so it is computed here in two steps, ``softmax(q k' / sqrt d) v``: the same
    up to rounding, under masks of every kind. ``nn.MultiheadAttention`` returns its weights on request. Attention that models compute
    themselves is recognised by a softmax over the last of three or four axes.

    Example:
        >>> q = torch.zeros(1, 2, 3, 4)
        >>> with AttentionRecorder() as recorder:
        ...     _ = functional.scaled_dot_product_attention(q, q, q)
        >>> recorder.weights[0].shape
        torch.Size([1, 2, 3, 3])
    """

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Options | None = None,
    ) -> Any:
        """Called by PyTorch for every operation while the recorder is active."""
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            return self._attend(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            return self._module(_MODULE.bind(*args, **kwargs))
        out = func(*args, **kwargs)
        if func in _SOFTMAX and _over_the_last_axis(out, *args, **kwargs):
            self._keep(out)
        return out

    def _keep(self, weights: Tensor) -> None:
        if weights.ndim in {3, 4}:
            self.weights.append(weights)

    def _module(self, call: inspect.BoundArguments) -> tuple[Tensor, Tensor | None]:
        """``nn.MultiheadAttention``: its result, computed with explicit weights instead of the fused kernel."""
        call.apply_defaults()
        asked, averaged = call.arguments["need_weights"], call.arguments["average_attn_weights"]
        call.arguments |= {"need_weights": True, "average_attn_weights": False}
        out, weights = functional.multi_head_attention_forward(*call.args, **call.kwargs)
        assert weights is not None  # noqa: S101 (they were asked for; this tells the type checker)
        # They come as a view by heads; what goes on to the output is the tensor that is viewed.
        self._keep(weights if weights._base is None else weights._base)
        if not asked:
            return out, None
        return out, weights.mean(-3) if averaged else weights

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,  # models are explained in evaluation mode; some still pass their dropout rate
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """PyTorch's definition of fused attention, in two steps."""
        if enable_gqa:
            key, value = (shared.repeat_interleave(query.shape[-3] // shared.shape[-3], -3) for shared in (key, value))
        logits = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
        if is_causal:
            attn_mask = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            logits = logits.masked_fill(~attn_mask, -math.inf)
        elif attn_mask is not None:
            logits = logits + attn_mask
        # A query that may look nowhere (padding on the left) gets nothing, as the fused kernel has it, not NaN.
        nowhere = (logits == -math.inf).all(-1, keepdim=True)
        weights = logits.masked_fill(nowhere, 0).softmax(-1).masked_fill(nowhere, 0).to(value.dtype)
        self._keep(weights)
        return weights @ value


def _over_the_last_axis(out: Tensor, input: Any = None, dim: int | None = None, *others: Any, **named: Any) -> bool:
    return dim in {-1, out.ndim - 1}
