"""A published model that scores a picture and a sentence."""

from collections.abc import Sequence
from typing import Any

from PIL.Image import Image

from gazeshift.models.adapters.given import Given
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.hub.pairs_reading import PairReader

MATCH = "match"


def matching(model: Any, processor: Any) -> Given:
    """A published model that scores a picture and a sentence: one class, ``match``.

    Args:
        model: a transformers model of one of ``gazeshift.models.hub.pairs.FAMILIES``.
        processor: its processor, as ``AutoProcessor`` gives it.

    Raises:
        ModelError: an unknown kind of model, or another's processor.
    """
    reader = PairReader.of(model, processor)

    def read(pictures: Sequence[Image], texts: Sequence[str]) -> tuple[Inputs, Inputs]:
        return reader.pictures(pictures), reader.sentences(texts)

    return Given(
        name=type(model).__name__,
        net=reader.family.net(model),
        read=read,
        classes=(MATCH,),
        view=reader.view,
        mask_token=reader.mask_token,
        notes=(reader.family.score,),
        mean_colour=reader.mean_colour,
        truncated=reader.truncated,
    )
