"""A third-party model with everything around it: how pictures and sentences become its inputs, and what its outputs are called."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from PIL.Image import Image, fromarray, new

from gazeshift.errors import ModelError, listed
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.adapters.devices import placed
from gazeshift.models.adapters.eyes import PictureEye
from gazeshift.models.adapters.hindrances import not_finite
from gazeshift.models.adapters.inputs import Inputs, count
from gazeshift.models.adapters.options import in_rows
from gazeshift.models.adapters.protocol import Outside
from gazeshift.models.bound import Bound
from gazeshift.models.face import Heard
from gazeshift.models.fusions.fusion import Structure
from gazeshift.preprocessing import IMAGENET_MEAN

_TRIALS = 4
_TRIED = ("", "a photo", "two red dogs on the left", "this is something else altogether")

Reading = Callable[[Sequence[Image], Sequence[str]], tuple[Inputs, Inputs]]
"""RGB pictures and texts to a model's inputs: one row per picture, and ``options`` rows per text (one text after the other)."""


@dataclass(frozen=True, eq=False)
class Given:
    """A model that was not trained here, ready for pictures and sentences: ``gazeshift.models.face.Model``.

    Attributes:
        name: what it is called in results and messages.
        net: the model at its layer; its logits are those of ``classes``, or a single score per row if ``options`` is above 1.
        read: pictures and texts to its inputs. Pictures whose grids differ in size can only be read one at a time.
        classes: names of the logits, in order.
        view: the part of a picture that the map covers, in its own proportions: what the map is drawn on.
        reads_text: whether texts reach the model at all; else ``read`` ignores them.
        options: rows of text input per text. Above 1, there is one row for each class, and the score of row k is the logit of class k.
        mask_token: stands for a masked word; None if there is none.
        notes: what a user should know about how the model is asked, one sentence each.
        mean_colour: of the model's normalisation, 0 to 1: what stands for a hidden part of a picture that is no single tensor.
        answering: for a model whose outputs are the tokens of its own answer: the same with the answer to a picture and a text.
        truncated: which of some texts are longer than the model reads; None if nobody knows.
        sees_image: always.
        structure: unknown.
    """

    name: str
    net: Outside
    read: Reading
    classes: tuple[str, ...]
    view: Callable[[Image], Image]
    reads_text: bool = True
    options: int = 1
    mask_token: str | None = None
    notes: tuple[str, ...] = ()
    mean_colour: tuple[float, float, float] = IMAGENET_MEAN
    answering: "Callable[[Image, str], Given] | None" = None
    truncated: Callable[[Sequence[str]], tuple[bool, ...]] | None = None
    sees_image: bool = True
    structure: Structure | None = None

    def digest(self) -> str:
        """Of its name, its classes and its weights, as they were when it was first asked."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256(repr((self.name, self.classes, self.notes)).encode())
        for name, value in sorted(self.net.modules.state_dict().items()):
            sha.update(name.encode())
            if isinstance(value, torch.Tensor):
                sha.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        return sha.hexdigest()

    def trials(self) -> Iterator[tuple[Bound, int]]:
        """Random pictures with some texts."""
        rng = np.random.default_rng(0)
        for _ in range(_TRIALS):
            picture = fromarray(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8))
            yield self.about(picture, _TRIED[0]).bind([picture], _TRIED), len(_TRIED)

    @property
    def enough(self) -> None:
        """None: what its own preprocessing does with a picture is not known."""

    def about(self, picture: Image, text: str) -> "Given":
        """Itself; a model that answers in its own words, with the answer to this picture and text."""
        return self if self.answering is None else self.answering(picture.convert("RGB"), text)

    def heard(self, texts: Sequence[str]) -> Heard:
        """Which texts are cut, where that is known."""
        nothing = (False,) * len(texts)
        return Heard(nothing if self.truncated is None else self.truncated(texts), nothing)

    def see(self, pictures: Sequence[Image]) -> Callable[[Sequence[str]], BoundModule]:
        """``bind`` with these pictures: what no text changes is known only once both are given."""
        return partial(self.bind, pictures)

    def bind(self, pictures: Sequence[Image], texts: Sequence[str]) -> BoundModule:
        """Every picture with every text.

        Raises:
            ModelError: the model cannot be explained at its layer, or its outputs are not those of ``classes``; says why.
        """
        said = texts if self.reads_text else [""]
        inputs = self.inputs([picture.convert("RGB") for picture in pictures], said)
        rows = len(said) * self.options
        self._check("picture", count(inputs[0], "image"), len(pictures))
        if self.reads_text:
            self._check("text", count(inputs[1], "text"), rows)
        index = torch.cartesian_prod(torch.arange(len(pictures)), torch.arange(rows))
        bound = self.net.bind(*inputs, index[:, 0], index[:, 1])
        outputs = bound.answers.shape[1]
        if outputs * self.options != len(self.classes):
            raise ModelError(
                f"{self.name} gives {outputs * self.options} outputs for {len(self.classes)} classes ({listed(self.classes)}): give one "
                "name for each output with classes=."
            )
        bound.notes = (*self.notes, *not_finite(*inputs, bound.grid), *bound.notes)
        if bound.eye is None and bound.again is not None:
            views = [self.view(picture.convert("RGB")) for picture in pictures]
            seen = [self._seen(*each) for each in zip(pictures, views, strict=True)]
            bound.eye = PictureEye(views, seen, self.mean_colour, self._image_inputs, bound.again)
        if self.reads_text and self.options == 1:
            return bound
        first = (
            torch.arange(len(texts)) * self.options if self.reads_text else torch.zeros(len(texts), dtype=torch.long)
        )
        return in_rows(bound, first[:, None] + torch.arange(self.options))

    def _seen(self, picture: Image, view: Image) -> tuple[int, int, int, int]:
        """Where the picture is in its view; beyond it there is padding, which is black."""
        if view.width <= picture.width and view.height <= picture.height:
            return 0, 0, *view.size
        return self.view(new("RGB", picture.size, "white")).getbbox() or (0, 0, *view.size)

    def inputs(self, pictures: Sequence[Image], texts: Sequence[str]) -> tuple[Inputs, Inputs]:
        """What the model takes of pictures and texts, on its own device.

        Raises:
            ModelError: something cannot be read, or the model is on no device.
        """
        images, said = self.net.read(*self.read(pictures, texts))
        return placed(images, self.net.modules), placed(said, self.net.modules)

    def _image_inputs(self, picture: Image) -> Inputs:
        return self.inputs([picture], [""])[0]

    def trusted(self, picture: Image, texts: Sequence[str]) -> "Given":
        """The same model after one bind with all checks, and from then on without: for many pictures.

        Raises:
            ModelError: a check fails.
        """
        return replace(self, net=self.net.trusting(self.bind([picture], texts)))

    def _check(self, kind: str, read: int, asked: int) -> None:
        if read != asked:
            raise ModelError(
                f"{self.name} reads {read} rows for {asked} {kind}s; its input must have one row for each."
            )
