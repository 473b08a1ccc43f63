"""Which classes, which tile, which caption and which photos: a mosaic drawn from its number alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from gazeshift.data.decode import decode
from gazeshift.data.draws import generator
from gazeshift.data.mosaic.captions import Said, Shown, say, template_of, worded
from gazeshift.data.mosaic.config import TITLE, MosaicConfig
from gazeshift.data.mosaic.grid import places, tile_preprocessing
from gazeshift.data.mosaic.photos import Photos
from gazeshift.data.rows import SPLITS
from gazeshift.errors import DataError, ImageError
from gazeshift.pairs import Pair


@dataclass(frozen=True)
class Drawn:
    """A mosaic before its photos are read.

    Attributes:
        shown: classes and places of its tiles.
        target: index of the tile whose class is the label, from 1; None if a title names a class that no tile has.
        label: the class to be recognised: that of the tile that is meant, or what a title names.
        said: what its caption says.
        text: the caption.
        photos: the class's photos by class, in the order in which they are tried; tiles of one class take one after the other.
    """

    shown: Shown
    target: int | None
    label: str
    said: Said
    text: str
    photos: Mapping[str, tuple[Pair, ...]]


def draw(config: MosaicConfig, photos: Photos, split: str, number: int) -> Drawn:
    """Mosaic ``number`` of a split; depends on settings, photos, split and number only.

    Classes are drawn without replacement (one for all tiles in the border control), the tile that is meant evenly, the kind of the caption
    from ``config.mix``: each independent of the others, so that nothing in the picture betrays the tile. A title's class is drawn from all
    classes, independent of the picture, too.
    """
    rng = generator(config.seed, SPLITS.index(split), number)
    classes = photos.classes
    order = rng.permutation(len(classes))[: 1 if config.border_control else config.count]
    names = tuple(classes[i] for i in order) * (config.count if config.border_control else 1)
    shown = Shown(names, places(*config.tiles), classes)
    tile = int(rng.integers(config.count)) + 1
    kinds = [kind for kind, weight in config.mix.items() if weight > 0]
    weights = np.array([config.mix[kind] for kind in kinds], np.float64)
    said = say(shown, kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))], tile, rng)
    text = worded(said, template_of(said.kind, rng))
    here = {name: photos.of[split][name] for name in dict.fromkeys(names)}
    shuffled = {name: tuple(some[i] for i in rng.permutation(len(some))) for name, some in here.items()}
    if said.kind == TITLE:
        return Drawn(shown, said.referred, said.content[0], said, text, shuffled)
    return Drawn(shown, tile, names[tile - 1], said, text, shuffled)


def read_tiles(
    config: MosaicConfig, drawn: Drawn, split: str, corrupt: set[str]
) -> tuple[list[Pair], list[Image.Image]]:
    """The photo of each tile and its crop; a photo that cannot be decoded is passed over.

    Args:
        config: the settings.
        drawn: the mosaic.
        split: for messages.
        corrupt: keys of photos that cannot be decoded; those found here are added.

    Raises:
        DataError: too few photos of a class can be decoded.
    """
    crop = tile_preprocessing(config.size, *config.tiles)
    next_of = {name: iter(some) for name, some in drawn.photos.items()}
    used, crops = [], []
    for name in drawn.shown.names:
        for pair in _sound(next_of[name], corrupt):
            try:
                crops.append(crop.crop_image(decode(pair.image, pair.key, at_least=crop.enough)))
            except ImageError:
                corrupt.add(pair.key)
                continue
            used.append(pair)
            break
        else:
            raise DataError(
                f"mosaic: too few {split} photos of the class {name!r} can be decoded; gazeshift data check lists the others."
            )
    return used, crops


def _sound(photos: Iterator[Pair], corrupt: set[str]) -> Iterator[Pair]:
    return (pair for pair in photos if pair.key not in corrupt)
