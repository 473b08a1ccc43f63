"""What can be explained: every kind of target of one's own model, against a backward pass of the plain module."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from tests.saliency.own_model import CLASSES, TEXTS, make, net, picture, picture_to_tensor, texts_to_tensors
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models.adapters.given import Given
from gazeshift.saliency import Combination
from gazeshift.saliency.modality import SIDE

PICTURE = picture()
SAID = TEXTS[:3]


class Several(nn.Module):
    """A trunk with a segmentation, labels with a sigmoid each, and a regression."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 6, 4, 4), nn.Tanh())
        self.words = nn.EmbeddingBag(50, 6, padding_idx=0)
        self.decoder, self.labels, self.age = nn.Conv2d(6, 3, 3, padding=1), nn.Linear(6, 4), nn.Linear(6, 1)

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        grid = torch.tanh(self.trunk(image) * 2 + self.words(text)[:, :, None, None])
        seen = grid.amax((2, 3))
        return {
            "out": nn.functional.interpolate(torch.tanh(self.decoder(grid)), scale_factor=4),
            "labels": self.labels(seen).sigmoid(),
            "age": self.age(seen)[:, 0],
        }


def several() -> Several:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Several().eval()


def in_region(out: dict[str, Tensor]) -> Tensor:
    """How strongly the pixels of two regions say class 2: a score for each region."""
    strong = out["out"][:, 2]
    return torch.stack([strong[:, 4:12, 8:20].sum((1, 2)), strong[:, 16:, :8].sum((1, 2))], dim=1)


@dataclass(frozen=True)
class Case:
    """A target, and the same as a function of what the plain module returns for one text."""

    target: str | Combination
    score: Callable[[Any], Tensor]
    classes: tuple[str, ...] = CLASSES
    output: Callable[[Any], Tensor] | None = None
    label: str | None = None

    @property
    def net(self) -> nn.Module:
        return net() if self.output is None else several()

    @property
    def model(self) -> Given:
        options = {} if self.output is None else {"output": self.output}
        return gs.model(self.net, "trunk", picture_to_tensor, texts_to_tensors, self.classes, **options)


def of_first(out: Tensor) -> Tensor:
    """The class predicted with the first text."""
    with torch.no_grad():
        first = net()(picture_to_tensor(PICTURE)[None], texts_to_tensors([SAID[0]]))
    return out[0, first[0].argmax()]


REGIONS, LABELS = ("left", "below"), ("indoors", "asleep", "wet", "young")
CASES = {
    "predicted": Case("predicted", lambda out: out[0].max()),
    "reference": Case("reference", of_first),
    "label": Case("label", lambda out: out[0, 2], label="z"),
    "a class": Case("y", lambda out: out[0, 1]),
    "A rather than B": Case("z rather than x", lambda out: out[0, 2] - out[0, 0]),
    "a weighted sum": Case(Combination({"x": 0.25, 1: -2.0, "z": 1.0}), lambda out: out[0] @ torch.tensor([0.25, -2, 1])),
    "a region": Case("left", lambda out: in_region(out)[0, 0], REGIONS, in_region),
    "a region rather than another": Case(
        "left rather than below", lambda out: in_region(out)[0, 0] - in_region(out)[0, 1], REGIONS, in_region
    ),
    "a regression": Case("age", lambda out: out["age"][0], ("age",), lambda out: out["age"]),
    "a single output is predicted": Case("predicted", lambda out: out["age"][0], ("age",), lambda out: out["age"]),
    "a label": Case("asleep", lambda out: out["labels"].logit()[0, 1], LABELS, lambda out: out["labels"].logit()),
    "several labels": Case(
        Combination({"asleep": 1.0, "young": 1.0}, name="both"),
        lambda out: out["labels"].logit()[0, 1] + out["labels"].logit()[0, 3],
        LABELS,
        lambda out: out["labels"].logit(),
    ),
}  # fmt: skip


def by_loop(case: Case, text: str) -> tuple[np.ndarray, float]:
    """Gradient times activation, by a hook on the layer and one backward pass."""
    module, kept = case.net, []
    module.get_submodule("trunk").register_forward_hook(lambda part, given, output: kept.append(output))
    score = case.score(module(picture_to_tensor(PICTURE)[None], texts_to_tensors([text])))
    (slope,) = torch.autograd.grad(score, kept[0])
    return (slope * kept[0]).sum(1)[0].detach().numpy(), float(score.detach())


def plain(case: Case, pixels: Tensor, text: str) -> float:
    with torch.no_grad():
        return float(case.score(case.net(pixels[None], texts_to_tensors([text]))))


@pytest.mark.parametrize("name", CASES)
def test_a_target_is_a_backward_pass_of_the_plain_module(name: str) -> None:
    case = CASES[name]
    found = gs.explain(case.model, PICTURE, SAID, case.target, label=case.label, method="hires-cam")
    assert found.raw.shape[1:] == (6, 6)
    moved = np.abs(found.raw[1] - found.raw[0]).max()
    for raw, row, text in zip(found.raw, found.rows, SAID, strict=False):
        expected, score = by_loop(case, text)
        largest = np.abs(expected).max()
        assert largest > 1e-3
        assert moved > 1e-3 * largest  # the text reaches the map, so that one text is not taken for another
        np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-4 * largest)
        assert row.logit == pytest.approx(score, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ["a class", "A rather than B", "a weighted sum", "several labels", "a regression"])
def test_every_question_takes_such_a_target(name: str) -> None:
    """Shares of the modalities, hidden cells and left-out words, each from plain passes."""
    case, pixels, text = CASES[name], picture_to_tensor(PICTURE), TEXTS[0]
    nothing = torch.zeros_like(pixels)
    both, image, words, none = (plain(case, seen, said) for seen in (pixels, nothing) for said in (text, ""))
    near = 1e-4 * max(1.0, abs(both), abs(image), abs(words), abs(none))
    shares = gs.modality(case.model, PICTURE, text, case.target, orders=2)
    assert shares.text == pytest.approx((both - image + words - none) / 2, abs=near)
    assert shares.image == pytest.approx((both - words + image - none) / 2, abs=near)
    assert shares.interaction == pytest.approx(both - image - words + none, abs=near)
    players = shares.players.image.sum() + shares.players.text.sum()
    assert (players, shares.grid) == (pytest.approx(both - none, abs=near), (SIDE, SIDE))
    at_pixels = gs.faithfulness(case.model, PICTURE, text, case.target, at="pixels", samples=2, steps=2)
    assert (at_pixels.whole, at_pixels.hidden) == (pytest.approx(both, abs=near), pytest.approx(words, abs=near))
    effects = gs.word_effects(case.model, PICTURE, text, case.target)
    assert effects.logit[1] == pytest.approx(both - plain(case, pixels, "a dog on the left"), abs=near)
    named = case.target.title if isinstance(case.target, Combination) else case.target
    assert {shares.explained, effects.explained} == {named}


def test_a_classifier_of_ours_takes_a_combination_at_its_tap(build: Callable[..., Any]) -> None:
    """By plain differences of what it says of two classes: linear in the logits, for cells and words alike."""
    model = build("early-fusion", size=32)
    first, second, text = *model.classes[:2], "apple pie with cream"
    one, other, told = (
        gs.modality(model, PICTURE, text, name, orders=3) for name in (first, second, f"{first} rather than {second}")
    )
    near = 1e-5 * max(1.0, abs(one.logit), abs(other.logit))
    for part in ("text", "image", "interaction", "logit", "logit_neither"):
        assert getattr(told, part) == pytest.approx(getattr(one, part) - getattr(other, part), abs=near), part
    np.testing.assert_allclose(told.players.text, one.players.text - other.players.text, rtol=0, atol=near)
    np.testing.assert_allclose(told.players.image, one.players.image - other.players.image, rtol=0, atol=near)
    assert abs(told.text) > 100 * near
    curves = [
        gs.faithfulness(model, PICTURE, text, name, samples=2, steps=3).numbers["logit_hidden"]
        for name in (first, second, f"{first} rather than {second}")
    ]
    assert curves[2] == pytest.approx(curves[0] - curves[1], abs=near)


def test_several_maps_at_once_are_those_of_one_target_each() -> None:
    """``explain_inputs`` asks many outputs of one pass: here every label, and the outputs of a mask."""
    labels = CASES["a label"].model
    inputs = labels.read([PICTURE], list(SAID))
    every = gs.saliency.explain_inputs(labels.net, *inputs, target=[[0, 1, 2, 3]] * len(SAID), method="hires-cam")
    for place, name in enumerate(LABELS):
        alone = gs.explain(labels, PICTURE, SAID, name, method="hires-cam").raw
        for row in range(len(SAID)):
            close = 1e-4 * np.abs(alone[row]).max()
            np.testing.assert_allclose(every.of(0, row, place), alone[row], rtol=0, atol=close)


def test_a_text_of_no_classes_is_no_combination() -> None:
    with pytest.raises(gs.errors.UsageError, match="unknown class 'w'"):
        gs.modality(make(), PICTURE, TEXTS[0], "x rather than w")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("x rather than x", "two different classes"),
        (gs.Combination({"x": 1.0, 0: -1.0}), "the weights cancel"),
    ],
)
def test_a_target_of_nothing_is_refused(target: str | gs.Combination, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gs.explain(make(), PICTURE, TEXTS, target=target)
