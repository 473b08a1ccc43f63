"""A text is followed wherever it goes; what is called free of it is."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gazeshift.models.adapters.following import never_reaches

IMAGE, TEXT, IDS = torch.ones(3), torch.tensor([1.0, 2.0, 0.0]), torch.tensor([1, 2])
WORDS = nn.Embedding(5, 3)


class Doubled(torch.autograd.Function):
    """An operation that PyTorch's function modes do not see."""

    @staticmethod
    def forward(context: object, values: Tensor) -> Tensor:
        return values * 2

    @staticmethod
    def backward(context: object, slope: Tensor) -> Tensor:
        return slope * 2


def in_place() -> Tensor:
    held = torch.zeros(3)
    held[:] = TEXT
    return held * IMAGE


def into_a_given_tensor() -> Tensor:
    torch.add(TEXT, 1, out=(held := torch.empty(3)))
    return held


def through_a_view() -> Tensor:
    held = torch.zeros(2, 3)
    held[0].add_(TEXT)
    return held[1] + IMAGE


KEPT: list[Tensor] = []


def left_behind() -> Tensor:
    out = IMAGE * (KEPT[-1] if KEPT else 1)
    KEPT.append(TEXT * 2)
    return out


REACHES: dict[str, Callable[[], Tensor]] = {
    "a product": lambda: IMAGE * TEXT,
    "an embedding": lambda: IMAGE + WORDS(IDS).mean(0),
    "a function of one's own": lambda: IMAGE + Doubled.apply(TEXT),
    "written in place": in_place,
    "written where out= says": into_a_given_tensor,
    "written through a view": through_a_view,
    "left behind for the next pass": left_behind,
    "where": lambda: torch.where(TEXT > 0, IMAGE, -IMAGE),
    "a decision": lambda: IMAGE * 3 if (TEXT == 1).any() else IMAGE,
    "a number": lambda: IMAGE * TEXT[0].item(),
    "a list": lambda: IMAGE * TEXT.tolist()[0],
    "numpy": lambda: IMAGE * float(TEXT.numpy()[0]),
    "a slice": lambda: IMAGE[: int(TEXT.sum())],
}


@pytest.mark.parametrize("way", REACHES)
def test_a_text_that_reaches_the_output_is_never_called_absent(way: str) -> None:
    KEPT.clear()
    with torch.no_grad():
        assert not never_reaches([TEXT, IDS], REACHES[way])


@pytest.mark.parametrize(
    "run",
    [
        lambda: (TEXT * 3, IMAGE * 2)[1],
        lambda: (WORDS(IDS), nn.functional.relu(IMAGE))[1],
        lambda: (Doubled.apply(TEXT), torch.stack([IMAGE, IMAGE]).sum(0))[1],
        lambda: IMAGE * WORDS.weight[0],  # the same table of words is no text
    ],
)
def test_what_only_runs_beside_the_text_is_free_of_it(run: Callable[[], Tensor]) -> None:
    with torch.no_grad():
        assert never_reaches([TEXT, IDS], run)
