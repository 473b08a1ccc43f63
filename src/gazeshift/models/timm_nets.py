"""timm's nets; imported on demand, because this imports torchvision."""

import difflib
from typing import cast

import timm
from timm.layers import Attention, AttentionPoolLatent, BatchNormAct2d
from timm.models import get_pretrained_cfg_value
from timm.models.eva import Eva
from timm.models.vision_transformer import Block, VisionTransformer
from torch import nn

from gazeshift.errors import ModelError
from gazeshift.json_types import Options
from gazeshift.models import keras_inception  # noqa: F401  enters its net in timm's registry
from gazeshift.models.reason import reason
from gazeshift.models.spec import ImageSpec
from gazeshift.models.tokens import LastLayers
from gazeshift.registry import folded


def check_name(name: str) -> None:
    """Refuse a name that is not timm's.

    Raises:
        ModelError: suggests similar names.
    """
    bare = name.partition(".")[0]
    if not timm.is_model(bare):
        names = timm.list_models()
        alike = [known for known in names if folded(known) == folded(bare)]
        near = alike or timm.list_models(f"*{bare}*")[:4] or difflib.get_close_matches(bare, names, n=3)
        raise ModelError(f"unknown image model {name!r}: timm has no model of that name{_near(near)}.")


def create(spec: ImageSpec, size: int, weights: str) -> nn.Module:
    """A net without its classifier.

    Args:
        spec: which one.
        size: side of the input images in pixels.
        weights: ``hub`` for timm's pretrained weights (downloaded); anything else for random weights.

    Raises:
        ModelError: an unknown name, or a net that cannot be built.
    """
    check_name(spec.name)
    name = spec.name.partition(".")[0]
    options: Options = {"num_classes": 0, **spec.options}
    if get_pretrained_cfg_value(name, "fixed_input_size") and input_size(name) != size:
        options.setdefault("img_size", size)
    try:
        return timm.create_model(spec.name, pretrained=weights == "hub", **options)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        way_out = "; give a local file with weights=FILE.safetensors, or weights=none" if weights == "hub" else ""
        raise ModelError(f"image model {spec.name!r} cannot be built: {reason(error)}{way_out}.") from error


def input_size(name: str) -> int:
    """Side in pixels of the images that this net was designed for."""
    return int(get_pretrained_cfg_value(name.partition(".")[0], "input_size")[-1])


def is_vision_transformer(net: nn.Module) -> bool:
    """Whether a net is a stack of blocks over tokens, which is split between its blocks."""
    return isinstance(net, VisionTransformer | Eva)


def last_layers(net: VisionTransformer | Eva) -> LastLayers:
    """What the last layers are, by their types.

    Other kinds of blocks have several first norms in parallel, or none before the attention; other kinds of attention are differences.
    """
    block, pool, rotary = net.blocks[-1], net.attn_pool, isinstance(net, Eva)
    if type(pool) is AttentionPoolLatent:
        return LastLayers(True, False, pool.fused_attn and pool.pos_embed is None, rotary)
    plain = type(block) is Block
    if rotary:
        return LastLayers(False, False, False, rotary)
    return LastLayers(False, plain, plain and type(block.attn) is Attention and block.attn.fused_attn)


def after_norm(module: nn.BatchNorm2d) -> nn.Module | None:
    """What timm's batch norm with an activation does after the norm; None for another module."""
    if type(module) is not BatchNormAct2d:
        return None
    return nn.Sequential(cast("nn.Module", module.drop), cast("nn.Module", module.act))


def _near(names: list[str]) -> str:
    return f"; similar names: {', '.join(names)}" if names else ""
