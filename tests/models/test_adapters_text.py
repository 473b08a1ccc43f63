"""Wherever and however a text comes in, every row of the result is that of its own image and text."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gazeshift.models.adapters import wrap
from tests.models.outside_model import each_is_its_own, grad_cams, seeded


def draw(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Base(nn.Module):
    """Two convolutions, an embedding of a few texts, a head over all; subclasses say how the text comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.layer = nn.Conv2d(3, 4, 3, 2, bias=False), nn.Conv2d(4, 4, 3)
        self.words, self.head = nn.Embedding(5, 4), nn.Linear(4, 3)

    def finish(self, grid: Tensor, words: Tensor | float = 1.0) -> Tensor:
        return self.head(torch.tanh(grid).mean((2, 3)) * words)


class Beside(Base):
    """The text is encoded before the trunk runs and used after it: a side branch."""

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        words = self.words(ids)
        return self.finish(self.layer(self.first(pixels)), words)


class Scales(Base):
    """The text scales the channels ahead of the layer; nothing of it shows in a blank image."""

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.finish(self.layer(self.first(pixels) * self.words(ids)[:, :, None, None]))


class Twice(Base):
    """The text comes in ahead of the layer and behind it."""

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        words = self.words(ids)
        return self.finish(self.layer(self.first(pixels) + words[:, :, None, None]), words)


class RareWord(Base):
    """One word only gets through to the trunk."""

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        rare = (ids == 4).float()[:, None, None, None]
        return self.finish(self.layer(self.first(pixels) * (1 + rare)), self.words(ids))


class Leaves(nn.Module):
    """Gives the image on and leaves the text behind."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.patch, self.words, self.where = nn.Conv2d(3, 4, 3, 2), nn.Embedding(5, 4), where
        self.kept: dict[str, Tensor] = {}
        self.listed: list[Tensor] = []
        self.register_buffer("held", torch.zeros(1, 4), persistent=False)
        self.left: Any = None

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        words = self.words(ids)
        if self.where == "attribute":
            self.left = words
        elif self.where == "mapping":
            self.kept["words"] = words
        elif self.where == "list":
            self.listed[:] = [words]
        else:
            self.held = words
        return self.patch(pixels)

    def find(self) -> Tensor:
        found = {"attribute": self.left, "mapping": self.kept.get("words"), "buffer": self.held}
        return self.listed[0] if self.where == "list" else found[self.where]


class LeftBehind(Base):
    """A module ahead of the layer leaves the text as a side effect, and the head reads it there."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.early = Leaves(where)

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.finish(self.layer(self.early(pixels, ids)), self.early.find())


class ChangesItsArgument(Base):
    """A module ahead of the layer works in place on what it is given, and that goes on by another way too."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        grid = self.first(pixels)
        deep = self.layer(self.relu(grid))
        return self.finish(deep, self.words(ids) * (1 + grid.mean((2, 3))))


WAYS: dict[str, Callable[[], Base]] = {
    "side branch": Beside,
    "scales channels": Scales,
    "ahead and behind": Twice,
    "a rare word": RareWord,
    "left in an attribute": lambda: LeftBehind("attribute"),
    "left in a mapping": lambda: LeftBehind("mapping"),
    "left in a list": lambda: LeftBehind("list"),
    "left in a buffer": lambda: LeftBehind("buffer"),
    "argument changed in place": ChangesItsArgument,
}


@pytest.mark.parametrize("text_free", [None, True, False])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_combination_is_its_own(way: str, text_free: bool | None) -> None:
    """Also where the first image is blank and the text that matters is the last of eleven; a wrong ``text_free`` changes no map."""
    model, images, ids = seeded(WAYS[way]), draw(3, 3, 13, 13), torch.tensor([0] * 10 + [4])
    images[0] = 0
    maps = grad_cams(
        wrap(model, "layer", image="pixels", text="ids", text_free=text_free), images, ids[[0, 9, 10]], target=1
    )
    each_is_its_own(model, model.layer, maps, images, ids[[0, 9, 10]])


@pytest.mark.parametrize("way", sorted(WAYS))
def test_row_by_row_the_last_of_many_is_its_own(way: str) -> None:
    model, images, ids = seeded(WAYS[way]), draw(19, 3, 13, 13), torch.tensor([0] * 18 + [4])
    maps = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1, aligned=True)
    each_is_its_own(model, model.layer, maps, images, ids)


@pytest.mark.parametrize(("way", "said"), [("side branch", False), ("scales channels", True), ("a rare word", True)])
def test_an_untrue_promise_is_said(way: str, said: bool) -> None:
    wrapped = wrap(seeded(WAYS[way]), "layer", image="pixels", text="ids", text_free=True)
    notes = grad_cams(wrapped, draw(2, 3, 13, 13), torch.tensor([0, 1, 4])).notes
    assert bool(notes) == said
    assert not said or "text_free=True was given, but the text reaches layer 'layer'" in notes[0]


@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith(("left", "argument"))])
def test_what_cannot_be_reused_is_said(way: str) -> None:
    (note,) = grad_cams(
        wrap(seeded(WAYS[way]), "layer", image="pixels", text="ids"), draw(2, 3, 13, 13), torch.tensor([0, 1, 4])
    ).notes
    assert "has side effects" in note


def test_with_a_true_promise_and_no_checks_the_trunk_runs_once_an_image() -> None:
    """And the maps are the same; what goes round the layer still runs for every text."""
    model, images, ids = seeded(Beside), draw(2, 3, 13, 13), torch.arange(40) % 5
    rows = []
    model.first.register_forward_hook(lambda module, given, out: None)
    original = model.first._conv_forward

    def counted(given: Tensor, *others: Any) -> Tensor:
        rows.append(len(given))
        return original(given, *others)

    model.first._conv_forward = counted
    wrapped = wrap(model, "layer", image="pixels", text="ids", text_free=True, check=False)
    maps = grad_cams(wrapped, images, ids, target=1)
    assert sum(rows) == 1 + 2  # one row to see what flows into the layer, then every image
    del model.first._conv_forward
    each_is_its_own(model, model.layer, maps, images, ids)


class Works(Base):
    """In place on what a module before the layer gives, and on the layer's own output."""

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.finish(torch.relu_(self.layer(torch.relu_(self.first(pixels)))), self.words(ids))


class Pools(Base):
    """Only the grid's mean counts."""

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.head(torch.tanh(self.layer(self.first(pixels)).mean((2, 3)) * self.words(ids)))


@pytest.mark.parametrize("make", [Beside, Works, Pools])
def test_many_texts_of_one_image_share_what_was_recorded(make: Callable[[], Base]) -> None:
    """Most of them are not compared with the unchanged model, and still each map is that of its own text."""
    model, images, ids = seeded(make), draw(2, 3, 13, 13), torch.arange(5).repeat(8)
    maps = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1)
    assert maps.notes == ()
    each_is_its_own(model, model.layer, maps, images, ids)


@pytest.mark.parametrize("make", [Scales, Twice, RareWord])
def test_many_texts_that_reach_the_layer_are_each_run(make: Callable[[], Base]) -> None:
    model, images, ids = seeded(make), draw(1, 3, 13, 13), torch.tensor([0] * 30 + [4])
    maps = grad_cams(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1)
    each_is_its_own(model, model.layer, maps, images, ids)
