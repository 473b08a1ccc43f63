"""Follow a text through every operation of a pass: what was never computed from it is the same for every other text.

A comparison of outputs can only speak of the texts that were compared. Here the memory that holds anything computed from the text is
marked, operation by operation; a layer whose output is unmarked does not depend on the text, whatever it says, as long as the model takes
the same path. Where a decision is made on marked numbers (``if``, ``item``, ``tolist``, ``numpy``), nothing is proven.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_DECIDES = {
    Tensor.__bool__,
    Tensor.__contains__,
    Tensor.__float__,
    Tensor.__index__,
    Tensor.__int__,
    Tensor.__iter__,
    Tensor.__array__,
    Tensor.__dlpack__,
    Tensor.data_ptr,
    Tensor.item,
    Tensor.numpy,
    Tensor.tolist,
    Tensor.untyped_storage,
}
"""Ways for numbers to leave PyTorch, where they cannot be followed."""


class Followed(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, marks the memory of everything that is computed from marked memory.

    Attributes:
        lost: whether marked numbers left PyTorch.

    Example:
        >>> text, image = torch.ones(2), torch.ones(2)
        >>> followed = Followed([text])
        >>> with followed:
        ...     both, alone = text * image, image + 1
        >>> followed.marked(both), followed.marked(alone)
        (True, False)
    """

    def __init__(self, starts: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._marks = {_memory(start) for start in starts}
        self.lost = False

    def marked(self, tensor: Tensor) -> bool:
        """Whether a tensor's memory holds anything computed from the starts."""
        return tensor.numel() > 0 and _memory(tensor) in self._marks

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by PyTorch for every operation, also inside of others."""
        kwargs = kwargs or {}
        given = list(_tensors((args, kwargs)))
        touched = any(self.marked(each) for each in given)
        if touched and func is torch.ops.aten._local_scalar_dense.default:
            self.lost = True
        before = {_memory(each) for each in given}
        out = func(*args, **kwargs)
        for each in _tensors(out):
            memory = _memory(each)
            if touched:
                self._marks.add(memory)
            elif memory not in before:
                self._marks.discard(memory)  # memory that was freed and is used again
        if touched:
            self._marks |= {_memory(args[place]) for place in _written(func, args)}
        return out


class _Leaving(TorchFunctionMode):
    """Notices marked numbers that leave PyTorch."""

    def __init__(self, followed: Followed) -> None:
        super().__init__()
        self.followed = followed

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _DECIDES and any(self.followed.marked(each) for each in _tensors(args)):
            self.followed.lost = True
        return func(*args, **(kwargs or {}))


def never_reaches(starts: Sequence[Tensor], run: Callable[[], Tensor]) -> bool:
    """Whether what ``run`` gives is computed from none of the starts, in two runs: state that one leaves behind is followed into the next.

    Args:
        starts: the tensors of the text.
        run: a pass that returns the layer's output.

    Example:
        >>> image, text = torch.ones(2), torch.ones(2)
        >>> never_reaches([text], lambda: image * 2), never_reaches([text], lambda: image * text)
        (True, False)
    """
    followed = Followed(starts)
    with followed, _Leaving(followed):
        return not any(followed.marked(run()) for _ in range(2)) and not followed.lost


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _tensors(values: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor))


def _written(func: Any, args: Sequence[Any]) -> list[int]:
    """Which arguments an operation writes to, by its schema."""
    declared = func._schema.arguments
    return [
        place
        for place, argument in enumerate(declared[: len(args)])
        if argument.alias_info is not None and argument.alias_info.is_write and isinstance(args[place], Tensor)
    ]
