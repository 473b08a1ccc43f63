"""Weights of a Keras file into the nets: InceptionV3, BERT, the LSTM and dense layers."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from timm.layers import ConvNormAct
from torch import Tensor, nn
from transformers import BertModel

from gazeshift.errors import ModelError
from gazeshift.json_types import Json
from gazeshift.models.keras_weights.file import Layer, Weight
from gazeshift.models.keras_weights.parts import Parts


def fill_inception(net: nn.Module, parts: Parts) -> None:
    """Keras makes InceptionV3's convolutions in the order in which timm's net holds them, each with its batch norm.

    Raises:
        ModelError: the file has more or fewer convolutions, or of other shapes.
    """
    blocks = _blocks(net)
    if not len(parts.convolutions) == len(parts.norms) == len(blocks):
        raise ModelError(
            f"it has {len(parts.convolutions)} convolutions and {len(parts.norms)} batch norms; InceptionV3 without its top has "
            f"{len(blocks)} of each."
        )
    for block, convolution, norm in zip(blocks, parts.convolutions, parts.norms, strict=True):
        weight(convolution, "kernel").put(block.conv.weight, _convolution)
        weight(norm, "beta").put(block.bn.bias, _as_it_is)
        weight(norm, "moving_mean").put(block.bn.running_mean, _as_it_is)
        weight(norm, "moving_variance").put(block.bn.running_var, _as_it_is)
        if "gamma" in norm:  # not in Keras's own, which scales nothing
            norm["gamma"].put(block.bn.weight, _as_it_is)


@torch.no_grad()
def turn_colours(net: nn.Module) -> None:
    """Make a net for pictures with blue as first channel one for the same pictures with red first."""
    first = _blocks(net)[0].conv.weight
    first.copy_(first.flip(1))


def _blocks(net: nn.Module) -> list[ConvNormAct]:
    return [module for module in net.modules() if isinstance(module, ConvNormAct)]


def fill_dense(layers: Sequence[nn.Linear], found: Sequence[Layer]) -> None:
    """Dense layers in their order."""
    for into, layer in zip(layers, found, strict=True):
        weight(layer, "kernel").put(into.weight, torch.t)
        weight(layer, "bias").put(into.bias, _as_it_is)


def fill_lstm(lstm: nn.LSTM, found: Layer) -> None:
    """Keras's gates come in torch's order (input, forget, cell, output), with one bias instead of two."""
    first, recurrent, bias, second_bias = (into for _, into in lstm.named_parameters())
    weight(found, "kernel").put(first, torch.t)
    weight(found, "recurrent_kernel").put(recurrent, torch.t)
    weight(found, "bias").put(bias, _as_it_is)
    nn.init.zeros_(second_bias)


_LAYER = "encoder/layer_{}/"
_EMBEDDINGS = {
    "embeddings.word_embeddings": ("word_embeddings", "embeddings"),
    "embeddings.position_embeddings": ("embedding_postprocessor", "position_embeddings"),
    "embeddings.token_type_embeddings": ("embedding_postprocessor", "type_embeddings"),
}
_INSIDE = {
    "attention.self.query": "self_attention/query",
    "attention.self.key": "self_attention/key",
    "attention.self.value": "self_attention/value",
    "attention.output.dense": "self_attention_output",
    "attention.output.LayerNorm": "self_attention_layer_norm",
    "intermediate.dense": "intermediate",
    "output.dense": "output",
    "output.LayerNorm": "output_layer_norm",
}


def bert_config(bert: Mapping[str, Layer]) -> Json:
    """The configuration of a BERT of TensorFlow Hub (``bert_en_uncased_L-12_H-768_A-12/1``), for Hugging Face's.

    Raises:
        ModelError: it has other layers.
    """
    words, places, kinds = (weight(_inside(bert, layer), kind).shape for layer, kind in _EMBEDDINGS.values())
    query = weight(_inside(bert, f"{_LAYER.format(0)}self_attention/query"), "kernel").shape
    layers = {name.split("/")[1] for name in bert if name.startswith("encoder/")}
    return {
        "model_type": "bert",
        "vocab_size": words[0],
        "hidden_size": words[1],
        "num_hidden_layers": len(layers),
        "num_attention_heads": query[1] if len(query) == 3 else max(1, words[1] // 64),
        "intermediate_size": weight(_inside(bert, f"{_LAYER.format(0)}intermediate"), "bias").shape[0],
        "max_position_embeddings": places[0],
        "type_vocab_size": kinds[0],
        "hidden_act": "gelu_new",  # the approximation by tanh, as in TensorFlow's official BERT of that time
    }


def fill_bert(net: BertModel, bert: Mapping[str, Layer]) -> None:
    """TensorFlow's names and shapes, some with an axis for the heads, into Hugging Face's.

    Raises:
        ModelError: a layer is missing or has another shape.
    """
    for module, (layer, kind) in _EMBEDDINGS.items():
        weight(_inside(bert, layer), kind).put(net.get_submodule(module).weight, _as_it_is)
    modules = {"embeddings.LayerNorm": "embedding_postprocessor/layer_norm", "pooler.dense": "pooler_transform"}
    for number in range(net.config.num_hidden_layers):
        modules |= {
            f"encoder.layer.{number}.{ours}": _LAYER.format(number) + theirs for ours, theirs in _INSIDE.items()
        }
    for module, name in modules.items():
        into, found = net.get_submodule(module), _inside(bert, name)
        if isinstance(into, nn.LayerNorm):
            weight(found, "gamma").put(into.weight, _as_it_is)
            weight(found, "beta").put(into.bias, _as_it_is)
        else:
            outputs, inputs = into.weight.shape
            weight(found, "kernel").put(into.weight, partial(_matrix, inputs=inputs, outputs=outputs))
            weight(found, "bias").put(into.bias, torch.flatten)


def weight(layer: Layer, kind: str) -> Weight:
    """A layer's weight.

    Raises:
        ModelError: it has none of that kind.
    """
    if kind not in layer:
        known = next(iter(layer.values()))
        raise ModelError(f"its layer {known.layer} has no {kind}.")
    return layer[kind]


def _inside(bert: Mapping[str, Layer], name: str) -> Layer:
    if name not in bert:
        raise ModelError(f"its BERT has no layer {name}; known is bert_en_uncased_L-12_H-768_A-12/1 of TensorFlow Hub.")
    return bert[name]


def _as_it_is(values: Tensor) -> Tensor:
    return values


def _matrix(kernel: Tensor, inputs: int, outputs: int) -> Tensor:
    """Without the axis for the heads; out, in."""
    return kernel.reshape(inputs, outputs).T


def _convolution(kernel: Tensor) -> Tensor:
    """Rows, columns, in, out -> out, in, rows, columns."""
    return kernel.permute(3, 2, 0, 1)
