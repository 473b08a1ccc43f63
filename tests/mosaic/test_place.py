"""Which fusions can tell the places of a grid apart by themselves: docs/mosaics.md says so, and here they are asked."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gazeshift.models import HEADS, ImageFeatures

PAGE = (Path(__file__).parents[2] / "docs" / "mosaics.md").read_text(encoding="utf-8")


def named_on_page(row: str) -> set[str]:
    """The fusions in the first cell of the row of the table that begins so."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row}"))
    return set(re.findall(r"`([^`]+)`", line.split(" | ")[1]))


@pytest.mark.parametrize("head", HEADS)
def test_only_fusions_with_places_notice_that_the_cells_changed_places(build: Callable, head: str) -> None:
    model = build(head, image="none" if head == "text-only" else "small_cnn").double()
    chance = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=chance)
    tokens = model.tokenize(["apple pie on the left", "red tomato ketchup"])
    with torch.no_grad():
        text, grid = model.encode_text(tokens.ids, tokens.mask), model.encode_image(pixels).grid
        order = torch.randperm(grid.shape[2] * grid.shape[3], generator=chance)
        moved = grid.flatten(2)[:, :, order].reshape(grid.shape)
        before, after = (model.classify(ImageFeatures(each), text) for each in (grid, moved))
    notices = not torch.allclose(before, after, rtol=0, atol=1e-9)
    assert notices == (head in named_on_page("places of its own"))


@pytest.mark.parametrize("head", HEADS)
def test_what_reads_more_than_the_pooled_image_is_on_the_page(build: Callable, head: str) -> None:
    model = build(head, image="none" if head == "text-only" else "small_cnn")
    reads_grid = model.structure.sees_image and model.head.pooled is None
    assert (head in named_on_page("places of its own") | named_on_page("the grid as a set")) == reads_grid
