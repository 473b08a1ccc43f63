"""What the model itself does not run with: one line that says what it was given, and the exception as its cause."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters import split, wrap
from tests.models.outside_model import Fusion, by_hook, close, grad_cams, seeded

FAILS: dict[str, tuple[Any, str]] = {
    "double": (torch.rand(2, 3, 21, 25).double(), r"float64 \(1, 3, 21, 25\), int64 \(1, 4\): RuntimeError: .*double"),
    "bytes": (torch.zeros(2, 3, 21, 25, dtype=torch.uint8), r"uint8 \(1, 3, 21, 25\).*RuntimeError"),
    "one channel": (torch.rand(2, 1, 21, 25), r"float32 \(1, 1, 21, 25\).*expected input.*3 channels"),
    "no batch": (torch.rand(3, 21, 25), r"float32 \(1, 21, 25\).*RuntimeError"),
    "pictures": ([Image.new("RGB", (25, 21))] * 2, r"a list of 1, .*TypeError: conv2d"),
    "too small": (torch.rand(2, 3, 2, 2), r"\(1, 3, 2, 2\).*Kernel size"),
}


@pytest.mark.parametrize("kind", FAILS)
def test_inputs_that_the_model_fails_on_are_described(kind: str, ids: Tensor) -> None:
    images, words = FAILS[kind]
    with pytest.raises(ModelError, match=f"the model fails on .*{words}") as error:
        grad_cams(wrap(seeded(Fusion), "layer", image="pixels", text="ids"), images, ids)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 400
    assert error.value.__cause__ is not None


@pytest.mark.parametrize("part", ["encode_image", "encode_text", "classify", "output="])
def test_the_part_that_fails_is_named(part: str, images: Tensor, ids: Tensor) -> None:
    class Parts:
        def encode_image(self, pixels: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(pixels, 3) if part != "encode_image" else pixels.missing

        def encode_text(self, words: Tensor) -> Tensor:
            return words.float()[:, :3] if part != "encode_text" else {}["words"]

        def classify(self, grid: Tensor, words: Tensor) -> Tensor:
            return grid.mean((2, 3)) * words if part != "classify" else grid @ words

    model: Any = split(Parts())
    if part == "output=":
        model = wrap(seeded(Fusion), "layer", image="pixels", text="ids", output=lambda out: out.scores)
    with pytest.raises(ModelError, match=f"^{part} fails on .*(AttributeError|KeyError|RuntimeError): "):
        grad_cams(model, images, ids)


def test_a_full_memory_stays_what_it_is(images: Tensor, ids: Tensor) -> None:
    class Full(Fusion):
        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("no more")

    with pytest.raises(torch.OutOfMemoryError):
        grad_cams(wrap(seeded(Full), "layer", image="pixels", text="ids"), images, ids)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wrap(Fusion(), "layer", image="image", text="ids"), "takes pixels, ids, not image"),
        (lambda: wrap(Fusion(), "layer", image="pixels", text=("ids", "mask")), "not mask"),
        (lambda: wrap(Fusion(), "layer", image="pixels", text="ids", given={"scale": 2}), "not scale"),
        (lambda: wrap(Fusion(), "layer", image="pixels", text="pixels"), "pixels: named more than once"),
        (lambda: wrap(Fusion(), "layer", image="pixels", text="ids", given={"ids": 2}), "ids: named more than once"),
        (lambda: wrap(Fusion(), "layer", image="pixels", text="ids", nth=-1), "nth=-1.*counted from 0"),
    ],
)
def test_what_can_be_seen_at_once_is_refused_at_once(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()


def test_arguments_by_any_name_are_left_to_the_model(images: Tensor, ids: Tensor) -> None:
    class Anything(Fusion):
        def forward(self, **named: Tensor) -> Tensor:
            return super().forward(named["pixels"], named["ids"])

    expected = grad_cams(wrap(seeded(Fusion), "layer", image="pixels", text="ids"), images, ids)
    close(grad_cams(wrap(seeded(Anything), "layer", image="pixels", text="ids"), images, ids).raw, expected.raw)


class Checkpointed(nn.Module):
    """Activations are computed a second time for the gradient, as people save memory in training."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.reentrant = reentrant
        self.stem, self.layer, self.head = nn.Conv2d(3, 6, 3, 2), nn.Conv2d(6, 6, 3), nn.Linear(6, 3)
        self.after = nn.Conv2d(6, 6, 1)

    def forward(self, image: Tensor) -> Tensor:
        grid = checkpoint(lambda one: torch.relu(self.layer(self.stem(one))), image, use_reentrant=self.reentrant)
        return self.head(torch.tanh(self.after(grid)).mean((2, 3)))


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of checkpoints without gradients
@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpoints_are_named(reentrant: bool, images: Tensor) -> None:
    model = seeded(lambda: Checkpointed(reentrant))
    with pytest.raises(ModelError, match="switch gradient checkpointing off"):
        grad_cams(wrap(model, "layer", image="image"), images)
    maps = grad_cams(wrap(model, "after", image="image"), images, target=1)
    close(maps.raw[1], by_hook(model.after, lambda: model(images[1:])[0, 1]))


@dataclass
class Held:
    loss: Tensor | None
    logits: Tensor


class Named(NamedTuple):
    loss: Tensor | None
    logits: Tensor


@pytest.mark.parametrize("hold", [Held, Named, lambda loss, logits: {"loss": loss, "logits": logits}])
def test_what_is_called_logits_is_found(hold: Callable[..., Any], images: Tensor, ids: Tensor) -> None:
    class Holds(Fusion):
        def forward(self, pixels: Tensor, ids: Tensor) -> Any:
            return hold(None, super().forward(pixels, ids))

    expected = grad_cams(wrap(seeded(Fusion), "layer", image="pixels", text="ids"), images, ids)
    found = grad_cams(wrap(seeded(Holds), "layer", image="pixels", text="ids"), images, ids)
    np.testing.assert_array_equal(found.raw, expected.raw)


@pytest.mark.parametrize("change", [lambda scale: scale.div_(2), lambda scale: scale.clamp_(0, 1), torch.Tensor.zero_])
def test_what_is_given_stays_as_it_was(change: Callable[[Tensor], Tensor], images: Tensor, ids: Tensor) -> None:
    class Changes(Fusion):
        def forward(self, pixels: Tensor, ids: Tensor, scale: Tensor) -> Tensor:
            change(scale)
            return super().forward(pixels, ids) * (scale + 1)

    scale = torch.tensor([8.0])
    wrapped = wrap(seeded(Changes), "layer", image="pixels", text="ids", given={"scale": scale})
    maps = grad_cams(wrapped, images, ids, target=1)
    assert scale.tolist() == [8.0]
    close(
        maps.of(1, 2),
        by_hook(wrapped.model.layer, lambda: wrapped.model(images[1:], ids[2:], torch.tensor([8.0]))[0, 1]),
    )
