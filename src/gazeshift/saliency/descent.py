"""What was computed from what, read from the graph that autograd keeps: which attentions are among the cells of a grid."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Node = Any
"""An operation of the graph, whose ``next_functions`` are those that made its inputs."""


def after(weights: Sequence[Tensor], leaf: Tensor) -> list[Tensor]:
    """The results that were computed from a leaf: attention of a text encoder, or before the tap, was not.

    Example:
        >>> leaf, other = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
        >>> [bool(found is leaf) for found in after([leaf * 2, other * 2], leaf)], len(after([leaf * 2, other * 2], leaf))
        ([False], 1)
    """
    reached = _from(leaf, lambda node: False)
    return [one for one in weights if one.grad_fn is not None and reached(one.grad_fn)]


def among_tokens(weights: Sequence[Tensor], leaf: Tensor, fits: Callable[[Tensor], bool]) -> list[Tensor]:
    """The attentions in which the tokens of a leaf look at each other; not those of or with a text, or learned queries, that has read them.

    What another attention gives are other tokens (a text's, that looked at the image), so queries and keys count as the leaf's only where a
    path leads to them past all such attentions, as residual connections do.

    Args:
        weights: of all attentions of a pass, in order, after the softmax.
        leaf: the tokens.
        fits: whether weights have the size for all tokens.

    Example:
        >>> from gazeshift.saliency.recording import AttentionRecorder
        >>> from torch.nn import functional
        >>> image, text = torch.zeros(1, 2, 3, 4, requires_grad=True), torch.zeros(1, 2, 3, 4)
        >>> with AttentionRecorder() as recorder:
        ...     mixed = functional.scaled_dot_product_attention(image, image, image)
        ...     read = functional.scaled_dot_product_attention(text, mixed, mixed)
        ...     _ = functional.scaled_dot_product_attention(read, read, read)
        >>> [found is recorder.weights[0] for found in among_tokens(recorder.weights, image, lambda weights: True)]
        [True]
    """
    softmaxes = {one.grad_fn for one in weights if one.grad_fn is not None}
    own: set[Node] = set()

    def others(node: Node) -> bool:
        softmax = _weights_of(node, softmaxes)
        return softmax is not None and softmax not in own

    reached, found = _from(leaf, others), []
    for one in weights:
        products = [_inputs(node) for node in _nearest_products(one.grad_fn)] if fits(one) else []
        if any(len(sides) == 2 and all(map(reached, sides)) for sides in products):
            own.add(one.grad_fn)
            found.append(one)
    return found


def _is_product(node: Node) -> bool:
    return "mm" in node.name().lower()  # MmBackward, BmmBackward, AddmmBackward, BaddbmmBackward


def _inputs(product: Node) -> list[Node]:
    """What made the two factors of a matrix product, as far as they have a gradient."""
    return [before for before, _ in product.next_functions[-2:] if before is not None]


def _nearest_products(node: Node) -> list[Node]:
    """The first matrix products on all paths back: that of queries and keys, and perhaps one that made a bias or a scale."""
    found, seen, stack = [], set(), [node]
    while stack:
        here = stack.pop()
        if here is None or here in seen:
            continue
        seen.add(here)
        if _is_product(here):
            found.append(here)
        else:
            stack += [before for before, _ in here.next_functions]
    return found


def _weights_of(node: Node, softmaxes: set[Node]) -> Node | None:
    """The softmax of the weights that a matrix product applies to values; None for any other operation."""
    here = node.next_functions[-2][0] if _is_product(node) else None
    while here is not None and here not in softmaxes and not _is_product(here):
        before = [one for one, _ in here.next_functions if one is not None]
        here = before[0] if len(before) == 1 else None  # a sum or a product with something else is no longer weights
    return here if here in softmaxes else None


def _from(leaf: Tensor, closed: Callable[[Node], bool]) -> Callable[[Node], bool]:
    """Whether a node of the graph was computed from a leaf, other than through closed nodes."""
    start = torch.autograd.graph.get_gradient_edge(leaf).node
    reached: dict[Node, bool] = {start: True}

    def visit(node: Node) -> bool:
        """Depth first without recursion: a model's graph is deeper than Python's stack."""
        stack = [node]
        while stack:
            here = stack[-1]
            following = [one for one, _ in here.next_functions if one is not None]
            waiting = [] if here in reached or closed(here) else [one for one in following if one not in reached]
            if waiting:
                stack += waiting
                continue
            if here not in reached:
                reached[here] = not closed(here) and any(reached[one] for one in following)
            stack.pop()
        return reached[node]

    return visit
