"""Give the pairs of a Plates root all their valid captions, so that an edit can say another true thing about the same scene."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gazeshift.data.addresses import Root
from gazeshift.data.plates.captions import all_captions, paraphrase
from gazeshift.data.plates.scene import Caption
from gazeshift.data.plates.store import read_captions, read_config, read_scenes
from gazeshift.pairs import Pair, SceneCaption


def is_plates(root: Root) -> bool:
    """Whether a data root was written by the Plates generator."""
    return isinstance(root, Path) and (root / "plates.json").is_file()


def with_captions(root: Path, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with ``captions``: every valid caption of the scene, the pair's own, and the own one paraphrased.

    Raises:
        DataError: ``root`` is not a Plates root.
    """
    config, scenes, own = read_config(root), read_scenes(root), read_captions(root)
    filled = []
    for pair in pairs:
        scene, caption = scenes[pair.key], own[pair.key]
        # The scene's own seed: the same paraphrase in every process.
        other = paraphrase(caption, np.random.default_rng([scene.seed, 4]))
        captions = [
            caption,
            *([other] if other.text != caption.text else []),
            *all_captions(scene, config.dishes, config.positions),
        ]
        filled.append(replace(pair, captions=tuple(map(_plain, captions))))
    return filled


def _plain(caption: Caption) -> SceneCaption:
    return SceneCaption(caption.kind, caption.text, caption.referred, " ".join(caption.content))
