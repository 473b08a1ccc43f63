"""Where a grid is found in a layer's output: by the image's sides, and by where the corners of the image are seen."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gazeshift.errors import GazeshiftError, ModelError
from gazeshift.models.adapters import Permuted, TokenGrid, TokensAt, split, windows, wrap
from gazeshift.models.adapters.corners import Trial
from gazeshift.models.adapters.finding import layout_of
from gazeshift.models.adapters.layouts import Layout
from gazeshift.saliency.outside import explain_inputs
from tests.models.outside_model import close, seeded


class Vit(nn.Module):
    """Patches and other tokens through two blocks that mix them."""

    def __init__(self, patch: int, stride: int, before: int, after: int, convolution: bool) -> None:
        super().__init__()
        self.patch, self.stride, self.after = patch, stride, after
        self.project = nn.Conv2d(3, 8, patch, stride) if convolution else nn.Linear(3 * patch * patch, 8)
        self.first, self.last = nn.Parameter(torch.randn(before, 8)), nn.Parameter(torch.randn(after, 8))
        self.blocks = nn.Sequential(*(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True) for _ in range(2)))
        self.head = nn.Linear(8, 2)

    def forward(self, image: Tensor) -> Tensor:
        if isinstance(self.project, nn.Conv2d):
            cells = self.project(image).flatten(2).transpose(1, 2)
        else:
            cells = self.project(nn.functional.unfold(image, self.patch, stride=self.stride).transpose(1, 2))
        others = [one.expand(len(cells), -1, -1) for one in (self.first, self.last)]
        return self.head(self.blocks(torch.cat([others[0], cells, others[1]], 1)).mean(1))


# Height and width of the image, patch, stride, tokens before and after, whether a convolution cuts the patches; the grid.
VITS = [
    ((224, 256), 16, 16, 1, 0, True, (14, 16)),
    ((224, 256), 16, 16, 1, 0, False, (14, 16)),
    ((256, 224), 16, 16, 1, 0, True, (16, 14)),
    ((240, 240), 16, 16, 0, 0, False, (15, 15)),
    ((96, 160), 16, 16, 5, 0, True, (6, 10)),
    ((96, 160), 16, 16, 5, 0, False, (6, 10)),
    ((96, 160), 16, 16, 0, 4, True, (6, 10)),
    ((100, 150), 14, 14, 1, 0, True, (7, 10)),
    ((64, 96), 16, 8, 1, 0, True, (7, 11)),
    ((64, 96), 16, 8, 2, 0, False, (7, 11)),
    ((32, 32), 8, 8, 1, 0, True, (4, 4)),
    ((32, 32), 10, 10, 8, 0, True, (3, 3)),
    ((32, 32), 8, 8, 1, 0, False, (4, 4)),
    ((16, 128), 16, 16, 1, 0, True, (1, 8)),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", VITS, ids=str)
def test_the_grid_is_the_one_that_the_image_was_cut_into_or_refused(case: Any) -> None:
    size, patch, stride, before, after, convolution, expected = case
    model = seeded(lambda: Vit(patch, stride, before, after, convolution))
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    told = wrap(model, "blocks.0", image="image", grid=TokenGrid(*expected, before))
    maps = explain_inputs(told, images, target=0)
    close(explain_inputs(wrap(model, "blocks.0", image="image"), images, target=0).raw, maps.raw)


def dropped(cells: Tensor) -> Tensor:
    """The class token and 100 others: a square, but not of patches that lie side by side."""
    return cells[:, :101]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 101, 8), "no patch grid of an image of 224 x 224"),
        ((1, 10, 10, 10), r"'b c h w' or 'b h w c'"),
        ((1, 8), "one vector per row"),
        ((1, 8, 4, 7, 7), "a volume or a video"),
        ((7, 50, 8), "Tiles"),
        ((49, 8), r"Packed\(\.\.\.\)"),
    ],
)
def test_what_fits_nothing_or_several_is_refused_with_the_way_out(shape: tuple[int, ...], words: str) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch, self.layer = nn.Conv2d(3, 8, 16, 16), nn.Identity()

        def forward(self, image: Tensor) -> Tensor:
            each = shape[0] * len(image), *shape[1:]
            some = self.patch(image).mean() + torch.rand(each)
            return self.layer(some).reshape(len(image), -1)[:, :3]

    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with pytest.raises(ModelError, match=words) as error:
        explain_inputs(wrap(seeded(Odd), "layer", image="image"), images)
    assert len(str(error.value)) < 400
    assert "\n" not in str(error.value)


def test_without_an_image_a_sequence_is_not_taken_for_a_square() -> None:
    model = nn.Sequential(nn.Linear(5, 8), nn.Flatten(), nn.Linear(49 * 8, 2))
    features = torch.rand(2, 49, 5)
    with pytest.raises(ModelError, match=r"no image to compare with; pass grid=TokenGrid"):
        explain_inputs(wrap(model, "0", image="input"), features)
    assert explain_inputs(wrap(model, "0", image="input", grid=TokenGrid(1, 49)), features).raw.shape == (2, 1, 49)


@given(
    st.lists(st.integers(1, 9), min_size=0, max_size=6),
    st.integers(1, 3),
    st.sampled_from([None, *["b n c", "b c h w", "n b c"]]),
)
def test_any_shape_gives_a_layout_or_one_line(shape: list[int], rows: int, grid: str | None) -> None:
    images = torch.rand(rows, 3, 12, 9)
    output = torch.zeros(shape)
    trial = Trial(images, rows, nn.Conv2d(3, 4, 3, 3), None, lambda changed: torch.zeros(len(changed), *shape[1:]))
    try:
        layout = layout_of(grid, output, "layer", trial)
    except GazeshiftError as error:
        said = str(error)
    else:
        assert isinstance(layout, Layout)
        assert len(layout.read(output)) > 0
        return
    assert 20 < len(said) <= 400
    assert "\n" not in said


class Ordered(nn.Module):
    """8 x 8 patches, and perhaps another token, in any order through two blocks that mix them."""

    def __init__(self, order: Tensor, others: int) -> None:
        super().__init__()
        self.patch, self.order, self.others = nn.Conv2d(3, 8, 4, 4), order, nn.Parameter(torch.randn(others, 8))
        self.place = nn.Parameter(0.3 * torch.randn(64 + others, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, image: Tensor) -> Tensor:
        cells = self.patch(image).flatten(2).transpose(1, 2)
        every = torch.cat([cells, self.others.expand(len(cells), -1, -1)], 1) + self.place
        return self.head(torch.tanh(self.block(self.layer(every[:, self.order]))).mean(1))


ROWS = torch.arange(64).view(8, 8)
LAST = torch.tensor([64])
# The tokens' order: for each place in the sequence, the patch that stands there (64: another token); and whether it is found.
ORDERS: dict[str, tuple[Tensor, bool]] = {
    "row by row": (ROWS.flatten(), True),
    "after a class token": (torch.cat([LAST, ROWS.flatten()]), True),
    "column by column": (ROWS.T.flatten(), False),
    "mirrored": (ROWS.flip(1).flatten(), False),
    "from below": (ROWS.flip(0).flatten(), False),
    "windows of 2": (windows(8, 8, 2).cells.flatten().argsort(), False),
    "windows of 4": (windows(8, 8, 4).cells.flatten().argsort(), False),
    "columns after a class token": (torch.cat([LAST, ROWS.T.flatten()]), False),
    "a class token at the end": (torch.cat([ROWS.flatten(), LAST]), False),
    "a class token in the middle": (torch.cat([ROWS[:4].flatten(), LAST, ROWS[4:].flatten()]), False),
}


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("layer", ["layer", "layer.norm2", "layer.linear2"])
def test_tokens_in_another_order_are_not_taken_for_rows(order: str, layer: str) -> None:
    places, found = ORDERS[order]
    model = seeded(lambda: Ordered(places, int(places.max()) - 63))
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    cells = TokensAt(places.argsort()[:64].view(8, 8))
    told = explain_inputs(wrap(model, layer, image="image", grid=cells), images, target=0)
    if found:
        close(explain_inputs(wrap(model, layer, image="image"), images, target=0).raw, told.raw)
    else:
        with pytest.raises(ModelError, match=r"corners of the image are not seen there .*TokensAt\(cells\)"):
            explain_inputs(wrap(model, layer, image="image"), images, target=0)


@pytest.mark.parametrize(
    ("order", "grid", "doubted"),
    [
        ("after a class token", TokenGrid(8, 8, 1), False),
        ("after a class token", TokenGrid(8, 8), True),
        ("row by row", TokensAt(ROWS.flip(1)), True),
        ("row by row", TokensAt(ROWS.T), True),
        ("mirrored", TokensAt(ROWS.flip(1)), False),
    ],
)
def test_a_grid_that_was_said_and_is_not_seen_there_has_a_note(order: str, grid: Any, doubted: bool) -> None:
    """Above all a class token that was forgotten: every cell would be its neighbour's."""
    places = ORDERS[order][0]
    model = seeded(lambda: Ordered(places, int(places.max()) - 63))
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))

    class Parts:
        model = seeded(lambda: nn.Conv2d(3, 8, 4, 4))

        def encode_image(self, images: Tensor) -> Tensor:
            cells = self.model(images).flatten(2).transpose(1, 2)
            return torch.cat([cells, torch.ones(len(cells), 1, 8)], 1)[:, places]

        def encode_text(self, texts: Tensor) -> Tensor:
            return texts

        def classify(self, grid: Tensor, texts: Tensor) -> Tensor:
            return torch.tanh(grid).mean(1) * texts

    for wrapped, texts in (
        (wrap(model, "layer", image="image", grid=grid), None),
        (split(Parts(), grid), torch.ones(1, 8)),
    ):
        notes = explain_inputs(wrapped, images, texts).notes
        assert any("check its prefix" in note for note in notes) == doubted
    turned = wrap(model, "layer", image="image", grid=Permuted((0, 1, 2), grid))
    assert bool(explain_inputs(turned, images).notes) == doubted


class Fewer(nn.Module):
    """Of 8 x 8 patches fewer tokens: merged with their neighbours, what is left of them, or queries that look at all of them."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.patch, self.how = nn.Conv2d(3, 8, 4, 4), how
        self.merge, self.query = nn.Linear(32, 8), nn.Parameter(torch.randn(16, 8))
        self.attention, self.layer = nn.MultiheadAttention(8, 2, batch_first=True), nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, image: Tensor) -> Tensor:
        grid = self.patch(image)
        cells = grid.flatten(2).transpose(1, 2)
        if self.how == "merged":
            cells = self.merge(nn.functional.unfold(grid, 2, stride=2).transpose(1, 2))
        if self.how == "kept":
            kept = cells.norm(dim=2).topk(16).indices.sort().values
            cells = cells.gather(1, kept[:, :, None].expand(-1, -1, 8))
        if self.how == "queries":
            cells = self.attention(self.query.expand(len(cells), -1, -1), cells, cells)[0]
        return self.head(torch.tanh(self.layer(cells)).mean(1))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", ["merged", "kept", "queries"])
def test_fewer_tokens_are_a_grid_only_where_the_corners_bear_it_out(how: str, seed: int) -> None:
    model = seeded(lambda: Fewer(how))
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    if how == "merged":
        assert explain_inputs(wrap(model, "layer", image="image"), images, target=0).raw.shape == (2, 4, 4)
    else:
        with pytest.raises(ModelError, match=r"may be TokenGrid\(4, 4, prefix=0\), but the corners"):
            explain_inputs(wrap(model, "layer", image="image"), images, target=0)


def test_an_object_of_three_parts_is_asked_for_its_corners_too() -> None:
    class Columns:
        patch = seeded(lambda: nn.Conv2d(3, 8, 4, 4))

        def encode_image(self, images: Tensor) -> Tensor:
            return self.patch(images).transpose(2, 3).flatten(2).transpose(1, 2)

        def encode_text(self, texts: Tensor) -> Tensor:
            return texts

        def classify(self, grid: Tensor, texts: Tensor) -> Tensor:
            return torch.tanh(grid).mean(1) * texts

    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert explain_inputs(split(Columns(), TokensAt(ROWS.T)), images, torch.ones(1, 8)).raw.shape == (2, 8, 8)
    with pytest.raises(ModelError, match="corners of the image are not seen there"):
        explain_inputs(split(Columns()), images, torch.ones(1, 8))


def test_a_model_of_one_image_a_pass_needs_no_trial() -> None:
    """Its whole grid of patches is believed, since five images at once cannot be shown to it."""

    class Single(Ordered):
        def forward(self, image: Tensor) -> Tensor:
            return super().forward(image.view(1, 3, 32, 32))

    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    model = seeded(lambda: Single(ROWS.flatten(), 0))
    told = explain_inputs(wrap(model, "layer", image="image", grid=TokenGrid(8, 8)), image, target=0)
    close(explain_inputs(wrap(model, "layer", image="image"), image, target=0).raw, told.raw)
