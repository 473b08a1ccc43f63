"""Rows that notice their company: only some of them, so that no one row can speak for the others."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters import split, wrap
from gazeshift.models.adapters.checks import to_be_alone
from gazeshift.models.adapters.inputs import PackedRows, extremes
from tests.models.outside_model import grad_cams, seeded


class Reader(nn.Module):
    """Image and padded text (0) into one head; how the text becomes a vector is a subclass's affair."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.words, self.head = nn.Conv2d(3, 6, 3, 2), nn.Embedding(20, 6), nn.Linear(12, 3)

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        return self.head(torch.tanh(torch.cat([self.layer(image).mean((2, 3)), self.read(ids)], 1)))

    def read(self, ids: Tensor) -> Tensor:
        return self.words(ids).mean(1)


class Recurrent(Reader):
    """``pad_packed_sequence`` gives as many steps as the longest text of the batch, and all are averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 6, batch_first=True)

    def read(self, ids: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            self.words(ids), (ids > 0).sum(1), batch_first=True, enforce_sorted=False
        )
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0].mean(1)


class Trimmed(Reader):
    def read(self, ids: Tensor) -> Tensor:
        return super().read(ids[:, : int((ids > 0).sum(1).max())])


class OverTheLargest(Reader):
    """Divided by the largest value of the batch: the row that has it does not notice."""

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        return super().forward(image / image.amax(), ids)


NOTICED: dict[str, Callable[[], nn.Module]] = {
    "recurrent": Recurrent,
    "trimmed": Trimmed,
    "over the largest": OverTheLargest,
}


def some(texts: int, short: int) -> tuple[Tensor, Tensor]:
    """Images of which the first is the brightest by far, and texts of which one is short."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, 3, 11, 13, generator=generator) * torch.tensor([3.0, 1.0])[:, None, None, None]
    ids = torch.randint(1, 20, (texts, 6), generator=generator)
    ids[short, 2:] = 0
    return images, ids


@pytest.mark.parametrize("make", NOTICED)
@pytest.mark.parametrize(("texts", "short"), [(2, 1), (5, 2), (30, 7), (30, 29), (90, 41)])
def test_a_single_row_that_notices_is_enough_for_a_refusal(make: str, texts: int, short: int) -> None:
    images, ids = some(texts, short)
    wrapped = wrap(seeded(NOTICED[make]), "layer", image="image", text="ids")
    with pytest.raises(ModelError, match="gets different logits alone than in a batch"):
        grad_cams(wrapped, images, ids, target=1)
    assert grad_cams(wrapped, images[:1], ids[[short]], target=1).raw.shape[0] == 1


def test_an_object_of_three_parts_is_asked_the_same() -> None:
    class Parts:
        model = seeded(Recurrent)

        def encode_image(self, images: Tensor) -> Tensor:
            return self.model.layer(images)

        def encode_text(self, ids: Tensor) -> Tensor:
            return self.model.read(ids)

        def classify(self, grid: Tensor, text: Tensor) -> Tensor:
            return self.model.head(torch.tanh(torch.cat([grid.mean((2, 3)), text], 1)))

    images, ids = some(30, 7)
    with pytest.raises(ModelError, match="gets different logits alone"):
        grad_cams(split(Parts()), images, ids, target=1)
    assert grad_cams(split(Parts()), images, ids[8:], target=1).raw.shape[0] == 44


@pytest.mark.parametrize("make", [Recurrent, Trimmed])
@pytest.mark.parametrize(("texts", "short"), [(2, 1), (30, 7)])
def test_texts_that_are_read_once_are_asked_the_same(make: Callable[[], Any], texts: int, short: int) -> None:
    class Fusion(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = make()

        def forward(self, image: Tensor, text: Tensor) -> Tensor:
            return self.inner.head(torch.tanh(torch.cat([self.inner.layer(image).mean((2, 3)), text], 1)))

    model: Any = seeded(Fusion)
    images, ids = some(texts, short)
    wrapped = wrap(model, "inner.layer", image="image", text="text", read_text=model.inner.read)
    with pytest.raises(ModelError, match=r"reads text .* differently alone than in a batch"):
        grad_cams(wrapped, images, ids, target=1)
    assert grad_cams(wrapped, images, ids[ids[:, 2] > 0], target=1).raw.shape[0] == 2 * (texts - 1)
    fewer = wrap(model, "inner.layer", image="image", text="text", read_text=lambda ids: model.inner.read(ids)[:1])
    with pytest.raises(ModelError, match=f"read_text= gives 1 rows for {texts} texts"):
        grad_cams(fewer, images, ids)


@given(st.integers(1, 40), st.integers(1, 12), st.data())
def test_what_stands_out_is_asked_alone(texts: int, images: int, data: st.DataObject) -> None:
    """Also where it stands behind many others; and no more than twelve of any number, all where they are few."""
    short = data.draw(st.integers(0, texts - 1))
    mask = torch.ones(texts, 5)
    mask[short, 2:] = 0
    image, text = torch.arange(images).repeat_interleave(texts), torch.arange(texts).repeat(images)
    numbers = to_be_alone(torch.zeros(images, 3), mask, image, text)
    assert short in set(text[numbers].tolist())
    assert len(numbers) <= 12
    assert numbers == list(range(len(image))) or len(image) > 8
    assert {0, len(image) - 1} <= set(numbers)


@pytest.mark.parametrize(
    ("inputs", "rows"),
    [
        (torch.tensor([3.0, 1.0, 2.0]), [0, 1]),
        (torch.tensor([[True, True], [True, False], [True, True]]), [0, 1]),
        (["two words", "a", "much longer than that"], [1, 2]),
        (PackedRows(torch.zeros(9, 2), [2, 4, 3]), [0, 1]),
        ({"size": (2, 3), "scale": 2.0, "none": None, "rate": torch.tensor(1.0)}, []),
    ],
)
def test_the_smallest_and_the_largest_stand_out(inputs: Any, rows: list[int]) -> None:
    assert extremes(inputs) == rows
