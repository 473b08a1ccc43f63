"""Mosaics: pictures of several tiles, made from any labelled photos, in which it is known where each class is and what the caption means.

Example:
    >>> from gazeshift.data.mosaic import MosaicConfig
    >>> config = MosaicConfig(tiles=(2, 2))
    >>> config.image_only_ceiling(10), config.ceiling
    (0.25, 0.8125)
"""

from gazeshift.data.mosaic.config import MosaicConfig
from gazeshift.data.mosaic.store import Written, write

__all__ = ["MosaicConfig", "Written", "write"]
