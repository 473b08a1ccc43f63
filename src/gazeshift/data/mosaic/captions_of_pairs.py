"""Give the pairs of a data set of mosaics all their valid captions, so that an edit can say another true thing about the same picture."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gazeshift.data.draws import generator
from gazeshift.data.mosaic.captions import Shown, scene_captions
from gazeshift.data.mosaic.config import MosaicConfig
from gazeshift.data.mosaic.rows import read_rows, said_in
from gazeshift.data.mosaic.store import read_header
from gazeshift.errors import DataError
from gazeshift.pairs import Pair


def with_captions(root: Path, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with ``captions``: every valid caption of the mosaic, the pair's own, and the own one paraphrased.

    Raises:
        DataError: ``root`` was not written by ``gazeshift data mosaic``, or an image has been added to it.
    """
    header, rows_by_key = read_header(root), read_rows(root)
    config, classes = MosaicConfig.from_dict(header.config), tuple(header.classes)
    filled = []
    for pair in pairs:
        rows = rows_by_key.get(pair.key)
        if rows is None:
            raise DataError(f"{root}: no tile of {pair.key} is known; write the mosaics again.")
        shown = Shown(tuple(row.name for row in rows), tuple(row.place for row in rows), classes)
        # From the key: the same paraphrase in every process.
        rng = generator(config.seed, int.from_bytes(hashlib.sha256(pair.key.encode()).digest()[:8], "big"))
        filled.append(replace(pair, captions=scene_captions(shown, said_in(rows), rows[0].text, rng)))
    return filled
