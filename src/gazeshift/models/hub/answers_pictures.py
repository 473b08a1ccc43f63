"""Pictures as a vision-language model's inputs, with the places of their cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models.adapters import Packed, PackedRows, TokensAt
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.features import TokenPlaces
from gazeshift.models.hub.unreadable import unreadable
from gazeshift.models.hub.vision_language import Family
from gazeshift.models.hub.vision_language_grids import Cells, Seen

_TOKEN, _TOKENS, _PLACE = "token", "tokens", "place"


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures that a processor has read, all with the same grid.

    Attributes:
        inputs: one row per picture: the model's arguments, and the places of the cells.
        block: the text that stands for one of them in a prompt.
    """

    inputs: dict[str, Inputs]
    block: str


def read_pictures(model: Any, processor: Any, family: Family, pictures: Sequence[Image]) -> Pictures:
    """Pictures as the model's processor reads them.

    Raises:
        UsageError: they have grids of different sizes.
        ModelError: the processor cannot read one.
    """
    seen = [_seen(model.config, processor, family, picture) for picture in pictures]
    cells = [family.cells(each) for each in seen]
    for each, other in zip(seen[1:], cells[1:], strict=True):
        if each.block != seen[0].block or not torch.equal(other.token, cells[0].token):
            raise UsageError(
                f"this model reads the pictures as {_shape(cells[0])} and {_shape(other)} cells: explain pictures of different shapes one "
                "at a time."
            )
    names = [name for name in family.images if name in seen[0].values]
    values = {name: _rows([each.values[name] for each in seen], name in family.packed) for name in names}
    where = {_TOKEN: torch.stack([each.token for each in cells]), _TOKENS: cells[0].tokens}
    if cells[0].place is not None:
        where[_PLACE] = cells[0].place.expand(len(cells), -1, -1)
    return Pictures({**values, **where}, seen[0].block)


def arguments_of(inputs: Inputs) -> dict[str, Any]:
    """The model's arguments among the inputs of pictures."""
    return {name: value for name, value in inputs.items() if name not in {_TOKEN, _PLACE, _TOKENS}}


def layout_of(images: Inputs, texts: Inputs) -> Packed:
    """Where the cells are in the tap's output; a rule for ``wrap``."""
    return Packed(images[_TOKENS], TokensAt(images[_TOKEN][0]))


def places_of(image_token: int, images: Inputs, texts: Inputs) -> TokenPlaces | None:
    """Where the cells are in the prompts; None if it is not the same in every prompt (a text comes before the picture).

    Where they are in no prompt, because learned queries read them first: among the tokens that these look at.
    """
    if _PLACE not in images:
        return TokenPlaces(images[_TOKENS], images[_TOKEN][0].flatten())
    stands = texts["input_ids"] == image_token
    if not bool((stands == stands[0]).all()):
        return None
    return TokenPlaces(stands.shape[1], stands[0].nonzero()[:, 0][images[_PLACE][0].flatten()])


def _seen(config: Any, processor: Any, family: Family, picture: Image) -> Seen:
    try:
        read, block = family.reads(processor, picture.convert("RGB"))
    except ValueError as error:
        raise unreadable(processor, picture, error) from error
    values = {name: read[name] for name in family.images if name in read}
    tokens = processor.tokenizer(block, add_special_tokens=False)["input_ids"].count(config.image_token_id)
    return Seen(values, tokens, block, (picture.height, picture.width), processor, config)


def _rows(values: list[Tensor], packed: bool) -> Tensor | PackedRows:
    every, lengths = torch.cat(values), [len(each) for each in values]
    return PackedRows(every, lengths) if packed and set(lengths) != {1} else every


def _shape(cells: Cells) -> str:
    return " x ".join(map(str, cells.token.shape))
