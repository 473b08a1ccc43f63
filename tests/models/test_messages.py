"""Refusals of models from outside: one short line that names the true cause, and a way out that exists."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch import Tensor, nn

from gazeshift.errors import GazeshiftError, ModelError, UsageError, listed, shown
from gazeshift.models.adapters import (
    blip_caption,
    blip_matching,
    lxmert_answers,
    similarity,
    vilt_answers,
    wrap,
    zero_shot,
)
from gazeshift.models.adapters.folded import Heads, Packed, Tiles
from gazeshift.models.adapters.layouts import TokenGrid
from gazeshift.saliency import explain_inputs, shift_inputs
from tests.models.outside_model import Fusion, close, seeded, some_ids, some_images
from tests.models.test_adapters_huggingface import sentences, tiny_clip, tiny_siglip

LONGEST = 400


def refusal(call: Callable[[], Any]) -> str | None:
    """What is said, if it is refused by us; the tests' type checker refuses some before."""
    try:
        call()
    except GazeshiftError as error:
        return str(error)
    except TypeCheckError:
        return "the type checker of the tests refuses it"
    return None


def is_one_short_line(said: str) -> bool:
    return 10 < len(said) <= LONGEST and not any(mark in said for mark in ("\n", "tensor(", "array(", "Tensor("))


names = st.text(max_size=600) | st.sampled_from(["layer", "stem.0", "head.9", "module.layer", "x" * 5000, "a\nb"])
anything = st.sampled_from(
    [
        torch.zeros(40, 40),
        torch.full((6,), 9),
        torch.tensor([0, 1, 2, 0]),
        torch.tensor(1.7),
        torch.zeros(6, 3, dtype=torch.bool),
        np.zeros((50, 50)),
        np.array(["a"] * 500),
        list(range(1000)),
        [[0, 1]] * 99,
        [[0, 0]] * 6,
        [[1], [], [2], [0], [1], [2]],
        [torch.zeros(300)] * 6,
        {"labels": torch.zeros(90)},
        "best " * 300,
        "line\nline",
        object(),
        None,
        True,
        -1,
        10**30,
        2.5,
    ]
)
layouts = st.sampled_from(
    [
        "b c", "b n c", "b h w c", "b c d h w", TokenGrid(99, 99), TokenGrid(2, 2, list(range(500))), Packed(7, TokenGrid(1, 7)),
        Tiles(3, 3, TokenGrid(1, 1)), Heads(5, TokenGrid(2, 2)), lambda image, text: TokenGrid(50, 50),
    ]
)  # fmt: skip


@pytest.mark.slow
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_refusal_is_one_short_line(data: st.DataObject) -> None:
    model, images, ids = seeded(Fusion), some_images(), some_ids()
    maps = explain_inputs(wrap(model, "layer", image="pixels", text="ids", check=False), images, ids)

    def plain(**options: Any) -> Any:
        return wrap(model, **{"layer": "layer", "image": "pixels", "text": "ids", **options})

    odd, name = data.draw(anything), data.draw(names)
    kind = data.draw(
        st.sampled_from(["target", "layer", "part", "nth", "grid", "classes", "of", "images", "texts", "aligned"])
    )
    asked: dict[str, Callable[[], Any]] = {
        "target": lambda: explain_inputs(plain(check=False), images, ids, target=odd),
        "layer": lambda: plain(layer=f"no {name}"),
        "part": lambda: explain_inputs(plain(part=f"no {name}"), images, ids),
        "nth": lambda: explain_inputs(plain(nth=data.draw(st.integers(1, 10**9))), images, ids),
        "grid": lambda: explain_inputs(plain(grid=data.draw(layouts)), images, ids),
        "classes": lambda: shift_inputs(
            plain(check=False), images, ids[:2], ids[1:], classes=[name] * data.draw(st.integers(0, 9))
        ),
        "of": lambda: maps.of(data.draw(st.integers(9)), 7),
        "images": lambda: explain_inputs(plain(), {name: images, **{f"{name}{i}": ids for i in range(300)}}, ids),
        "texts": lambda: explain_inputs(
            plain(), images, {f"{name}{i}": ids for i in range(data.draw(st.integers(1, 300)))}
        ),
        "aligned": lambda: explain_inputs(plain(), images, ids, aligned=True),
    }
    said = refusal(asked[kind])
    assert said is not None or kind == "target", f"{kind}: not refused"
    assert said is None or is_one_short_line(said), said


@given(st.lists(st.text(max_size=200), max_size=50), st.integers(1, 9))
def test_lists_in_messages_are_bounded(named: list[str], most: int) -> None:
    said = listed(named, most)
    assert len(said) <= (most + 1) * 62 + 30
    assert "\n" not in said
    assert all(len(shown(name)) <= 60 for name in named)


class Parts(nn.Module):
    """A model of which one part may be compiled, scripted, traced or quantised."""

    def __init__(self, change: Callable[["Parts"], None] = lambda model: None) -> None:
        super().__init__()
        self.body, self.layer, self.head = (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()),
            nn.Conv2d(4, 4, 3),
            nn.Linear(4, 2),
        )
        change(self.eval())

    def forward(self, image: Tensor) -> Tensor:
        return self.head(torch.tanh(self.layer(self.body(image))).mean((2, 3)))


def scripted(model: Parts) -> None:
    model.body = torch.jit.script(model.body)


def compiled(model: Parts) -> None:
    model.body = torch.compile(model.body, backend="eager")


def compiled_in_place(model: Parts) -> None:
    model.body.compile(backend="eager")


def traced(model: Parts) -> None:
    model.body = torch.fx.symbolic_trace(model.body)


def quantised(model: Parts) -> None:
    torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, torch.qint8, inplace=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of formats that it will give up
@pytest.mark.parametrize("change", [scripted, compiled, compiled_in_place, traced])
@pytest.mark.parametrize("ran_before", [False, True])
def test_a_part_in_another_form_does_not_hinder_the_others(change: Callable[[Parts], None], ran_before: bool) -> None:
    images = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    expected = explain_inputs(wrap(seeded(Parts), "layer", image="image"), images, target=1)
    model = seeded(lambda: Parts(change))
    if ran_before:
        model(images)
    close(explain_inputs(wrap(model, "layer", image="image"), images, target=1).raw, expected.raw)


@pytest.mark.slow
@pytest.mark.parametrize("change", [compiled, compiled_in_place])
@pytest.mark.parametrize("layer", ["body", "body.0"])
def test_a_compiled_part_is_explained_as_it_was_written(change: Callable[[Parts], None], layer: str) -> None:
    images = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    expected = explain_inputs(wrap(seeded(Parts), layer, image="image"), images, target=1)
    model = seeded(lambda: Parts(change))
    with torch.no_grad():
        model(images)
    close(explain_inputs(wrap(model, layer, image="image"), images, target=1).raw, expected.raw)


def static_conv(model: nn.Module) -> nn.Module:
    class Static(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.quant, self.conv = torch.ao.quantization.QuantStub(), nn.Conv2d(3, 4, 3)
            self.dequant, self.head = torch.ao.quantization.DeQuantStub(), nn.Linear(4, 2)

        def forward(self, image: Tensor) -> Tensor:
            return self.head(self.dequant(self.conv(self.quant(image))).mean((2, 3)))

    net = Static().eval()
    net.qconfig, net.head.qconfig = torch.ao.quantization.get_default_qconfig(torch.backends.quantized.engine), None
    prepared = torch.ao.quantization.prepare(net)
    prepared(torch.rand(2, 3, 9, 9))
    return torch.ao.quantization.convert(prepared)


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.words = nn.Identity(), nn.Embedding(9, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.words(self.layer((image * 3).long())).mean((1, 2, 3))


CAUSES = {
    "a quantised head": (lambda: Parts(quantised), "layer", r"quantised parts \(head\).*before quantisation"),
    "a quantised layer": (lambda: static_conv(nn.Module()), "conv", "type quint8.*before quantisation"),
    "whole numbers": (Whole, "layer", "type int64.*floating point"),
    "a scripted layer": (lambda: Parts(scripted), "body.0", "scripted or traced.*give the original module"),
    "a scripted model": (lambda: torch.jit.script(Parts()), "layer", "scripted or traced.*give the original module"),
    "inside of a graph": (lambda: torch.fx.symbolic_trace(Parts()), "body", r"traced graph.*it calls body.0"),
    "an exported model": (
        lambda: torch.export.export(Parts(), (torch.rand(2, 3, 9, 9),)).module(),
        "layer",
        "traced graph.*does not call it",
    ),
    "a module that never runs": (
        lambda: Parts(lambda model: model.add_module("spare", nn.ReLU())),
        "spare",
        "never ran",
    ),
}


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of formats that it will give up
@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_is_named(cause: str) -> None:
    make, layer, words = CAUSES[cause]
    images = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    wrapped = wrap(make(), layer, image="image")
    with pytest.raises(ModelError, match=words) as error:
        explain_inputs(wrapped, images, target=1)
    assert is_one_short_line(str(error.value))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: similarity(nn.Linear(2, 2)), "not a CLIP or SigLIP: use wrap"),
        (lambda: blip_matching(Fusion()), r"use wrap\(model, layer"),
        (lambda: vilt_answers(Fusion()), r"not a ViLT: use wrap\(model, layer"),
        (lambda: lxmert_answers(Fusion(), 3), r"not an LXMERT: use wrap\(model, layer"),
        (lambda: blip_caption(Fusion(), 0), "position 0"),
        (lambda: zero_shot(seeded(tiny_clip), {"text": torch.zeros(2, 3)}), "hold text but no input_ids"),
        (
            lambda: explain_inputs(similarity(seeded(tiny_clip)), {"images": torch.rand(2, 3, 32, 32)}, sentences()),
            "no pixel_values",
        ),
    ],
)
def test_ready_made_adapters_send_nobody_where_they_cannot_go(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(GazeshiftError, match=words) as error:
        call()
    assert is_one_short_line(str(error.value))


@pytest.mark.parametrize("make", [tiny_clip, tiny_siglip])
def test_clip_takes_what_its_processor_gives_for_both(make: Callable[[], nn.Module]) -> None:
    model: Any = seeded(make)
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    words = sentences()
    both = transformers.BatchFeature(
        {"pixel_values": pixels.numpy(), **{name: value.tolist() for name, value in words.items()}}
    )
    expected = explain_inputs(similarity(model), pixels, words, target=0)
    close(explain_inputs(similarity(model), both, both, target=0).raw, expected.raw)
    close(
        explain_inputs(zero_shot(model, both), both, target=2).raw,
        explain_inputs(zero_shot(model, words), pixels, target=2).raw,
    )


LABELS = {
    "lists": [[0, 2], [1], [2], [0], [0, 1, 2], [1]],
    "arrays": [np.array([0, 2]), np.array([1]), torch.tensor([2]), (0,), (0, 1, 2), [1]],
    "mask": torch.tensor([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 1], [0, 1, 0]]).bool(),
}


@pytest.mark.parametrize("held", LABELS)
def test_several_labels_an_image_have_a_map_each(held: str) -> None:
    images, ids = some_images(), some_ids()
    wrapped = wrap(seeded(Fusion), "layer", image="pixels", text="ids")
    maps = explain_inputs(wrapped, images, ids, target=LABELS[held])
    pairs = [(image, text) for image in range(2) for text in range(3)]
    assert [(row.image, row.text, row.target) for row in maps.rows] == [
        (*pair, label) for pair, labels in zip(pairs, LABELS["lists"], strict=True) for label in labels
    ]
    for label in range(3):
        alone = explain_inputs(wrapped, images, ids, target=label)
        for row, raw in zip(maps.rows, maps.raw, strict=True):
            if row.target == label:
                close(raw, alone.of(row.image, row.text))
                np.testing.assert_array_equal(maps.of(row.image, row.text, label), raw)
    with pytest.raises(UsageError, match=r"maps of classes 0, 2, not of None: pass target="):
        maps.of(0, 0)
    one = explain_inputs(wrapped, images[:1], ids[:1], target=[2, 0])
    assert [row.target for row in one.rows] == [2, 0]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([[0], [1]], "for each of 6 combinations"),
        ([[0, 3], [1], [1], [1], [1], [1]], "target 3 is not a class"),
        ([[], [1], [1], [1], [1], [1]], "has no class"),
        ([[1, 1], [1], [1], [1], [1], [1]], "named twice"),
        (torch.zeros(6, 2, dtype=torch.bool), r"target Tensor \(6, 2\)"),
        (torch.zeros(6, 3), r"target Tensor \(6, 3\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(target: Any, words: str) -> None:
    wrapped = wrap(seeded(Fusion), "layer", image="pixels", text="ids")
    with pytest.raises(UsageError, match=words) as error:
        explain_inputs(wrapped, some_images(), some_ids(), target=target)
    assert is_one_short_line(str(error.value))
