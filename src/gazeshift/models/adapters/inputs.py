"""A model's inputs: tensors in any nesting, one row per image or per text. Everything else is the same for all rows."""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import torch
from jaxtyping import Int
from PIL.Image import Image
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.json_types import Options

Inputs = Any  # a tensor, texts, pictures, or a tuple, list, mapping or dataclass of these; None, numbers and other objects are constants


@dataclasses.dataclass(frozen=True, eq=False)
class PackedRows:
    """Rows of different lengths laid one after the other in one tensor, as Qwen-VL's processor packs the patches of all images.

    The model gets only the tensor of the chosen rows, one after the other.

    Attributes:
        values: all rows' values along the first axis.
        lengths: number of values of each row.

    Raises:
        UsageError: the lengths do not add up to the values.

    Example:
        >>> take(PackedRows(torch.arange(5), [2, 3]), torch.tensor([1, 0]))
        tensor([2, 3, 4, 0, 1])
    """

    values: Tensor
    lengths: Sequence[int] | Int[Tensor, " r"]

    def __post_init__(self) -> None:
        """Check that every value belongs to a row."""
        if sum(self.sizes) != len(self.values):
            raise UsageError(
                f"PackedRows: {len(self.sizes)} lengths add up to {sum(self.sizes)}, but there are {len(self.values)} values."
            )

    @property
    def sizes(self) -> list[int]:
        """The lengths as integers."""
        return [int(length) for length in self.lengths]

    def __len__(self) -> int:
        return len(self.sizes)

    def rows(self, index: list[int]) -> Tensor:
        """The values of chosen rows, one after the other."""
        parts = torch.split(self.values, self.sizes)
        return torch.cat([parts[row] for row in index]) if index else self.values[:0]


def take(inputs: Inputs, index: Int[Tensor, " r"]) -> Inputs:
    """The chosen rows of every tensor and list of texts; constants are unchanged.

    Example:
        >>> take({"ids": torch.tensor([5, 6]), "scale": 2.0}, torch.tensor([1, 1, 0]))
        {'ids': tensor([6, 6, 5]), 'scale': 2.0}
    """

    def rows(leaf: Any) -> Any:
        if isinstance(leaf, Tensor):
            return leaf[index.to(leaf.device)] if leaf.ndim else leaf
        if isinstance(leaf, PackedRows):
            return leaf.rows(index.tolist())
        return type(leaf)(leaf[row] for row in index.tolist())

    return mapped(inputs, rows)


def spread(inputs: Inputs, index: Int[Tensor, " r"]) -> Inputs:
    """The same, but where all chosen rows are one and the same they share its memory: whatever works in place on them fails.

    Example:
        >>> spread({"ids": torch.tensor([5, 6])}, torch.tensor([1, 1, 1]))["ids"].stride()
        (0,)
    """
    if len(index) < 2 or not bool((index == index[0]).all()):
        return take(inputs, index)

    def rows(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return take((leaf,), index)[0]
        return leaf[index[:1].to(leaf.device)].expand(len(index), *leaf.shape[1:]) if leaf.ndim else leaf

    return mapped(inputs, rows)


def count(inputs: Inputs, kind: str) -> int:
    """Number of rows; 1 if nothing has rows.

    Raises:
        UsageError: parts with different numbers of rows.

    Example:
        >>> count({"ids": torch.zeros(3, 7), "mask": torch.ones(3, 7)}, "text")
        3
    """
    lengths = sorted({len(leaf) for leaf in leaves(inputs) if not isinstance(leaf, Tensor) or leaf.ndim})
    if len(lengths) > 1:
        shown = " and ".join(map(str, lengths[:4])) + (" ..." if len(lengths) > 4 else "")
        raise UsageError(f"the {kind} inputs have {shown} rows; each needs one row per {kind}.")
    return lengths[0] if lengths else 1


def same(inputs: Inputs, first: int, second: int) -> bool:
    """Whether two rows hold the same values."""
    one, other = (list(leaves(take(inputs, torch.tensor([row])))) for row in (first, second))
    return all(_equal(a, b) for a, b in zip(one, other, strict=True))


def by_name(inputs: Inputs) -> Mapping[str, Any] | None:
    """Values by name if the inputs have names: a mapping, a dataclass, a named tuple; None otherwise."""
    if isinstance(inputs, Mapping):
        return inputs
    if _is_dataclass(inputs):
        return {field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs)}
    return inputs._asdict() if _is_named_tuple(inputs) else None


def leaves(inputs: Inputs) -> Iterator[Any]:
    """Everything in the inputs that has rows."""
    found: list[Any] = []

    def keep(leaf: Any) -> Any:
        found.append(leaf)
        return leaf

    mapped(inputs, keep)
    return iter(found)


def extremes(inputs: Inputs) -> list[int]:
    """The extreme rows of each part: smallest and largest sum, shortest and longest text.

    Example:
        >>> extremes({"mask": torch.tensor([[1, 1], [1, 0], [1, 1], [1, 1]]), "words": ["a", "soup", "of", "it"]})
        [0, 1]
    """
    found = set()
    for leaf in leaves(inputs):
        if isinstance(leaf, Tensor):
            sizes = leaf.flatten(1).double().sum(1).tolist() if leaf.ndim > 1 else leaf.tolist() if leaf.ndim else []
        elif isinstance(leaf, PackedRows):
            sizes = leaf.sizes
        else:
            sizes = [len(value) if isinstance(value, str) else 0 for value in leaf]
        found |= {sizes.index(end(sizes)) for end in (min, max)} if sizes else set()
    return sorted(found)


def described(inputs: Inputs) -> str:
    """Types and shapes of everything that has rows, for a message.

    Example:
        >>> described({"ids": torch.zeros(3, 7), "words": ["soup"]})
        'float32 (3, 7), a list of 1'
    """
    found = [
        f"{str(leaf.dtype).removeprefix('torch.')} {tuple(leaf.shape)}"
        if isinstance(leaf, Tensor)
        else f"a list of {len(leaf)}"
        for leaf in leaves(inputs)
    ]
    return ", ".join(found[:4]) + (", ..." if len(found) > 4 else "") if found else "no inputs"


def mapped(inputs: Inputs, change: Callable[[Any], Any]) -> Inputs:
    """The same nesting with every part that has rows replaced; constants are unchanged."""
    if isinstance(inputs, Tensor | PackedRows) or is_pieces(inputs):
        return change(inputs)
    return each(inputs, lambda value: mapped(value, change))


def each(inputs: Inputs, change: Callable[[Any], Any]) -> Inputs:
    """The same mapping, dataclass, list or tuple with every value changed; anything else unchanged."""
    if isinstance(inputs, Mapping):
        return _like(inputs, {name: change(value) for name, value in inputs.items()})
    if _is_dataclass(inputs):
        values = {field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs) if field.init}
        return dataclasses.replace(inputs, **{name: change(value) for name, value in values.items()})
    if _is_named_tuple(inputs):
        return type(inputs)(*map(change, inputs))
    if isinstance(inputs, list | tuple):
        return type(inputs)(map(change, inputs))
    return inputs


def is_pieces(inputs: Inputs) -> bool:
    """Whether this is a list of texts or of undecoded pictures: one row each."""
    if not isinstance(inputs, list | tuple) or _is_named_tuple(inputs):
        return False
    return len(inputs) > 0 and all(isinstance(value, str | Image) for value in inputs)


def _is_dataclass(inputs: Inputs) -> bool:
    return dataclasses.is_dataclass(inputs) and not isinstance(inputs, type | Mapping | PackedRows)


def _is_named_tuple(inputs: Inputs) -> bool:
    return isinstance(inputs, tuple) and "_fields" in vars(type(inputs))


def _like(inputs: Mapping[str, Any], values: Options) -> Mapping[str, Any]:
    """Values in a mapping of the same type, which may also offer them as attributes (as a processor's output does)."""
    if type(inputs) is dict or not isinstance(inputs, MutableMapping):
        return values
    changed = copy.copy(inputs)
    for name, value in values.items():
        changed[name] = value
    return changed


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    return bool(one == other)
