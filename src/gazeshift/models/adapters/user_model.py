"""A user's own module or object, with functions that read pictures and sentences: ready for everything gazeshift does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL.Image import Image
from torch import nn

from gazeshift.errors import UsageError
from gazeshift.json_types import Options
from gazeshift.models.adapters.given import Given
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.adapters.listing import Unplaced
from gazeshift.models.adapters.module import wrap
from gazeshift.models.adapters.protocol import Outside
from gazeshift.models.adapters.reading_pictures import UserReading
from gazeshift.models.adapters.split import ThreeParts, split
from gazeshift.models.adapters.view import view_of


def model(
    net: Any,
    layer: str | nn.Module | None = None,
    preprocess: Callable[[Image], Any] | None = None,
    tokenizer: Callable[[list[str]], Any] | None = None,
    classes: Sequence[str] = (),
    *,
    name: str | None = None,
    view: Callable[[Image], Image] | None = None,
    mask_token: str | None = None,
    **options: Any,
) -> Given:
    """Make a model of one's own ready for pictures and sentences.

    Args:
        net: a module, called as ``net(images, texts)`` (``net(images)`` without ``tokenizer``) unless ``image``, ``text`` or ``forward``
            say otherwise; or any object with ``encode_image``, ``encode_text`` and ``classify``, which needs no layer.
        layer: the layer to explain at, by its name or itself; where it is None, ``gazeshift layers`` suggests one.
        preprocess: an RGB Pillow image to a tensor ``(3, height, width)``, or to a mapping or tuple of several inputs, on any device.
        tokenizer: a list of texts to tensors in any nesting, one row per text; None for a model that reads no text.
        classes: a name for each output; a regression has one.
        name: what it is called in results; the type's name if None.
        view: the part of a picture that ``preprocess`` shows the model; found by trying if None.
        mask_token: stands for a masked word, if the tokenizer knows one.
        options: as in ``gazeshift.models.adapters.wrap`` (``image``, ``text``, ``output``, ``grid``, ``forward``, ...); for an object in
            three parts, as in ``split``.

    Raises:
        UsageError: no ``preprocess``, no classes or two of one name, a layer or argument that does not exist.

    Example:
        >>> import torch
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.trunk, self.words, self.head = nn.Conv2d(3, 4, 3), nn.Embedding(9, 4), nn.Linear(4, 2)
        ...     def forward(self, image, text):
        ...         return self.head(self.trunk(image).mean((2, 3)) * self.words(text))
        >>> mine = model(
        ...     Net(), "trunk", lambda picture: torch.zeros(3, 8, 8), lambda texts: torch.tensor([len(each) for each in texts]), ["x", "y"]
        ... )
        >>> mine.classes
        ('x', 'y')
    """
    if preprocess is None:
        raise UsageError(
            "give preprocess=: a function from an RGB Pillow image to the tensor (3, height, width) that the model takes."
        )
    names = tuple(map(str, classes))
    if not names or len(set(names)) < len(names):
        raise UsageError(
            f"classes: give one name for each output of the model, each once; there are {len(set(names))} different ones."
        )
    return Given(
        name=name or type(net).__name__,
        net=_outside(net, layer, tokenizer is not None, options),
        read=UserReading(preprocess, tokenizer),
        classes=names,
        view=view or (lambda picture: view_of(preprocess, picture)),
        reads_text=tokenizer is not None,
        mask_token=mask_token,
    )


def _outside(net: Any, layer: str | nn.Module | None, reads: bool, options: Options) -> Outside:
    """The object in its three parts, or the module at its layer."""
    if isinstance(net, ThreeParts) and layer is None:
        return split(net, **options)
    if not isinstance(net, nn.Module):
        raise UsageError(
            f"a {type(net).__name__} is neither a torch module nor an object with encode_image, encode_text and classify: give one of "
            "these."
        )
    named = options.keys() & {"image", "text", "forward"}
    options = options if named else {"forward": _positional(net, reads), **options}
    return Unplaced(wrap(net, net, **options)) if layer is None else wrap(net, layer, **options)


def _positional(net: nn.Module, reads: bool) -> Callable[[Inputs, Inputs], Any]:
    """Images and texts in this order; a mapping as keyword arguments."""

    def call(images: Inputs, texts: Inputs) -> Any:
        inputs = (images, texts) if reads else (images,)
        named = {name: value for each in inputs if isinstance(each, Mapping) for name, value in each.items()}
        return net(*(each for each in inputs if not isinstance(each, Mapping)), **named)

    return call
