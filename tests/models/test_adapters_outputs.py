"""What layers and models give, in whatever form, and what other people's hooks and buffers do with it."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters import TokenGrid, split, wrap
from tests.models.outside_model import Fusion, by_hook, close, grad_cams, seeded


def draw(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Named(NamedTuple):
    size: int
    grid: Tensor


@dataclasses.dataclass
class Plain:
    grid: Tensor
    size: int = 3


@dataclasses.dataclass(frozen=True)
class Frozen:
    grid: Tensor
    size: int = 3


FORMS: dict[str, tuple[Callable[[Tensor], Any], int | str, Callable[[Any], Tensor]]] = {
    "tuple": (lambda grid: (3, grid), 1, lambda out: out[1]),
    "from the end": (lambda grid: (3, grid), -1, lambda out: out[1]),
    "list": (lambda grid: [grid, 3], 0, lambda out: out[0]),
    "dict": (lambda grid: {"size": 3, "grid": grid}, "grid", lambda out: out["grid"]),
    "ordered": (lambda grid: OrderedDict(grid=grid, size=3), "grid", lambda out: out["grid"]),
    "named tuple": (lambda grid: Named(3, grid), 1, lambda out: out.grid),
    "named tuple by name": (lambda grid: Named(3, grid), "grid", lambda out: out.grid),
    "dataclass": (Plain, "grid", lambda out: out.grid),
    "frozen dataclass": (Frozen, "grid", lambda out: out.grid),
    "model output": (BaseModelOutput, "last_hidden_state", lambda out: out.last_hidden_state),
    "model output by number": (BaseModelOutput, 0, lambda out: out[0]),
}


class Body(nn.Module):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.conv, self.pack = nn.Conv2d(3, 4, 3), FORMS[form][0]

    def forward(self, pixels: Tensor) -> Any:
        return self.pack(self.conv(pixels))


class Uses(nn.Module):
    """Works in place on what the layer gave, in its own form."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.body, self.head, self.find = Body(form), nn.Linear(4, 2), FORMS[form][2]

    def forward(self, pixels: Tensor) -> Tensor:
        out = self.body(pixels)
        self.find(out).relu_()
        return self.head((self.find(out) ** 2).mean((2, 3)))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_grid_is_found_copied_and_exchanged_in_any_form(form: str) -> None:
    model, pixels = seeded(lambda: Uses(form)), draw(3, 3, 8, 8)
    maps = grad_cams(wrap(model, "body", image="pixels", part=FORMS[form][1]), pixels, target=0)
    for index in range(3):
        grid = model.body.conv(pixels[index : index + 1]).detach().requires_grad_()
        (slope,) = torch.autograd.grad(model.head((grid.relu() ** 2).mean((2, 3)))[0, 0], grid)
        close(maps.raw[index], (slope.mean((2, 3), keepdim=True) * grid).sum(1)[0].detach().numpy())


class TwoWays(nn.Module):
    """A hook that was there before takes aside what the layer gives, and the head reads both levels."""

    def __init__(self, keep: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.last = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 1, 1)
        self.head, self.kept = nn.Linear(16, 3), {}
        self.layer.register_forward_hook(lambda module, given, out: self.kept.update(grid=keep(out)))

    def forward(self, pixels: Tensor) -> Tensor:
        deep = self.last(torch.tanh(self.layer(pixels)))
        return self.head(torch.cat([torch.tanh(self.kept["grid"]).mean((2, 3)), torch.tanh(deep).mean((2, 3))], 1))


@pytest.mark.parametrize("keep", [lambda out: out, lambda out: out.clone(), lambda out: out * 2, torch.relu])
def test_ours_comes_before_hooks_that_are_there(keep: Callable[[Tensor], Tensor]) -> None:
    model, pixels = seeded(lambda: TwoWays(keep)), draw(2, 3, 19, 19)
    maps = grad_cams(wrap(model, "layer", image="pixels"), pixels, target=1)
    grid = model.layer(pixels[1:]).detach().requires_grad_()
    both = [torch.tanh(keep(grid)).mean((2, 3)), torch.tanh(model.last(torch.tanh(grid))).mean((2, 3))]
    (slope,) = torch.autograd.grad(model.head(torch.cat(both, 1))[0, 1], grid)
    close(maps.raw[1], (slope.mean((2, 3), keepdim=True) * grid).sum(1)[0].detach().numpy())


def test_hidden_states_that_transformers_records() -> None:
    """A head on two levels of a ViT: what leaves the layer goes on by both."""

    class Levels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            config = transformers.ViTConfig(
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=3,
                num_attention_heads=2,
                image_size=32,
                patch_size=8,
            )
            self.vit, self.head = transformers.ViTModel(config, add_pooling_layer=False), nn.Linear(32, 3)

        def forward(self, pixels: Tensor) -> Tensor:
            states = self.vit(pixel_values=pixels, output_hidden_states=True).hidden_states
            return self.head(torch.cat([torch.tanh(states[1]).mean(1), states[3].mean(1)], 1))

    model, pixels = seeded(Levels), torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    layer = dict(model.named_modules())[
        next(n for n, _ in model.named_modules() if n.endswith(("layer.0", "layers.0")))
    ]
    maps = grad_cams(wrap(model, layer, image="pixels", grid=TokenGrid(4, 4, 1)), pixels, target=1)
    kept: list[Tensor] = []

    def take(module: nn.Module, given: Any, out: Any) -> Any:
        kept.append((out if isinstance(out, Tensor) else out[0]).detach().requires_grad_())
        return kept[0] if isinstance(out, Tensor) else (kept[0], *out[1:])

    hook = layer.register_forward_hook(take, prepend=True)
    (slope,) = torch.autograd.grad(model(pixels[1:])[0, 1], kept)
    hook.remove()
    close(maps.raw[1], (kept[0][0, 1:] @ slope[0, 1:].mean(0)).reshape(4, 4).detach().numpy(), 1e-4)


class Buffers(nn.Module):
    """Changes its buffers in every pass, in place or by another tensor, and uses them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))
        self.register_buffer("mean", torch.ones(4))
        self.register_buffer("last", torch.zeros(1))
        self.register_buffer("nothing", None)

    def forward(self, pixels: Tensor) -> Tensor:
        grid = self.layer(pixels)
        self.passes += 1
        self.mean.mul_(0.9)
        self.last = grid.detach().mean((0, 2, 3))
        return self.head((torch.tanh(grid) * self.mean[:, None, None] * self.passes).mean((2, 3)))


@pytest.mark.parametrize("check", [False, True])
def test_buffers_are_as_they_were(check: bool) -> None:
    model, pixels = seeded(Buffers), draw(3, 3, 8, 8)
    before = {name: (buffer, None if buffer is None else buffer.clone()) for name, buffer in model._buffers.items()}
    with torch.no_grad():
        expected = model(pixels)
        for name, (buffer, value) in before.items():
            model._buffers[name] = None if buffer is None else buffer.copy_(value)
    maps = grad_cams(wrap(model, "layer", image="pixels", check=check), pixels)
    for name, (buffer, value) in before.items():
        assert model._buffers[name] is buffer
        assert buffer is None or torch.equal(buffer, value)
    np.testing.assert_allclose(maps.logits, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_logit_that_is_not_finite_is_never_explained_silently(value: float, images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    with torch.no_grad():
        model.head[2].bias[1] = value
    wrapped = wrap(model, "layer", image="pixels", text="ids")
    maps = grad_cams(wrapped, images, ids)
    if value != torch.inf:
        assert {row.target for row in maps.rows} <= {0, 2}
        assert all(reason is None or "logit" not in reason for reason in maps.reasons)
        close(maps.raw[5], by_hook(model.layer, lambda: model(images[1:], ids[2:])[0, maps.rows[5].target]))
    asked = grad_cams(wrapped, images, ids, target=1)
    assert all(reason and reason.startswith(f"the logit of class 1 is {value}") for reason in asked.reasons)
    assert asked.undefined.all()


class Parts:
    """Three parts whose answers can be spoilt."""

    def encode_image(self, pixels: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(pixels, 4)

    def encode_text(self, texts: Tensor) -> Tensor:
        return texts

    def classify(self, grid: Tensor, texts: Tensor) -> Tensor:
        return torch.tanh(grid).mean((2, 3)) * texts


def spoilt(part: str, change: Callable[[Any], Any]) -> Parts:
    parts = Parts()
    original = getattr(parts, part)
    setattr(parts, part, lambda *given: change(original(*given)))
    return parts


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("classify", lambda out: out.sum(), r"classify gives \(\) for 6 rows"),
        ("classify", lambda out: out[:1], r"classify gives \(1, 3\) for .* rows"),
        ("classify", lambda out: out[:, :, None], r"classify gives \(6, 3, 1\)"),
        ("classify", lambda out: out.numpy(force=True), "classify gives a ndarray"),
        ("classify", lambda out: out.detach(), "does not depend on encode_image's grid"),
        ("classify", lambda out: out @ out.T, "a score of every image with every text"),
        ("encode_image", lambda out: out[:1], r"'encode_image' gives \(1, 3, 2, 2\), that is, 1 rows for 2 inputs"),
        ("encode_image", lambda out: [out], "encode_image gives a list"),
        ("encode_text", lambda out: out[:2], "encode_text gives 2 rows for 3 texts"),
        ("encode_text", lambda out: None, "encode_text gives 1 rows for 3 texts"),
    ],
)
def test_split_trusts_no_shape(part: str, change: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(ModelError, match=said.replace("6", "[16]")):
        grad_cams(split(spoilt(part, change)), draw(2, 3, 8, 8), draw(3, 3))


def test_split_takes_one_score_a_row() -> None:
    maps = grad_cams(split(spoilt("classify", lambda out: out.sum(1))), draw(2, 3, 8, 8), draw(3, 3))
    assert (maps.raw.shape, maps.logits.shape) == ((6, 2, 2), (6, 1))


@pytest.mark.parametrize(("change", "true"), [(lambda out: out, False), (None, True)])
def test_an_untrue_pools_first_is_said_and_not_used(change: Any, true: bool) -> None:
    class Linear(Parts):
        def classify(self, grid: Tensor, texts: Tensor) -> Tensor:
            return torch.tanh(grid.mean((2, 3))) * texts

    parts = Linear() if true else spoilt("classify", change)
    fast, slow = (
        grad_cams(split(parts, pools_first=pools), draw(2, 3, 8, 8), draw(3, 3), target=1) for pools in (True, False)
    )
    close(fast.raw, slow.raw)
    assert [note[:27] for note in fast.notes] == ([] if true else ["pools_first=True was given,"])


class Shared(nn.Module):
    """One module under two names, in a shell."""

    def __init__(self) -> None:
        super().__init__()
        self.net = seeded(Fusion)
        self.also = self.net.layer

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        return self.net(pixels, ids)


@pytest.mark.parametrize("shell", [lambda net: net, nn.DataParallel, lambda net: torch.compile(net, backend="eager")])
@pytest.mark.parametrize("name", ["net.layer", "module.net.layer", "also", "_orig_mod.net.layer", "module.also"])
def test_every_name_of_a_layer_finds_it(
    shell: Callable[[nn.Module], Any], name: str, images: Tensor, ids: Tensor
) -> None:
    plain, where = (
        seeded(Fusion),
        "cuda" if torch.cuda.is_available() else "cpu",
    )  # data parallelism asks for the former
    expected = grad_cams(wrap(plain, "layer", image="pixels", text="ids"), images, ids).raw
    wrapped = wrap(shell(Shared().to(where)), name, image="pixels", text="ids")
    close(grad_cams(wrapped, images.to(where), ids.to(where)).raw, expected)


def test_a_name_that_is_not_there_is_still_refused() -> None:
    for name in ("module", "module.lay", ""):
        with pytest.raises(UsageError, match="no layer"):
            wrap(Shared(), name) if name else wrap(Shared(), "nothing")


def test_only_named_arguments_count_as_rows(images: Tensor, ids: Tensor) -> None:
    """A processor's output holds more than the model is given, with other numbers of rows."""
    wrapped = wrap(seeded(Fusion), "layer", image="pixels", text="ids")
    more = grad_cams(
        wrapped,
        {"pixels": images, "crops": torch.zeros(7, 4)},
        {"ids": ids, "overflow": torch.zeros(9), "names": ["a"]},
    )
    close(more.raw, grad_cams(wrapped, images, ids).raw)

    class Overflowing(Fusion):
        def forward(self, pixels: Tensor, ids: Tensor, overflow: Tensor) -> Tensor:
            return super().forward(pixels, ids)

    both = wrap(seeded(Overflowing), "layer", image="pixels", text=("ids", "overflow"))
    with pytest.raises(UsageError, match="rows"):
        grad_cams(both, images, {"ids": ids, "overflow": torch.zeros(9)})
