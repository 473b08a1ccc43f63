"""A third-party model with everything around it: how pictures and sentences become its inputs, and what its outputs are called."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from PIL.Image import Image

from gazeshift.errors import ModelError, listed
from gazeshift.models.adapters.inputs import Inputs, count
from gazeshift.models.adapters.options import BoundRows
from gazeshift.models.adapters.protocol import Outside
from gazeshift.models.bound import Bound
from gazeshift.models.face import Heard
from gazeshift.models.heads import Structure

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

    def heard(self, texts: Sequence[str]) -> Heard:
        """Which texts are cut, where that is known."""
        nothing = (False,) * len(texts)
        return Heard(nothing if self.truncated is None else self.truncated(texts), nothing)

    def bind(self, pictures: Sequence[Image], texts: Sequence[str]) -> Bound:
        """Every picture with every text.

        Raises:
            ModelError: the model cannot be explained at its layer, or its outputs are not those of ``classes``; says why.
        """
        said = texts if self.reads_text else [""]
        inputs = self.net.read(*self.read([picture.convert("RGB") for picture in pictures], said))
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
        bound.notes = (*self.notes, *bound.notes)
        if self.reads_text and self.options == 1:
            return bound
        first = (
            torch.arange(len(texts)) * self.options if self.reads_text else torch.zeros(len(texts), dtype=torch.long)
        )
        return BoundRows(bound, first[:, None] + torch.arange(self.options))

    def _check(self, kind: str, read: int, asked: int) -> None:
        if read != asked:
            raise ModelError(
                f"{self.name} reads {read} rows for {asked} {kind}s; its input must have one row for each."
            )
