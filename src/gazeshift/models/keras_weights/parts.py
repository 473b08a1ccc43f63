"""Which layer of a file belongs to which part of a model; told by the weights that it has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gazeshift.errors import ModelError
from gazeshift.models.keras_weights.file import Layer

_NUMBER = re.compile(r"_(\d+)$")


@dataclass(frozen=True)
class Parts:
    """The layers of a file by part.

    Attributes:
        convolutions: in the order in which they were made, which their names count.
        norms: the batch norms, in the same order.
        lstm: one or none, as far as we know such models.
        dense: in the file's order.
        bert: by its own names, without those of the layers around it; empty without BERT.
    """

    convolutions: list[Layer]
    norms: list[Layer]
    lstm: list[Layer]
    dense: list[Layer]
    bert: dict[str, Layer]


def parts_of(layers: Mapping[str, Layer]) -> Parts:
    """Sort the layers of a file.

    Raises:
        ModelError: a layer that neither InceptionV3 nor BERT nor a head of theirs has.
    """
    kinds: tuple[dict[str, Layer], ...] = ({}, {}, {}, {}, {})
    bert, lstm, dense, convolutions, norms = kinds
    around = next((name.partition("word_embeddings")[0] for name in layers if "word_embeddings" in name), None)
    for name, layer in layers.items():
        if around is not None and name.startswith(around):
            bert[name.removeprefix(around)] = layer
        elif "recurrent_kernel" in layer:
            lstm[name] = layer
        elif "moving_mean" in layer:
            norms[name] = layer
        elif "kernel" in layer and len(layer["kernel"].shape) == 4:
            convolutions[name] = layer
        elif "kernel" in layer and len(layer["kernel"].shape) == 2:
            dense[name] = layer
        elif not _is_counter(layer):
            raise ModelError(f"its layer {name} belongs neither to InceptionV3 nor to BERT, an LSTM or dense layers.")
    return Parts(_as_made(convolutions), _as_made(norms), list(lstm.values()), list(dense.values()), bert)


def _as_made(layers: Mapping[str, Layer]) -> list[Layer]:
    return [layers[name] for name in sorted(layers, key=_made)]


def _made(name: str) -> int:
    """Keras counts the layers of a kind that it makes: ``conv2d``, ``conv2d_1``, ``conv2d_2`` ..."""
    number = _NUMBER.search(name)
    return int(number[1]) if number else -1


def _is_counter(layer: Layer) -> bool:
    """Numbers that are no weights: counted steps, settings, states of random generators."""
    return all(not weight.shape or not weight.real for weight in layer.values())
