"""Scenes of a test split with the texts to try on them: their own caption, and captions of the same kind about something else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gazeshift.data.plates import Caption, PlatesConfig, Scene, caption_for
from gazeshift.evaluation.faithful import TextChange


@dataclass(frozen=True)
class Exam:
    """Scenes, captions and changed captions.

    Attributes:
        scenes: the scenes shown.
        captions: each scene's caption in its data set.
        others: captions of the same kind about each other object for which one is true; for kinds that are about no
            object, one other caption.
    """

    scenes: tuple[Scene, ...]
    captions: tuple[Caption, ...]
    others: tuple[tuple[Caption, ...], ...]

    @property
    def texts(self) -> list[str]:
        """The captions' texts."""
        return [caption.text for caption in self.captions]

    @property
    def changes(self) -> list[TextChange]:
        """Every scene with its own caption and each changed one."""
        return [
            TextChange(scene, caption.text, other.text)
            for scene, caption, others in zip(self.scenes, self.captions, self.others, strict=True)
            for other in others
        ]


def make_exam(config: PlatesConfig, scenes: Sequence[Scene], captions: Sequence[Caption]) -> Exam:
    """Add the changed captions, which depend only on the scene."""
    others = [_others(config, scene, caption) for scene, caption in zip(scenes, captions, strict=True)]
    return Exam(tuple(scenes), tuple(captions), tuple(others))


def _others(config: PlatesConfig, scene: Scene, caption: Caption) -> tuple[Caption, ...]:
    rng = np.random.default_rng([scene.seed, 5])
    if caption.referred is None:
        return (_another(scene, caption, rng),)
    about = [item.index for item in scene.objects if item.index != caption.referred]
    said = [
        caption_for(scene, caption.kind, index, rng, dishes=config.dishes, positions=config.positions)
        for index in about
    ]
    return tuple(other for other in said if other is not None)


def _another(scene: Scene, caption: Caption, rng: np.random.Generator) -> Caption:
    """Another caption that is about no object; the same one if there is only one (``none``)."""
    for _ in range(20):
        other = caption_for(scene, caption.kind, scene.target, rng)
        if other is not None and other.text != caption.text:
            return replace(other, modifier=caption.modifier)
    return caption
