"""An adapter asks itself whether it is right: kinds of models that answer otherwise with gradients, in company, or at the layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters import split, wrap
from tests.models.outside_model import by_hook, close, grad_cams, seeded


def draw(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Small(nn.Module):
    """A layer and a head; what stands between is a subclass's affair."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.between(self.layer(pixels)).mean((2, 3)))

    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(grid)


def explained(model: nn.Module, pixels: Tensor, **options: Any) -> Any:
    return grad_cams(wrap(model, "layer", image="pixels", **options), pixels, target=1)


# With gradients and without them.


class Padded(nn.Module):
    """Padded texts, and with ``after`` also the cells, go through PyTorch's own encoder, which has a fast path without gradients."""

    def __init__(self, after: bool) -> None:
        super().__init__()
        self.layer, self.words = nn.Conv2d(3, 16, 3, 3), nn.Embedding(50, 16)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)
        self.head, self.after = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)), after

    def forward(self, pixels: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        cells, words = self.layer(pixels).flatten(2).transpose(1, 2), self.words(ids)
        if self.after:
            both = torch.cat([cells, words], 1)
            padded = torch.cat([torch.zeros(cells.shape[:2], dtype=torch.bool), ~mask], 1)
            return self.head(self.encoder(both, src_key_padding_mask=padded).mean(1))
        return self.head(cells.mean(1) * self.encoder(words, src_key_padding_mask=~mask).mean(1))


class Asks(Small):
    """Looks itself whether gradients are on."""

    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(grid) if torch.is_grad_enabled() else torch.relu(grid)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_class_and_map_are_of_one_pass(after: bool, frozen: bool) -> None:
    model = seeded(lambda: Padded(after)).requires_grad_(not frozen)
    pixels, ids = draw(1, 3, 12, 12), torch.randint(0, 50, (12, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.arange(9)[None] < torch.tensor([2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5])[:, None]
    maps = grad_cams(wrap(model, "layer", image="pixels", text=("ids", "mask")), pixels, (ids, mask))
    for row, logits in zip(maps.rows, maps.logits, strict=True):
        assert row.target == logits.argmax()
        assert row.logit == pytest.approx(float(logits[row.target]), abs=1e-5)
    assert [note for note in maps.notes if "without gradients the model gives different logits" in note] or not after
    if not after:  # the text's encoder is not on the way from the grid: it answers as the user sees it
        with torch.no_grad():
            np.testing.assert_allclose(maps.logits, model(pixels.expand(12, -1, -1, -1), ids, mask), atol=1e-5)


def test_a_model_that_looks_whether_gradients_are_on() -> None:
    model, pixels = seeded(Asks), draw(3, 3, 9, 9)
    maps = explained(model, pixels)
    assert "without gradients" in maps.notes[0]
    np.testing.assert_allclose(maps.logits, model(pixels).detach().numpy(), atol=1e-5)
    close(maps.raw[2], by_hook(model.layer, lambda: model(pixels[2:])[0, 1]))


# Rows in company.


class BatchStatistics(Small):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(8, track_running_stats=False)

    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(self.norm(grid))


class BatchStatisticsAhead(Small):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(self.layer, nn.BatchNorm2d(8, track_running_stats=False))


class Centred(Small):
    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(grid - grid.mean(0, keepdim=True) / 2)


class FirstRowsGate(Small):
    """The first row's brightness is used for all; the first row does not notice."""

    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(grid) * grid[:1].mean()


class OverTheBatch(Small):
    def forward(self, pixels: Tensor) -> Tensor:
        return super().forward(pixels).softmax(0)


COUPLED = [BatchStatistics, BatchStatisticsAhead, Centred, FirstRowsGate, OverTheBatch]


@pytest.mark.parametrize("make", COUPLED)
@pytest.mark.parametrize("rows", [2, 5, 21])
def test_rows_that_depend_on_their_company_are_refused(make: Callable[[], nn.Module], rows: int) -> None:
    pixels = draw(rows, 3, 9, 9) * torch.linspace(1, 3, rows)[:, None, None, None]
    with pytest.raises(
        ModelError, match=r"row \d+ gets different logits alone than in a batch .* one image with one text per call"
    ):
        explained(seeded(make), pixels)


@pytest.mark.parametrize("method", ["grad-cam", "ablation-cam", "integrated-gradients"])
@pytest.mark.parametrize("make", COUPLED)
def test_alone_they_are_explained(make: Callable[[], nn.Module], method: str) -> None:
    """As the refusal advises; also by methods that ask one row with many grids, each of which is then asked alone."""
    model, pixels = seeded(make), draw(1, 3, 9, 9)
    maps = grad_cams(wrap(model, "layer", image="pixels"), pixels, target=1, method=method)
    assert np.isfinite(maps.raw).all()
    # Alone, OverTheBatch always answers 1, and to BatchStatistics a channel's mean is nothing: their maps are rounding, and undefined.
    silent = make is OverTheBatch or (make is BatchStatistics and method == "grad-cam")
    assert bool(maps.undefined[0]) or not silent
    if method == "grad-cam" and not silent:
        close(maps.raw[0], by_hook(model.layer, lambda: model(pixels)[0, 1]))
    if make in {BatchStatistics, Centred, FirstRowsGate, OverTheBatch}:
        assert "each row gets its own pass" in maps.notes[0]


class AllAgainstAll(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.text = nn.Conv2d(3, 8, 4, 4), nn.Embedding(9, 8)

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.layer(pixels).mean((2, 3)) @ self.text(ids).T


@pytest.mark.parametrize("images", [2, 3, 4, 5, 9])
def test_scores_of_all_against_all_are_no_classes(images: int) -> None:
    model, pixels, ids = seeded(AllAgainstAll), draw(images, 3, 8, 8), torch.arange(4)
    with pytest.raises(ModelError, match=r"not of classes; .* out.diagonal\(\)"):
        grad_cams(wrap(model, "layer", image="pixels", text="ids"), pixels, ids)
    wrapped = wrap(model, "layer", image="pixels", text="ids", output=lambda out: out.diagonal())
    maps = grad_cams(wrapped, pixels, ids)
    close(maps.of(1, 2), by_hook(model.layer, lambda: model(pixels[1:2], ids[2:3])[0, 0]))


def test_as_many_classes_as_rows_are_classes() -> None:
    assert explained(seeded(Small), draw(3, 3, 9, 9)).logits.shape == (3, 3)


@pytest.mark.parametrize("name", ["dropout", "noise", "one for all", "counter"])
@pytest.mark.parametrize("rows", [1, 3])
def test_answers_that_are_not_the_same_twice_are_called_so(name: str, rows: int) -> None:
    """Also of a single row, and where all rows of a pass have the same random numbers."""

    class Fickle(Small):
        passes = 0

        def between(self, grid: Tensor) -> Tensor:
            self.passes += 1
            return {
                "dropout": lambda: nn.functional.dropout(grid, 0.5, training=True),
                "noise": lambda: grid + torch.randn(grid.shape),
                "one for all": lambda: grid * torch.rand(grid.shape[1:]),
                "counter": lambda: grid * self.passes,
            }[name]()

    with pytest.raises(ModelError, match="two passes give different logits"):
        explained(seeded(Fickle), draw(rows, 3, 9, 9))


# What a small change at the layer does.


class Stashes(nn.Module):
    """A layer that keeps what it gives, which goes on from there too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.kept = nn.Conv2d(3, 8, 3, 2), None

    def forward(self, pixels: Tensor) -> Tensor:
        self.kept = self.conv(pixels)
        return self.kept


class ReadsTheStash(Small):
    def __init__(self) -> None:
        super().__init__()
        self.layer = Stashes()

    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(grid) * torch.sigmoid(self.layer.kept)


class GoesOnAsItsArgument(Small):
    """An in-place layer: its argument is its result."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.layer = nn.Conv2d(3, 8, 3, 2), nn.ReLU(inplace=True)

    def forward(self, pixels: Tensor) -> Tensor:
        grid = self.conv(pixels)
        return self.head((torch.tanh(self.layer(grid)) * grid).mean((2, 3)))


class Captured(Small):
    """Somebody has put a function around the layer's forward that takes its result aside (as recorders of hidden states do)."""

    def __init__(self) -> None:
        super().__init__()
        forward, self.aside = self.layer.forward, []

        def around(pixels: Tensor) -> Tensor:
            self.aside[:] = [forward(pixels)]
            return self.aside[0]

        self.layer.forward = around  # type: ignore[method-assign]

    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(grid) + torch.sin(self.aside[0])


class PartlyDetached(Small):
    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(grid) * grid.detach().sigmoid()


class StraightThrough(Small):
    def between(self, grid: Tensor) -> Tensor:
        return grid + (torch.tanh(grid) ** 2 - grid).detach()


class ChangesGradients(Small):
    """Guided backpropagation's hook, left in the model."""

    def between(self, grid: Tensor) -> Tensor:
        through = torch.tanh(grid)
        if through.requires_grad:
            through.register_hook(lambda slope: slope.clamp(min=0))
        return through


@pytest.mark.parametrize(
    "make", [ReadsTheStash, GoesOnAsItsArgument, Captured, PartlyDetached, StraightThrough, ChangesGradients]
)
def test_a_gradient_that_is_not_the_outputs_is_refused(make: Callable[[], Small]) -> None:
    model, pixels = seeded(make), draw(2, 3, 15, 15)
    with pytest.raises(ModelError, match=r"a small change at layer 'layer' moves the logit by .* choose another layer"):
        explained(model, pixels)
    assert explained(model, pixels, text_free=False, check=False).raw.shape == (2, 7, 7)


class ManyKinks(Small):
    """ReLUs and maxima, which every step crosses somewhere."""

    def between(self, grid: Tensor) -> Tensor:
        return nn.functional.max_pool2d(torch.relu(torch.relu(grid).roll(1, 1) - torch.relu(grid)), 2)


class OnTheKink(Small):
    """A ReLU behind a ReLU, as where a residual branch adds nothing: half the cells stand on its kink."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(self.layer, nn.ReLU())

    def between(self, grid: Tensor) -> Tensor:
        return nn.functional.max_pool2d(torch.relu(grid), 2)


class Normalised(Small):
    def between(self, grid: Tensor) -> Tensor:
        return torch.tanh(nn.functional.group_norm(grid, 2) + grid)


class Saturated(Small):
    def between(self, grid: Tensor) -> Tensor:
        return torch.sigmoid(grid * 100)


@pytest.mark.parametrize("make", [Small, ManyKinks, OnTheKink, Normalised, Saturated])
@pytest.mark.parametrize("seed", range(6))
def test_a_true_gradient_is_not_refused(make: Callable[[], Small], seed: int) -> None:
    torch.manual_seed(seed)
    model, pixels = make().eval(), draw(3, 3, 15, 15, seed=seed)
    maps = explained(model, pixels)
    assert maps.notes == ()
    close(maps.raw[1], by_hook(model.layer, lambda: model(pixels[1:2])[0, 1]))


def test_a_split_model_is_asked_the_same() -> None:
    class Parts:
        def encode_image(self, pixels: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(pixels, 3)

        def encode_text(self, words: Tensor) -> Tensor:
            return words

        def classify(self, grid: Tensor, words: Tensor) -> Tensor:
            return (torch.tanh(grid) - grid.mean(0)).mean((2, 3)) * words

    class Detaches(Parts):
        def classify(self, grid: Tensor, words: Tensor) -> Tensor:
            return (grid * grid.detach()).mean((2, 3)) * words

    with pytest.raises(ModelError, match="rows depend on each other"):
        grad_cams(split(Parts()), draw(3, 3, 9, 9), draw(2, 3))
    with pytest.raises(ModelError, match="a small change at encode_image's grid"):
        grad_cams(split(Detaches()), draw(3, 3, 9, 9), draw(2, 3))
