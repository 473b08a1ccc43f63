"""What a file says of its architecture beside the weights: sizes of the inputs, and whether the layers compute what ours do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gazeshift.errors import ModelError, listed
from gazeshift.json_types import Json
from gazeshift.models.keras_weights.file import Layer

_FIXED: dict[str, dict[str, object]] = {
    "BatchNormalization": {"epsilon": 0.001},
    "Conv2D": {"activation": "linear", "use_bias": False},
    "LSTM": {"activation": "tanh", "recurrent_activation": "sigmoid", "go_backwards": False},
}
_DENSE = {"image-only": ["softmax"], "early-fusion": ["linear", "relu", "softmax"]}


@dataclass(frozen=True)
class Sizes:
    """Sizes of the inputs.

    Attributes:
        image: side of the pictures in pixels; None if the file does not tell.
        tokens: of each text; None if the file does not tell.
    """

    image: int | None = None
    tokens: int | None = None


def sizes_of(architecture: Json | None, head: str, layers: Mapping[str, Layer]) -> Sizes:
    """Check an architecture, and read the sizes of its inputs.

    Args:
        architecture: None for a file of weights alone, which has nothing to check.
        head: ``image-only`` or ``early-fusion``, as the weights tell.
        layers: of the file.

    Raises:
        ModelError: a layer computes something else than ours, or the text comes before the image in the concatenation.
    """
    if architecture is None:
        return Sizes()
    found = list(_described(architecture))
    for kind, settings in found:
        for name, value in _FIXED.get(kind, {}).items():
            if settings.get(name, value) != value:
                raise ModelError(
                    f"its {kind} layers have {name} {settings[name]!r}; those of the released models have {value!r}."
                )
    activations = [settings.get("activation") for kind, settings in found if kind == "Dense"]
    wanted = _DENSE[head]
    if activations not in (wanted, [*wanted[:-1], "linear"]):
        raise ModelError(
            f"its dense layers have the activations {listed(activations)}; the released model has {listed(wanted)}."
        )
    if head == "early-fusion":
        _check_order(architecture, layers)
    shapes = {tuple(shape) for kind, settings in found if kind == "InputLayer" and (shape := _shape(settings))}
    return Sizes(_image(shapes), _tokens(shapes))


def _described(config: object) -> Iterator[tuple[str, Json]]:
    """Kind and settings of every layer, also of models within models, in their order."""
    if isinstance(config, dict):
        kind, settings = config.get("class_name"), config.get("config")
        if isinstance(kind, str) and isinstance(settings, dict):
            yield kind, settings
        for value in config.values():
            yield from _described(value)
    elif isinstance(config, list):
        for value in config:
            yield from _described(value)


def _check_order(architecture: Json, layers: Mapping[str, Layer]) -> None:
    """The dense layer's columns are the image's first; a file that says otherwise would be read in the wrong order."""
    inner = architecture.get("config")
    listing = inner.get("layers") if isinstance(inner, dict) else None
    tops = [each for each in listing if isinstance(each, dict)] if isinstance(listing, list) else []
    names = {each.get("name") for each in tops}
    joins = [each for each in tops if each.get("class_name") == "Concatenate"]
    if not joins:
        raise ModelError("its architecture has no concatenation of image and text.")
    first = next((name for name in _strings(joins[-1].get("inbound_nodes")) if name in names), None)
    if first is None or any(
        "recurrent_kernel" in layer for name, layer in layers.items() if name.startswith(f"{first}/")
    ):
        raise ModelError("its concatenation begins with the text; the released model's begins with the image.")


def _strings(values: object) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict | list):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _strings(value)


def _shape(settings: Json) -> list[int | None]:
    """An input's, without the batch; Keras 2 and 3 have different names for it."""
    shape = settings.get("batch_input_shape", settings.get("batch_shape"))
    return shape[1:] if isinstance(shape, list) else []


def _image(shapes: set[tuple[int | None, ...]]) -> int | None:
    sides = {side for shape in shapes if len(shape) == 3 for side in shape[:2] if side is not None}
    if len(sides) > 1:
        raise ModelError(
            f"its pictures have sides of {listed(sorted(sides))} px; only square ones can be explained here."
        )
    return next(iter(sides), None)


def _tokens(shapes: set[tuple[int | None, ...]]) -> int | None:
    lengths = {shape[0] for shape in shapes if len(shape) == 1 and shape[0] is not None}
    if len(lengths) > 1:
        raise ModelError(f"its texts have several lengths: {listed(sorted(lengths))}.")
    return next(iter(lengths), None)
