"""A net cut in two at one of its layers: the first part runs once, the second can be trained or explained."""

from dataclasses import dataclass

import torch
from torch import fx, nn

from gazeshift.errors import ModelError
from gazeshift.models.modes import evaluating
from gazeshift.models.reason import reason


@dataclass(frozen=True, eq=False)
class Cut:
    """A net's ``forward_features`` in two parts that share its weights: ``after(before(images))`` is the whole.

    Attributes:
        before: images to the output of the layer, in the net's own layout.
        after: from there to the net's last features.
        layers_before: the layers in ``before``.
    """

    before: fx.GraphModule
    after: fx.GraphModule
    layers_before: tuple[nn.Module, ...]


class _Tracer(fx.Tracer):
    """Traces the path to one layer: modules that do not contain it are leaves, so that tracing fixes nothing inside them."""

    traced_func_name = "forward_features"

    def __init__(self, layer: str) -> None:
        super().__init__()
        parts = layer.split(".")
        self.on_the_way = {".".join(parts[:depth]) for depth in range(1, len(parts))}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.on_the_way


def cut(net: nn.Module, layer: str) -> Cut:
    """Cut a net at the output of a layer.

    Args:
        net: a net with timm's ``forward_features``.
        layer: name of a submodule that ``forward_features`` calls once, for example ``layer3`` or ``blocks.4``.

    Raises:
        ModelError: no such layer, one that is not called on the way, or one bypassed by another path (a skip connection).

    Example:
        >>> import timm
        >>> net = timm.create_model("resnet18", num_classes=0).eval()
        >>> parts, images = cut(net, "layer3"), torch.zeros(1, 3, 64, 64)
        >>> parts.before(images).shape
        torch.Size([1, 256, 4, 4])
        >>> torch.equal(parts.after(parts.before(images)), net.forward_features(images))
        True
    """
    known = [name for name, _ in net.named_modules() if name]
    if layer not in known:
        raise ModelError(
            f"the net has no layer {layer!r}; the layers on the way to its output are {', '.join(_stages(net))}."
        )
    # Tracing runs Python's own branches once: in evaluation mode, as features are computed (InceptionV3's auxiliary head is not built).
    with evaluating(net):
        try:
            graph = _Tracer(layer).trace(net)
        except (TypeError, ValueError, RuntimeError, fx.proxy.TraceError) as error:
            raise ModelError(f"the net cannot be cut at {layer!r}: {reason(error)}.") from error
    calls = [node for node in graph.nodes if node.op == "call_module" and node.target == layer]
    if len(calls) != 1:
        where = "is not on the way to the features" if not calls else "is used more than once"
        raise ModelError(
            f"the net cannot be cut at {layer!r}: the layer {where}; choose one of {', '.join(_stages(net))}."
        )
    before = _before(net, graph, calls[0])
    after = _after(net, graph, layer)
    names = [str(node.target) for node in before.graph.nodes if node.op == "call_module"]
    return Cut(before, after, tuple(net.get_submodule(name) for name in names))


def _before(net: nn.Module, graph: fx.Graph, last: fx.Node) -> fx.GraphModule:
    copied, nodes = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in graph.nodes:
        nodes[node] = copied.node_copy(node, lambda old: nodes[old])
        if node is last:
            copied.output(nodes[node])
            break
    return _module(net, copied, "Before")


def _after(net: nn.Module, graph: fx.Graph, layer: str) -> fx.GraphModule:
    copied, nodes = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in graph.nodes:
        if node.op == "call_module" and node.target == layer:
            nodes[node] = copied.placeholder("grid")
        else:
            nodes[node] = copied.node_copy(node, lambda old: nodes[old])
    module = _module(net, copied, "After")
    for images in [node for node in module.graph.nodes if node.op == "placeholder" and node.target != "grid"]:
        if images.users:
            raise ModelError(
                f"the net cannot be cut at {layer!r}: another path goes around this layer; choose one of {', '.join(_stages(net))}."
            )
        module.graph.erase_node(images)
    module.recompile()
    return module


def _module(net: nn.Module, graph: fx.Graph, name: str) -> fx.GraphModule:
    """A graph with the layers it still needs."""
    module = fx.GraphModule(net, graph, name)
    module.graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    module.recompile()
    return module


def _stages(net: nn.Module) -> list[str]:
    """Names to choose from: timm's own list of stages if there is one, else the net's direct children."""
    info = getattr(net, "feature_info", None)  # timm's documented list, absent on other nets
    names = [entry["module"] for entry in info] if isinstance(info, list) else []
    return names or [name for name, _ in net.named_children()]


def output_of(parts: Cut, size: int) -> object:
    """The first part's output for one black image."""
    with evaluating(parts.before), torch.no_grad():
        return parts.before(torch.zeros(1, 3, size, size))
