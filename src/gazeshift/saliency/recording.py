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


def after(weights: Sequence[Tensor], leaf: Tensor) -> list[Tensor]:
    """The results that were computed from a leaf: attention of a text encoder, or before the tap, was not.

    Example:
        >>> leaf, other = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
        >>> [bool(found is leaf) for found in after([leaf * 2, other * 2], leaf)], len(after([leaf * 2, other * 2], leaf))
        ([False], 1)
    """
    reached = _from(leaf)
    return [one for one in weights if one.grad_fn is not None and reached(one.grad_fn)]


def one_sided(weights: Tensor, leaf: Tensor) -> bool:
    """Whether only the keys, or only the queries, of an attention were computed from a leaf: the others are a text's, or learned.

    Example:
        >>> image, text = torch.zeros(1, 2, 3, 4, requires_grad=True), torch.zeros(1, 2, 3, 4)
        >>> with AttentionRecorder() as recorder:
        ...     _ = functional.scaled_dot_product_attention(text, image, image)
        ...     _ = functional.scaled_dot_product_attention(image, image, image)
        >>> [one_sided(found, image) for found in recorder.weights]
        [True, False]
    """
    node = weights.grad_fn
    while node is not None and "mm" not in node.name().lower():  # the product of queries and keys is a matrix product
        node = next((before for before, _ in node.next_functions if before is not None), None)
    if node is None:
        return False
    reached = _from(leaf)
    return sum(before is not None and reached(before) for before, _ in node.next_functions[-2:]) == 1


def _from(leaf: Tensor) -> Callable[[Any], bool]:
    """Whether a node of the graph was computed from a leaf."""
    start = torch.autograd.graph.get_gradient_edge(leaf).node
    reached: dict[Any, bool] = {start: True}

    def visit(node: Any) -> bool:
        """Depth first without recursion: a model's graph is deeper than Python's stack."""
        stack = [node]
        while stack:
            here = stack[-1]
            following = [one for one, _ in here.next_functions if one is not None]
            waiting = [one for one in following if one not in reached]
            if here in reached or not waiting:
                reached.setdefault(here, any(reached[one] for one in following))
                stack.pop()
            else:
                stack += waiting
        return reached[node]

    return visit


def _over_the_last_axis(out: Tensor, input: Any = None, dim: int | None = None, *others: Any, **named: Any) -> bool:
    return dim in {-1, out.ndim - 1}
