"""A model that remembers the pictures it has seen, so that another text costs its head alone."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from PIL.Image import Image

from gazeshift.models.bound import Bound
from gazeshift.models.face import Heard, Model, Seen
from gazeshift.models.fusions.fusion import Structure

PICTURES = 16
"""Remembered at a time: InceptionV3's grid of a picture takes half a megabyte, a vision transformer's layers more."""

TEXTS = 4
"""Sets of texts remembered with each picture."""


@dataclass(frozen=True, eq=False)
class Remembering:
    """A ``Model`` like the one that it holds, which runs the trunk once for each picture.

    Attributes:
        model: any model.
        pictures: how many pictures it remembers; the one asked for longest ago is forgotten first.
    """

    model: Model
    pictures: int = PICTURES
    _seen: OrderedDict[str, Seen] = field(default_factory=OrderedDict)
    _asked: OrderedDict[tuple[str, str], Model] = field(default_factory=OrderedDict)

    def see(self, pictures: Sequence[Image]) -> Seen:
        """As the model does; what was seen before is not looked at again."""
        key = _digest(pictures)
        if key not in self._seen:
            self._seen[key] = _remembering_texts(self.model.see(pictures))
        self._seen.move_to_end(key)
        while len(self._seen) > self.pictures:
            self._seen.popitem(last=False)
        return self._seen[key]

    def bind(self, pictures: Sequence[Image], texts: Sequence[str]) -> Bound:
        """As the model does."""
        return self.see(pictures)(texts)

    def about(self, picture: Image, text: str) -> Model:
        """Itself; of a model that answers in its own words, the model with the answer, which is found once."""
        key = (_digest([picture]), text)
        if key not in self._asked:
            asked = self.model.about(picture, text)
            if asked is self.model:
                return self
            self._asked[key] = Remembering(asked, pictures=1)
        self._asked.move_to_end(key)
        while len(self._asked) > self.pictures:
            self._asked.popitem(last=False)
        return self._asked[key]

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's."""
        return self.model.classes

    def digest(self) -> str:
        """The model's, computed once: on the page no model is trained."""
        return self._known_digest

    @cached_property
    def _known_digest(self) -> str:
        return self.model.digest()

    @property
    def structure(self) -> Structure | None:
        """The model's."""
        return self.model.structure

    @property
    def sees_image(self) -> bool:
        """The model's."""
        return self.model.sees_image

    @property
    def reads_text(self) -> bool:
        """The model's."""
        return self.model.reads_text

    @property
    def mask_token(self) -> str | None:
        """The model's."""
        return self.model.mask_token

    @property
    def enough(self) -> int | None:
        """The model's."""
        return self.model.enough

    def heard(self, texts: Sequence[str]) -> Heard:
        """The model's."""
        return self.model.heard(texts)

    def view(self, picture: Image) -> Image:
        """The model's."""
        return self.model.view(picture)

    def trials(self) -> Iterator[tuple[Bound, int]]:
        """The model's."""
        return self.model.trials()


def _remembering_texts(seen: Seen) -> Seen:
    """The same for texts that were just asked: maps, words and regions of one text are asked one after the other."""
    bound = lru_cache(maxsize=TEXTS)(seen)
    return lambda texts: bound(tuple(texts))


def _digest(pictures: Sequence[Image]) -> str:
    sha = hashlib.sha256()
    for picture in pictures:
        sha.update(repr((picture.mode, picture.size)).encode())
        sha.update(picture.tobytes())
    return sha.hexdigest()
