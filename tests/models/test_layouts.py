"""Layouts: read and write are each other's inverse, and a layer of any layout gives the map of the plain ``b c h w`` layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters import split, wrap
from gazeshift.models.adapters.folded import Heads, Packed, Tiles
from gazeshift.models.adapters.inputs import PackedRows
from gazeshift.models.adapters.layouts import (
    CHANNELS_LAST,
    ChannelsFirst,
    Layout,
    Permuted,
    Slices,
    TokenGrid,
    TokensAt,
    rows_first,
    sequence_first,
    windows,
)
from tests.models.outside_model import close, grad_cams, seeded

# A layout, the shape of an output of three rows, the shape of its grids, and whether rows can be picked from the output.
WINDOWS = torch.tensor([[0, 1, 4, 5], [2, 3, 6, 7]])
CASES: dict[str, tuple[Layout, tuple[int, ...], tuple[int, ...], bool]] = {
    "b c h w": (ChannelsFirst(), (3, 5, 2, 4), (3, 5, 2, 4), True),
    "b h w c": (CHANNELS_LAST, (3, 2, 4, 5), (3, 5, 2, 4), True),
    "b c n": (Permuted((0, 2, 1), TokenGrid(2, 4)), (3, 5, 8), (3, 5, 2, 4), True),
    "n b c": (sequence_first(TokenGrid(2, 4, 1)), (9, 3, 5), (3, 5, 2, 4), False),
    "tokens": (TokenGrid(2, 4, 1), (3, 11, 5), (3, 5, 2, 4), True),
    "a prefix a row": (TokenGrid(2, 4, (0, 3, 1)), (3, 11, 5), (3, 5, 2, 4), True),
    "windows": (TokensAt(WINDOWS), (3, 8, 5), (3, 5, 2, 4), True),
    "an end a line": (TokensAt(torch.tensor([[0, 1, 2, 3], [5, 6, 7, 8]])), (3, 10, 5), (3, 5, 2, 4), True),
    "cells a row": (TokensAt(torch.stack([WINDOWS, WINDOWS + 1, WINDOWS + 2])), (3, 10, 5), (3, 5, 2, 4), True),
    "packed": (Packed(8, TokenGrid(2, 4)), (24, 5), (3, 5, 2, 4), False),
    "packed, a batch of one": (Packed(8, TokensAt(WINDOWS)), (1, 24, 5), (3, 5, 2, 4), False),
    "tiles": (Tiles(1, 2, TokenGrid(2, 2, 1), after=1), (9, 5, 5), (3, 5, 2, 4), False),
    "tiles above each other": (Tiles(2, 1, ChannelsFirst(), before=2), (12, 5, 1, 4), (3, 5, 2, 4), False),
    "heads": (Heads(2, TokenGrid(2, 4, 1)), (6, 9, 5), (3, 10, 2, 4), False),
    "a volume": (Slices(), (3, 5, 2, 2, 4), (3, 5, 4, 4), True),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_is_read_and_the_rest_stays(name: str) -> None:
    layout, shape, grid_shape, picked = CASES[name]
    output, grid = torch.randn(shape), torch.randn(grid_shape)
    assert layout.read(output).shape == grid_shape
    written = layout.write(output, grid)
    assert written.shape == output.shape
    assert torch.equal(layout.read(written), grid)
    assert torch.equal(layout.write(output, layout.read(output)), output), (
        "writing back what was read changes something"
    )
    assert int((written == output).sum()) == output.numel() - grid.numel(), "more than the grid was exchanged"
    assert rows_first(layout) is picked
    if picked:
        which = torch.tensor([2, 0, 1])
        if not (isinstance(layout, TokenGrid | TokensAt) and name in {"a prefix a row", "cells a row"}):
            assert torch.equal(layout.read(output[which]), layout.read(output)[which])


@pytest.mark.parametrize("name", CASES)
def test_each_row_stays_with_its_input(name: str) -> None:
    """The gradient of a row's grid reaches as many numbers as it has, and no other row's."""
    layout, shape, grid_shape, _ = CASES[name]
    output = torch.randn(shape, requires_grad=True)
    reached = [torch.autograd.grad(row.sum(), output, retain_graph=True)[0] for row in layout.read(output)]
    assert all(int(one.count_nonzero()) == int(np.prod(grid_shape[1:])) for one in reached)
    assert float(torch.stack(reached).sum(0).max()) == 1


@pytest.mark.parametrize("name", CASES)
def test_outputs_that_do_not_fit_are_refused_in_a_line(name: str) -> None:
    layout = CASES[name][0]
    if not isinstance(layout, ChannelsFirst | Slices):
        with pytest.raises(ModelError, match="the layer gives") as error:
            layout.read(torch.zeros(5, 7, 3))
        assert "\n" not in str(error.value)


@given(st.integers(1, 4), st.integers(1, 5), st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_a_prefix_a_row_is_each_row_on_its_own(height: int, width: int, prefixes: list[int]) -> None:
    output = torch.randn(len(prefixes), height * width + 6, 3)
    together = TokenGrid(height, width, prefixes).read(output)
    for row, prefix in enumerate(prefixes):
        assert torch.equal(together[row], TokenGrid(height, width, prefix).read(output[row : row + 1])[0])


class Laid(nn.Module):
    """A model whose layer gives the grids of a convolution in another layout."""

    def __init__(self, lay: Callable[[Tensor], Tensor], read: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.patch, self.head = nn.Conv2d(3, 6, 4, 4), nn.Linear(6, 3)
        self.layer, self.read = nn.Identity(), read
        self.lay = lay

    def forward(self, image: Tensor) -> Tensor:
        grid = self.read(self.layer(self.lay(self.patch(image))))
        return self.head(torch.tanh(grid).flatten(2).logsumexp(2))


def tokens(grid: Tensor, before: int = 0, after: int = 0) -> Tensor:
    cells = grid.flatten(2).transpose(1, 2)
    return torch.cat(
        [cells.new_full((len(cells), before, 6), 0.5), cells, cells.new_full((len(cells), after, 6), 0.5)], 1
    )


def grid_of(cells: Tensor, before: int = 0) -> Tensor:
    return cells[:, before : before + 20].transpose(1, 2).unflatten(2, (4, 5))


# How the layer lays its grid of 4 x 5, how the head reads it, and grid= (None: to be found).
LAID: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Any]] = {
    "b c h w": (lambda g: g, lambda o: o, None),
    "b h w c": (lambda g: g.permute(0, 2, 3, 1), lambda o: o.permute(0, 3, 1, 2), None),
    "b n c": (tokens, grid_of, None),
    "class token": (lambda g: tokens(g, 1), lambda o: grid_of(o, 1), None),
    "class token and registers": (lambda g: tokens(g, 5), lambda o: grid_of(o, 5), None),
    "registers at the end": (lambda g: tokens(g, 0, 4), grid_of, None),
    "class token, registers at the end": (lambda g: tokens(g, 1, 4), lambda o: grid_of(o, 1), None),
    "n b c": (lambda g: tokens(g, 1).transpose(0, 1), lambda o: grid_of(o.transpose(0, 1), 1), None),
    "b c n": (lambda g: g.flatten(2), lambda o: o.unflatten(2, (4, 5)), None),
    "b c n by name": (lambda g: g.flatten(2), lambda o: o.unflatten(2, (4, 5)), "b c n"),
    "n b c by name": (lambda g: tokens(g).transpose(0, 1), lambda o: grid_of(o.transpose(0, 1)), "n b c"),
    "packed": (
        lambda g: tokens(g).flatten(0, 1),
        lambda o: grid_of(o.unflatten(0, (-1, 20))),
        Packed(20, TokenGrid(4, 5)),
    ),
    "heads in the batch": (
        lambda g: g.unflatten(1, (2, 3)).flatten(0, 1),
        lambda o: o.unflatten(0, (-1, 2)).flatten(1, 2),
        Heads(2, ChannelsFirst()),
    ),
    "tiles in the batch": (
        lambda g: torch.stack(g.split(2, 2), 1).flatten(0, 1),
        lambda o: torch.cat(o.unflatten(0, (-1, 2)).unbind(1), 2),
        Tiles(2, 1, ChannelsFirst()),
    ),
    "a prefix as the rows have it": (
        lambda g: tokens(g, 2, 1),
        lambda o: grid_of(o, 2),
        lambda image, text: TokenGrid(4, 5, torch.full((len(image),), 2)),
    ),
}


@pytest.mark.parametrize("form", LAID)
def test_a_layer_of_any_layout_has_the_map_of_its_grid(form: str) -> None:
    lay, read, grid = LAID[form]
    model = seeded(lambda: Laid(lay, read))
    images = torch.rand(3, 3, 16, 20, generator=torch.Generator().manual_seed(1))
    expected = grad_cams(wrap(model, "patch", image="image"), images, target=1)
    found = grad_cams(wrap(model, "layer", image="image", grid=grid), images, target=1)
    close(found.raw, expected.raw)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("form", [form for form in LAID if form != "a prefix as the rows have it"])
@pytest.mark.parametrize("number", [1, 6, 20])
def test_an_object_of_three_parts_may_have_any_layout(form: str, number: int) -> None:
    """Also with as many images as channels or cells, where the axes cannot be told by their lengths."""
    lay, read, grid = LAID[form]
    model = seeded(lambda: Laid(lay, read))

    class Mine:
        def __init__(self) -> None:
            self.model = model

        def encode_image(self, images: Tensor) -> Tensor:
            return lay(model.patch(images))

        def encode_text(self, texts: Tensor) -> Tensor:
            return texts

        def classify(self, grid: Tensor, texts: Tensor) -> Tensor:
            return model.head(torch.tanh(read(grid)).flatten(2).logsumexp(2)) * texts

    images = torch.rand(number, 3, 16, 20, generator=torch.Generator().manual_seed(1))
    texts = torch.tensor([[1.0], [2.0]])
    expected = grad_cams(wrap(model, "patch", image="image"), images, target=1)
    found = grad_cams(split(Mine(), grid), images, texts, target=1)
    for image in range(number):
        close(found.of(image, 1), 2 * expected.of(image))
    assert found.raw.shape == (2 * number, 4, 5)


@pytest.mark.slow
def test_left_padded_prefixes_follow_their_rows() -> None:
    """Images stand after texts of different length, padded on the left: each row's grid begins elsewhere."""

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch, self.words = nn.Conv2d(3, 6, 4, 4), nn.Embedding(9, 6)
            self.layer, self.head = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, image: Tensor, ids: Tensor) -> Tensor:
            cells, words = tokens(self.patch(image)), self.words(ids)
            starts = starts_of(ids)
            rows = [torch.cat([w[:s], c, w[s:]]) for w, c, s in zip(words, cells, starts.tolist(), strict=True)]
            return self.head(torch.tanh(self.layer(torch.stack(rows))).logsumexp(1))

    def starts_of(ids: Tensor) -> Tensor:
        return (ids == 0).sum(1) + 1  # the padding and a first token

    model = seeded(Decoder)
    images = torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([[0, 0, 3, 4], [1, 2, 3, 4], [0, 5, 6, 7]])
    rule = wrap(model, "layer", image="image", text="ids", grid=lambda image, text: TokenGrid(4, 5, starts_of(text)))
    maps = grad_cams(rule, images, ids, target=2)
    for row, raw in zip(maps.rows, maps.raw, strict=True):
        start = int(starts_of(ids)[row.text])
        alone = wrap(model, "layer", image="image", text="ids", grid=TokenGrid(4, 5, start))
        close(raw, grad_cams(alone, images[[row.image]], ids[[row.text]], target=2).raw[0])


def test_a_volume_is_drawn_slice_below_slice() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv3d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 2 * 4 * 5, 2)))
    volumes = torch.rand(2, 1, 4, 6, 7, generator=torch.Generator().manual_seed(1))
    maps = grad_cams(wrap(model, "0", image="input", grid="b c d h w"), volumes, target=1, method="hires-cam")
    grid = model[0](volumes).detach().requires_grad_()
    (slope,) = torch.autograd.grad(model[1:](grid)[:, 1].sum(), grid)
    close(maps.raw, (slope * grid).sum(1).flatten(1, 2).detach().numpy())


@pytest.mark.parametrize(
    ("layer", "layout", "cells"),
    [
        ("model.visual.blocks.1", Packed(24, windows(4, 6, 2)), (4, 6)),
        ("model.visual.merger", Packed(6, TokenGrid(2, 3)), (2, 3)),
    ],
)
def test_qwen_packs_the_patches_of_all_images(layer: str, layout: Layout, cells: tuple[int, int]) -> None:
    """Each image with each question, left-padded: the map of the next word equals a hook's gradient in a pass of that pair alone."""
    model: Any = seeded(tiny_qwen)
    patches = torch.rand(2, 24, 96, generator=torch.Generator().manual_seed(1))
    images = {
        "pixel_values": PackedRows(patches.flatten(0, 1), [24, 24]),
        "image_grid_thw": torch.tensor([[1, 4, 6]] * 2),
    }
    ids = torch.tensor([[0, 5, 92, *[90] * 6, 93, 7, 8], [4, 9, 92, *[90] * 6, 93, 3, 1]])
    texts = {"input_ids": ids, "attention_mask": (ids != 0).long(), "mm_token_type_ids": (ids == 90).int()}
    wrapped = wrap(
        model, layer, image=("pixel_values", "image_grid_thw"), text=tuple(texts), grid=layout,
        output=lambda out: out.logits[:, -1],
    )  # fmt: skip
    maps = grad_cams(wrapped, images, texts, target=11)
    assert maps.raw.shape == (4, *cells)
    module, seen = dict(model.named_modules())[layer], []
    for row, raw in zip(maps.rows, maps.raw, strict=True):
        hook = module.register_forward_hook(lambda module, given, out: seen.append(layer_tensor(out)))
        one = {name: value[[row.text]] for name, value in texts.items()}
        score = model(pixel_values=patches[row.image], image_grid_thw=torch.tensor([[1, 4, 6]]), **one).logits[
            0, -1, 11
        ]
        hook.remove()
        (slope,) = torch.autograd.grad(score, seen[-1])
        weighted = (seen[-1] @ slope.mean(0)).detach()
        order = windows(4, 6, 2).cells if cells == (4, 6) else torch.arange(6).view(2, 3)
        close(raw, weighted[order].numpy(), 1e-4)
        assert row.logit == pytest.approx(float(score.detach()), abs=1e-5)


def layer_tensor(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output.pooler_output


def tiny_qwen() -> nn.Module:
    text = {
        "vocab_size": 100, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]},
    }  # fmt: skip
    vision = {"depth": 2, "embed_dim": 16, "num_heads": 2, "hidden_size": 16, "patch_size": 4, "mlp_ratio": 2}
    config = transformers.Qwen2VLConfig(
        text_config=text, vision_config=vision, image_token_id=90, video_token_id=91, vision_start_token_id=92,
        vision_end_token_id=93,
    )  # fmt: skip
    return transformers.Qwen2VLForConditionalGeneration(config)
