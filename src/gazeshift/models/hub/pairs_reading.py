"""Pictures and sentences as the inputs of a published model that scores them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from gazeshift.errors import ModelError, UsageError, listed
from gazeshift.models.adapters.devices import check_loaded
from gazeshift.models.adapters.huggingface import SENTENCE
from gazeshift.models.adapters.view import view_of
from gazeshift.models.hub.pairs import FAMILIES, Family
from gazeshift.models.hub.unreadable import unreadable


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
            ModelError: an unknown kind of model, one without numbers, or another's processor.
        """
        kind = model.config.model_type
        if kind not in FAMILIES:
            raise ModelError(
                f"{type(model).__name__} ({kind}) is not among the models that score a picture and a sentence: {listed(FAMILIES, 20)}; use "
                "gazeshift.model(net, layer, ...) for others."
            )
        family, given = FAMILIES[kind], type(processor).__name__
        if type(model).__name__ != family.model:
            raise ModelError(
                f"a {type(model).__name__} does not score a picture and a sentence: load a {family.model}, or use "
                "gazeshift.model(net, layer, ...)."
            )
        if given != family.processor:
            raise ModelError(
                f"a {given} does not read for a {type(model).__name__}: load AutoProcessor from the model's own folder, which gives a "
                f"{family.processor}."
            )
        check_loaded(model)
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
        return min(int(self.processor.tokenizer.model_max_length), self.family.longest(self.model.config))

    def pictures(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """Pictures as the model's arguments.

        Raises:
            UsageError: they have grids of different sizes.
            ModelError: the processor cannot read one.
        """
        # One at a time: together, processors pad smaller pictures to the size of the largest.
        seen = [self._read(picture) for picture in pictures]
        rows = {name: [each[name] for each in seen] for name in self.family.images}
        if any(_shape(each, self.family.images) != _shape(seen[0], self.family.images) for each in seen):
            raise UsageError(
                "this model reads the pictures in different shapes: explain pictures of different shapes one at a time."
            )
        return {name: self._placed(torch.cat(values)) for name, values in rows.items()}

    def _read(self, picture: Image) -> Any:
        try:
            return self.processor(images=[picture], return_tensors="pt")
        except ValueError as error:
            raise unreadable(self.processor, picture, error) from error

    def sentences(self, sentences: Sequence[str]) -> dict[str, Tensor]:
        """Sentences as the model's arguments, cut where they are too long."""
        read = self.processor.tokenizer(
            list(sentences),
            padding=self.family.padding,
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
        )
        return {name: self._placed(read[name]) for name in SENTENCE if name in read}

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


def _shape(seen: Any, names: Sequence[str]) -> list[Any]:
    """What says how many cells a picture has: the shapes of tensors, and the numbers of rows and columns themselves."""
    return [seen[name].tolist() if name == "spatial_shapes" else seen[name].shape for name in names]
