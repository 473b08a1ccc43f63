"""PyTorch's fused attention, listened to and answered for, so that a module's own code stays the only one that says what it computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gazeshift.errors import ModelError
from gazeshift.json_types import Options
from gazeshift.models.bottleneck import Attending


@dataclass(frozen=True, eq=False)
class Heads:
    """What a module gives to the fused attention.

    Attributes:
        query: already scaled: scores are ``query @ key'``.
        key: of every token.
        value: of every token.
    """

    query: Float[Tensor, "n heads q d"]
    key: Float[Tensor, "n heads t d"]
    value: Float[Tensor, "n heads t e"]


def heard(attention: Callable[[Float[Tensor, "n t c"]], Any], tokens: Float[Tensor, "n t c"]) -> Heads:
    """The queries, keys and values that an attention makes of tokens; it is stopped there.

    Raises:
        ModelError: it does not use the fused attention, or with a mask.

    Example:
        >>> import torch
        >>> def attention(x):
        ...     return functional.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])
        >>> heard(attention, torch.ones(1, 3, 4)).query[0, 0, 0]
        tensor([0.5000, 0.5000, 0.5000, 0.5000])
    """
    listener = _Listener()
    try:
        with listener:
            attention(tokens)
    except _HeardError as found:
        return found.heads
    raise ModelError("this attention does not call torch's scaled_dot_product_attention.")


class answered(TorchFunctionMode):  # noqa: N801  a context manager, named like one
    """Within the block, the fused attention's result is this one, whatever it is asked.

    Args:
        result: one row for each that attends.
    """

    def __init__(self, result: Float[Tensor, "r heads q e"]) -> None:
        super().__init__()
        self.result = result

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Options | None = None
    ) -> Any:
        """Called by PyTorch for every operation within the block."""
        if func is functional.scaled_dot_product_attention:
            return self.result
        return func(*args, **(kwargs or {}))


def attending(
    attention: Callable[[Float[Tensor, "n t c"]], Any],
    cells: Float[Tensor, "n m c"],
    tell: Callable[[Float[Tensor, "r heads q e"], Int[Tensor, " r"]], Float[Tensor, "r d"]],
    others: Float[Tensor, "n t c"] | None,
    readers: int | None = None,
) -> Attending:
    """An attention over cells that leaves each token to itself until its softmax.

    Args:
        attention: takes tokens.
        cells: as it takes them.
        tell: what follows it; see ``Attending``.
        others: the tokens besides the cells that it also takes.
        readers: how many of these, from the first on, ask; None if it has queries of its own.

    Raises:
        ModelError: it does not use the fused attention, or with a mask.
    """
    asking = heard(attention, cells[:, :1] if others is None else others)
    query = asking.query if readers is None else asking.query[:, :, :readers]

    def hear(tokens: Float[Tensor, "n m c"]) -> tuple[Float[Tensor, "n heads q m"], Float[Tensor, "n heads m e"]]:
        heads = heard(attention, tokens)
        return query @ heads.key.mT, heads.value

    return Attending(cells, hear, None if others is None else (query @ asking.key.mT, asking.value), tell)


class _HeardError(Exception):
    """Ends the pass of which nothing else is wanted."""

    def __init__(self, heads: Heads) -> None:
        super().__init__()
        self.heads = heads


class _Listener(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Options | None = None
    ) -> Any:
        if func is functional.scaled_dot_product_attention:
            raise _HeardError(_heads(*args, **(kwargs or {})))
        return func(*args, **(kwargs or {}))


def _heads(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Heads:
    if attn_mask is not None or is_causal or dropout_p or len({query.shape[1], key.shape[1], value.shape[1]}) > 1:
        raise ModelError("this attention has a mask, drops weights or shares keys between heads.")
    return Heads(query * (query.shape[-1] ** -0.5 if scale is None else scale), key, value)
