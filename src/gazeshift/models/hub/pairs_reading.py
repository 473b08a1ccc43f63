"""Pictures and sentences as the inputs of a published model that scores them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor

from gazeshift.errors import ModelError, UsageError, listed
from gazeshift.models.adapters.view import view_of
from gazeshift.models.hub.pairs import FAMILIES, Family

_SENTENCE = ("input_ids", "attention_mask")


@dataclass(frozen=True, eq=False)
class PairReader:
    """A model that scores a picture and a sentence, with what reads for it.

    Attributes:
        model: a transformers model of one of ``FAMILIES``.
        processor: its processor, as ``AutoProcessor`` gives it.
        family: what differs from other such models.
    """

    model: Any
    processor: Any
    family: Family

    @classmethod
    def of(cls, model: Any, processor: Any) -> "PairReader":
        """Check that they fit together.

        Raises:
            ModelError: an unknown kind of model, or another's processor.
        """
        kind = model.config.model_type
        if kind not in FAMILIES:
            raise ModelError(
                f"{type(model).__name__} ({kind}) is not among the models that score a picture and a sentence: {listed(FAMILIES, 20)}; use "
                "gazeshift.model(net, layer, ...) for others."
            )
        family, given = FAMILIES[kind], type(processor).__name__
        if given not in family.processors:
            raise ModelError(
                f"a {given} does not read for a {type(model).__name__}: load AutoProcessor from the model's own folder, which gives a "
                f"{family.processors[0]}."
            )
        return cls(model, processor, family)

    @property
    def mask_token(self) -> str | None:
        """What stands for a masked word."""
        return None if self.processor.tokenizer.mask_token is None else str(self.processor.tokenizer.mask_token)

    @property
    def mean_colour(self) -> tuple[float, float, float]:
        """Of the processor's normalisation; black where it does none."""
        options = self.processor.image_processor
        red, green, blue = options.image_mean if options.do_normalize else (0.0, 0.0, 0.0)
        return float(red), float(green), float(blue)

    @property
    def longest(self) -> int:
        """How many tokens of a sentence the model reads."""
        texts = self.model.config.get_text_config()
        return min(self.processor.tokenizer.model_max_length, texts.max_position_embeddings)

    def pictures(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """Pictures as the model's arguments.

        Raises:
            UsageError: they have grids of different sizes.
        """
        read = self.processor.image_processor(images=list(pictures), return_tensors="pt")
        return {name: self._placed(read[name]) for name in self.family.images if name in read}

    def sentences(self, sentences: Sequence[str]) -> dict[str, Tensor]:
        """Sentences as the model's arguments, cut where they are too long."""
        read = self.processor.tokenizer(
            list(sentences),
            padding=self.family.padding,
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
        )
        return {name: self._placed(read[name]) for name in _SENTENCE if name in read}

    def truncated(self, sentences: Sequence[str]) -> tuple[bool, ...]:
        """Which sentences are longer than the model reads."""
        return tuple(
            len(ids) > self.longest for ids in self.processor.tokenizer(list(sentences), verbose=False)["input_ids"]
        )

    def view(self, picture: Image) -> Image:
        """The part of a picture that the model sees."""
        return view_of(lambda shown: self.pictures([shown.convert("RGB")])["pixel_values"][0], picture)

    def _placed(self, value: Tensor) -> Tensor:
        return value.to(self.model.device, self.model.dtype if value.is_floating_point() else value.dtype)
