"""Inputs in whatever people hold them: the maps are those of the same numbers as tensors."""

from collections import OrderedDict, UserDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn
from transformers import BatchEncoding, BatchFeature
from transformers.utils import ModelOutput

from gazeshift.errors import UsageError
from gazeshift.models.adapters import split, wrap
from gazeshift.models.adapters.inputs import PackedRows, count, leaves, same, take
from gazeshift.models.adapters.reading import readable
from gazeshift.saliency.outside import explain_inputs, shift_inputs
from tests.models.outside_model import Fusion, close, seeded


@dataclass(frozen=True)
class Sample:
    pixels: Any
    size: tuple[int, int] = (21, 25)


@dataclass
class Output(ModelOutput):
    pixels: Any = None


Named = namedtuple("Named", ["pixels", "note"])

# Every way to hold the images of `Fusion`, whose argument is `pixels`.
HELD: dict[str, Callable[[Tensor], Any]] = {
    "numpy": lambda x: x.numpy(),
    "double precision": lambda x: x.double().numpy(),
    "big endian": lambda x: x.numpy().astype(">f4"),
    "mirrored view": lambda x: x.numpy()[:, :, ::-1][:, :, ::-1],
    "nested lists": lambda x: x.tolist(),
    "mapping": lambda x: {"pixels": x},
    "mapping of arrays": lambda x: {"pixels": x.numpy(), "image_sizes": np.array([[21, 25]])},
    "BatchFeature": lambda x: BatchFeature({"pixels": x.numpy(), "num_crops": [1, 1, 1, 1, 1]}),
    "BatchFeature of tensors": lambda x: BatchFeature({"pixels": x}, tensor_type="pt"),
    "BatchEncoding": lambda x: BatchEncoding({"pixels": x, "input_ids": torch.zeros(7, 3)}),
    "ModelOutput": lambda x: Output(pixels=x),
    "UserDict": lambda x: UserDict({"pixels": x}),
    "OrderedDict": lambda x: OrderedDict(other=torch.zeros(9), pixels=x),
    "read-only mapping": lambda x: MappingProxyType({"pixels": x}),
    "dataclass": Sample,
    "dataclass of an array": lambda x: Sample(x.numpy()),
    "named tuple": lambda x: Named(x, torch.zeros(11)),
    "tuple of one": lambda x: (x,),
}


@pytest.fixture(scope="module")
def model() -> Any:
    return seeded(Fusion)


@pytest.mark.slow
@pytest.mark.parametrize("held", HELD)
def test_images_in_any_form_have_the_same_maps(held: str, model: Any, images: Tensor, ids: Tensor) -> None:
    wrapped = wrap(model, "layer", image="pixels", text="ids")
    if held == "tuple of one":
        wrapped = wrap(model, "layer", forward=lambda image, text: model(image[0], text))
    maps = explain_inputs(wrapped, HELD[held](images), ids, target=1)
    expected = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1)
    assert [(row.image, row.text) for row in maps.rows] == [(row.image, row.text) for row in expected.rows]
    close(maps.raw, expected.raw)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hold",
    [
        lambda ids: ids.tolist(),
        lambda ids: [tuple(row) for row in ids.tolist()],
        lambda ids: ids.numpy(),
        lambda ids: ids.numpy().astype(np.uint16),
        lambda ids: {"ids": ids.int().numpy()},
        lambda ids: BatchEncoding({"ids": ids.tolist(), "length": [4, 4]}),
    ],
)
def test_texts_in_any_form_have_the_same_maps(
    hold: Callable[[Tensor], Any], model: Any, images: Tensor, ids: Tensor
) -> None:
    wrapped = wrap(model, "layer", image="pixels", text="ids")
    close(explain_inputs(wrapped, images, hold(ids), target=1).raw, explain_inputs(wrapped, images, ids, target=1).raw)
    found, expected = (shift_inputs(wrapped, images, how(ids[:2]), how(ids[1:])) for how in (hold, lambda same: same))
    assert [(one.before, one.after) for one in found] == [(one.before, one.after) for one in expected]


def test_one_processors_output_for_both_may_have_other_numbers_of_images_and_texts(
    model: Any, images: Tensor, ids: Tensor
) -> None:
    batch = BatchFeature({"pixels": images, "ids": ids, "sizes": torch.zeros(5, 2)})
    maps = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), batch, batch, target=1)
    assert maps.raw.shape == (6, 4, 5)


def test_arrays_take_the_models_precision(images: Tensor, ids: Tensor) -> None:
    double = seeded(lambda: Fusion().double())
    maps = explain_inputs(wrap(double, "layer", image="pixels", text="ids"), images.numpy(), ids, target=1)
    exact = explain_inputs(wrap(double, "layer", image="pixels", text="ids"), images.double(), ids, target=1)
    close(maps.raw, exact.raw)


class Reads(nn.Module):
    """A model that reads texts and pictures itself."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, pictures: list[Image.Image], texts: list[str]) -> Tensor:
        assert all(isinstance(text, str) for text in texts)
        pixels = torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) / 255 for one in pictures])
        lengths = torch.tensor([[float(len(text))] for text in texts])
        return self.head(torch.tanh(self.layer(pixels)).mean((2, 3)) * lengths)


@pytest.mark.parametrize(
    "hold",
    [list, tuple, np.array, lambda texts: np.array(texts, dtype=object), lambda texts: pd.Series(texts, index=[7, 3])],
)
def test_pictures_and_texts_themselves_are_rows(hold: Callable[[list[str]], Any]) -> None:
    random = np.random.default_rng(0)
    pictures = [Image.fromarray(random.integers(0, 255, (9, 8, 3), dtype=np.uint8)) for _ in range(3)]
    wrapped = wrap(seeded(Reads), "layer", image="pictures", text="texts")
    maps = explain_inputs(wrapped, pictures, hold(["soup", "apple pie"]), target=0)
    assert maps.raw.shape == (6, 7, 6)
    alone = explain_inputs(wrapped, pictures[2], "apple pie", target=0)  # a single picture, a single text
    close(maps.of(2, 1), alone.of())


def test_split_reads_the_same_forms(images: Tensor) -> None:
    class Mine:
        def encode_image(self, images: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(images, 4)

        def encode_text(self, texts: Any) -> Tensor:
            return texts["vector"]

        def classify(self, grid: Tensor, text: Tensor) -> Tensor:
            return grid.mean((2, 3)) * text

    vectors = torch.rand(4, 3)
    expected = explain_inputs(split(Mine()), images, {"vector": vectors}, target=1)
    close(explain_inputs(split(Mine()), images.numpy(), {"vector": vectors.tolist()}, target=1).raw, expected.raw)


@pytest.mark.parametrize(
    ("images", "texts", "words"),
    [
        (None, [[1, 2], [3]], "2 lists of different lengths .*pad them"),
        (None, [[1, 2], 3], "different lengths"),
        (None, [[[1, 2], [3]], [[1, 2], [3]]], "unequal lengths inside"),
        (None, np.array([1, "a", None], dtype=object), "array of type object"),
        (None, np.array(["2020-01-01"], dtype="datetime64[D]"), "array of type datetime64"),
        ([torch.rand(3, 21, 25), torch.rand(3, 21, 25)], None, r"Stack single images"),
        ([np.zeros((21, 25, 3)), np.zeros((30, 20, 3))], None, r"Stack single images"),
        (None, [torch.tensor([1, 2, 3])] * 3, r"3 arrays like \(3,\): single rows.*Stack single rows"),
        (None, [np.array([1, 2, 3])], "Stack single rows"),
        ({"pixels": torch.rand(2, 3, 21, 25), "boxes": torch.rand(3, 4)}, None, "2 and 3 rows"),
        ({"image": torch.rand(2, 3, 21, 25)}, None, "lack pixels; they have image"),
    ],
)
def test_what_cannot_be_rows_is_refused_in_a_line(images: Any, texts: Any, words: str, ids: Tensor) -> None:
    class Boxed(Fusion):
        def forward(self, pixels: Tensor, ids: Tensor, boxes: Tensor | None = None) -> Tensor:
            return super().forward(pixels, ids)

    names = ("pixels", "boxes") if isinstance(images, dict) and "boxes" in images else "pixels"
    wrapped = wrap(seeded(Boxed), "layer", image=names, text="ids")
    with pytest.raises(UsageError, match=words) as error:
        explain_inputs(wrapped, torch.rand(2, 3, 21, 25) if images is None else images, ids if texts is None else texts)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 400


def test_constants_are_the_same_for_all_rows() -> None:
    inputs = {
        "pixels": torch.arange(3),
        "size": (2, 3, 4, 5),
        "mode": "fast",
        "scale": 2.0,
        "eps": torch.tensor(1.0),
        "none": None,
    }
    assert count(inputs, "image") == 3
    chosen = take(readable(inputs, "image"), torch.tensor([2, 0, 0, 1]))
    assert {name: chosen[name] for name in ("size", "mode", "scale", "eps", "none")} == {
        "size": (2, 3, 4, 5), "mode": "fast", "scale": 2.0, "eps": torch.tensor(1.0), "none": None,
    }  # fmt: skip
    assert chosen["pixels"].tolist() == [2, 0, 0, 1]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.data())
def test_packed_rows_are_rows_laid_end_to_end(lengths: list[int], data: st.DataObject) -> None:
    rows = [torch.randn(length, 2) for length in lengths]
    packed = PackedRows(torch.cat(rows), lengths)
    index = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6))
    assert count({"patches": packed, "sizes": torch.zeros(len(rows), 3)}, "image") == len(rows)
    assert torch.equal(
        take(packed, torch.tensor(index, dtype=torch.long)), torch.cat([torch.zeros(0, 2), *(rows[i] for i in index)])
    )
    with pytest.raises(UsageError, match="add up to"):
        PackedRows(torch.zeros(sum(lengths) + 1, 2), lengths)


nested = st.recursive(
    st.sampled_from(["tensor", "texts", "constant"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.builds(Sample, inner),
        st.builds(lambda value: Named(value, None), inner),
        st.builds(lambda value: BatchFeature({"a": value}), inner),
    ),
    max_leaves=6,
)


@given(nested, st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_taking_rows_keeps_the_nesting(shape: Any, index: list[int]) -> None:
    """Slowly: every leaf row by row; types stay, constants stay."""

    def filled(part: Any) -> Any:
        leaves_by_name = {"tensor": torch.arange(4), "texts": ["w", "x", "y", "z"], "constant": 3.5}
        if isinstance(part, str):
            return leaves_by_name[part]
        if isinstance(part, Sample):
            return Sample(filled(part.pixels))
        if isinstance(part, Named):
            return Named(filled(part.pixels), None)
        if isinstance(part, BatchFeature):
            return BatchFeature({name: filled(value) for name, value in part.items()})
        if isinstance(part, dict):
            return {name: filled(value) for name, value in part.items()}
        return type(part)(filled(value) for value in part)

    def check(was: Any, now: Any) -> None:
        assert type(was) is type(now)
        if isinstance(was, Tensor):
            assert now.tolist() == index
        elif isinstance(was, Sample | Named):
            check(was.pixels, now.pixels)
        elif isinstance(was, dict | BatchFeature):
            for name in was:
                check(was[name], now[name])
        elif was == ["w", "x", "y", "z"]:
            assert now == ["wxyz"[row] for row in index]
        elif isinstance(was, list | tuple):
            for one, other in zip(was, now, strict=True):
                check(one, other)
        else:
            assert was == now

    inputs = filled(shape)
    taken = take(inputs, torch.tensor(index))
    check(inputs, taken)
    assert all(len(leaf) == len(index) for leaf in leaves(taken))
    assert same(inputs, index[0], index[0])
