"""The two sides that a study's models are put together from: an image trunk and a text encoder, each with where its weights come from."""

from collections.abc import Iterator

from pydantic import Field, field_validator, model_validator

from gazeshift.errors import listed
from gazeshift.json_types import Json
from gazeshift.models import HEADS, ImageSpec, TextSpec
from gazeshift.models.spec import Strict
from gazeshift.study.sections import from_home, registered

SCALING = ("mean", "std", "channels")
"""What of the preprocessing belongs to a trunk's weights; the crop is the study's, so that all maps are drawn on the same picture."""


class ImageSide(Strict):
    """One image trunk of a study.

    Attributes:
        image: the trunk.
        weights: its initial weights: ``none``, ``hub`` (timm's, downloaded) or a ``.safetensors`` file.
        preprocessing: what its weights expect instead of the study's ``mean``, ``std`` and ``channels``.
    """

    image: ImageSpec
    weights: str = "none"
    preprocessing: Json = Field(default_factory=dict)

    @field_validator("weights")
    @classmethod
    def _home_file(cls, path: str) -> str:
        return from_home(path) or "none"

    @model_validator(mode="after")
    def _consistent(self) -> "ImageSide":
        if self.image.name == "none":
            raise ValueError("image.name: name an image trunk, for example resnet50")
        if self.image.name == "small_cnn" and self.weights == "hub":
            raise ValueError("weights: small_cnn has no weights on a hub; give none or a .safetensors file")
        if other := sorted(self.preprocessing.keys() - set(SCALING)):
            raise ValueError(
                f"preprocessing.{other[0]}: only {listed(SCALING)} may differ, so that all maps are drawn on the same crop"
            )
        return self


class TextSide(Strict):
    """One text encoder of a study.

    Attributes:
        text: the encoder.
        text_encoder: Hugging Face name or local folder, for an encoder that stands on one.
    """

    text: TextSpec
    text_encoder: str | None = None

    @field_validator("text_encoder")
    @classmethod
    def _home_folder(cls, path: str | None) -> str | None:
        return from_home(path)

    @model_validator(mode="after")
    def _has_source(self) -> "TextSide":
        if self.text.encoder == "none":
            raise ValueError("text.encoder: name a text encoder, for example transformer")
        if self.text.needs_source and not self.text_encoder:
            raise ValueError(
                f"text_encoder: text.encoder {self.text.encoder!r} needs a Hugging Face name or a local folder"
            )
        return self


class StructuresConfig(Strict):
    """A model for every kind with every image trunk and every text encoder, instead of a list of models.

    They are called after the three, ``IMAGE.TEXT.KIND``; without the side that a kind has none of: ``IMAGE.image-only``. A study without
    ``images`` or ``texts`` has its own trunk or encoder there.

    Attributes:
        kinds: heads (``gazeshift.models.HEADS``).
        images: names under the study's ``images``; None: all of them.
        texts: names under ``texts``; None: all of them.
    """

    kinds: tuple[str, ...]
    images: tuple[str, ...] | None = None
    texts: tuple[str, ...] | None = None

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = tuple(registered(name, HEADS, "kind of model") for name in names)
        if not known or len(set(known)) < len(known):
            raise ValueError("name at least one kind, and each once")
        return known

    def models(self, images: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[tuple[str, Json]]:
        """Name and settings of each model.

        Args:
            images: names of all image trunks of the study.
            texts: of all text encoders.

        Example:
            >>> [name for name, _ in StructuresConfig(kinds=("image-only", "film")).models(("vit",), ("bert", "tf-idf"))]
            ['vit.image-only', 'vit.bert.film', 'vit.tf-idf.film']
        """
        for kind in self.kinds:
            structure = HEADS[kind].structure
            for image in (self.images or images or (None,)) if structure.sees_image else (None,):
                for text in (self.texts or texts or (None,)) if structure.reads_text else (None,):
                    sides = {"image": image, "text": text}
                    named = {key: name for key, name in sides.items() if name is not None}
                    yield ".".join([*named.values(), kind]), {"kind": kind, **named}
