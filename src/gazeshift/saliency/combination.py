"""A target made of several logits: why A rather than B, or any weighted sum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.registry import lookup
from gazeshift.saliency.recast import unchanged

RATHER_THAN = " rather than "


@dataclass(frozen=True, eq=False)
class Combination:
    """A weighted sum of logits, explained like a class.

    The map of a sum is the sum of the maps for every method that is linear in the logit's gradient, so the map of "A rather than B" shows
    what speaks for A and against B at once. Several labels of a model with sigmoid outputs: a weight of 1 each.

    Attributes:
        weights: by class (its name, or its index).
        name: what it is called in results; made from the weights if None.

    Example:
        >>> Combination({"pie": 1.0, "tart": -1.0}).title
        'pie rather than tart'
        >>> Combination({"cat": 1.0, "dog": 1.0}).title
        '+1 cat +1 dog'
    """

    weights: Mapping[str | int, float]
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse a sum of nothing."""
        if not any(self.weights.values()):
            raise UsageError("a combination of targets needs at least one class with a weight other than 0.")

    @property
    def title(self) -> str:
        """Its name."""
        if self.name is not None:
            return self.name
        by_weight = {weight: [str(each) for each, one in self.weights.items() if one == weight] for weight in (1, -1)}
        if len(self.weights) == 2 and all(len(some) == 1 for some in by_weight.values()):
            return f"{by_weight[1][0]}{RATHER_THAN}{by_weight[-1][0]}"
        return " ".join(f"{weight:+g} {each}" for each, weight in self.weights.items())

    def over(self, classes: Sequence[str]) -> Float[Tensor, " classes"]:
        """A weight for each of a model's classes.

        Raises:
            UsageError: a class that the model does not have; suggests similar ones.
        """
        found = torch.zeros(len(classes))
        for each, weight in self.weights.items():
            found[class_index(classes, each)] += float(weight)
        if not bool(found.any()):
            raise UsageError(f"target {self.title!r}: the weights cancel, so nothing is left to explain.")
        return found


def class_index(classes: Sequence[str], name: str | int) -> int:
    """Index of a class by its name, or by its number.

    Raises:
        UsageError: no such class; suggests the nearest.

    Example:
        >>> class_index(["pie", "tart"], "tart"), class_index(["pie", "tart"], 0)
        (1, 0)
    """
    if isinstance(name, int) and not isinstance(name, bool):
        if not 0 <= name < len(classes):
            raise UsageError(f"target {name} is not a class: the model has classes 0 to {len(classes) - 1}.")
        return name
    return lookup({known: index for index, known in enumerate(classes)}, str(name), "class")


def as_combination(target: object, classes: Sequence[str]) -> Combination | None:
    """A target as a combination, if it is one: ``A rather than B`` in words, or a ``Combination``; None for any other.

    Example:
        >>> as_combination("pie rather than tart", ["pie", "tart"]).weights
        {'pie': 1.0, 'tart': -1.0}
        >>> as_combination("pie", ["pie", "tart"]) is None
        True
    """
    if isinstance(target, Combination):
        return target
    if not isinstance(target, str) or target in classes or RATHER_THAN not in target:
        return None
    wanted, other = target.split(RATHER_THAN, 1)
    if wanted == other:
        raise UsageError(f"target {target!r}: give two different classes.")
    return Combination({wanted: 1.0, other: -1.0})


def appended(logits: Float[Tensor, "*r classes"], weights: Float[Tensor, "k classes"]) -> Float[Tensor, "*r all"]:
    """Logits with combinations of them as further outputs.

    Example:
        >>> appended(torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, -1.0]]))
        tensor([[3., 1., 2.]])
    """
    return torch.cat([logits, logits @ weights.to(logits).T], dim=-1)


def outputs_for(
    target: str | Combination, classes: Sequence[str]
) -> tuple[Callable[[Tensor], Tensor], tuple[str, ...]]:
    """How a model's logits become the outputs that a target is one of, and their names: a combination is one more, the last.

    Raises:
        UsageError: a combination of a class that the model does not have.

    Example:
        >>> out, names = outputs_for("pie rather than tart", ["pie", "tart"])
        >>> out(torch.tensor([[3.0, 1.0]])), names
        (tensor([[3., 1., 2.]]), ('pie', 'tart', 'pie rather than tart'))
    """
    combination = as_combination(target, classes)
    if combination is None:
        return unchanged, tuple(classes)
    weights = combination.over(classes)[None]
    return lambda logits: appended(logits, weights), (*classes, combination.title)


def choose_target(classes: Sequence[str], target: str | Combination, label: str | None, predicted: int) -> int:
    """The output of a target, for a pair with a predicted class: a class's index, or for a combination the one after all classes.

    Raises:
        UsageError: no such class, or ``label`` without the label.

    Example:
        >>> [choose_target(["pie", "tart"], each, None, 1) for each in ("predicted", "pie", "tart rather than pie")]
        [1, 0, 2]
    """
    if as_combination(target, classes) is not None:
        return len(classes)
    if target in {"predicted", "reference"}:
        return predicted
    if target == "label" and label is None:
        raise UsageError("target 'label' needs the true class: give label=CLASS (--label CLASS).")
    return class_index(classes, label if target == "label" and label is not None else str(target))
