"""The card: metadata that the hub's client reads again, and what the maps can show, compared with what they do show."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models import HEADS, ImageSpec
from gazeshift.saliency import METHODS
from gazeshift.saliency.score import Rise
from gazeshift.sharing import Publication, model_card
from gazeshift.sharing.card import plain
from tests.conftest import Build

SEEING = [name for name, head in HEADS.items() if head.structure.sees_image]
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def said(card: ModelCard) -> list[str]:
    """What stands under the heading about the maps, sentence by sentence."""
    section = re.search(r"^## What its maps can show.*?\n\n(.*?)^## ", card.text, re.MULTILINE | re.DOTALL)
    assert section is not None
    return [line.removeprefix("- ") for line in section[1].strip().splitlines()]


def named(sentence: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", sentence))


def working(model: gs.Classifier) -> Iterator[str]:
    """The methods that draw a map of this model."""
    for method in METHODS:
        try:
            gs.explain(model, PICTURE, ["apple pie"], method=method)
        except UsageError:
            continue
        yield method


@pytest.fixture(autouse=True)
def _few_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "rise", Rise(masks=2))


@pytest.mark.parametrize("head", SEEING)
def test_the_card_says_what_the_structure_lets_a_text_do(build: Build, head: str) -> None:
    model = build(head)
    card = said(model_card(model, "me/model"))
    assert card[0].startswith(model.structure.sentence)
    maps = gs.explain(model, PICTURE, ["apple pie", "red tomato ketchup"], target="apple pie")
    moved = float(np.abs(maps.raw[0] - maps.raw[1]).max()) > 1e-4 * float(np.abs(maps.raw[:2]).max())
    assert any("two texts give the same map of the same class" in each for each in card) == (
        model.structure.reads_text and not moved
    )
    assert any("has to be measured" in each for each in card) == moved


@pytest.mark.parametrize(
    ("head", "image"),
    [
        ("early-fusion", "small_cnn"),
        ("film", "small_cnn"),
        pytest.param("early-fusion", "vit_tiny_patch16_224", marks=pytest.mark.slow),
        pytest.param("film", "vit_tiny_patch16_224", marks=pytest.mark.slow),
    ],
)
def test_the_methods_of_the_card_are_those_that_work(build: Build, head: str, image: str) -> None:
    model = build(head, image=image)
    card = said(model_card(model, "me/model"))
    default, others = next(each for each in card if each.startswith("The default method")).split(". Also possible: ")
    able = set(working(model))
    assert named(default) == {gs.explain(model, PICTURE).method}
    assert named(default) | named(others) == able
    refused = [each for each in card if each.startswith("Not possible")]
    assert set().union(*map(named, refused)) & set(METHODS) == set(METHODS) - able


@pytest.mark.parametrize("tap", ["last", "features.3"])
def test_the_card_says_how_large_a_cell_is(build: Build, tap: str) -> None:
    model = build(image=ImageSpec(name="small_cnn", tap=tap))
    height, width = gs.explain(model, PICTURE).raw.shape[1:]
    cells = (
        f"Maps are taken at the tap `{tap}` of `small_cnn`: {height} x {width} cells for a picture of 64 x 64 pixels"
    )
    (found,) = [each for each in said(model_card(model, "me/model")) if each.startswith(cells)]
    assert f"a cell, {64 // height} x {64 // width} pixels," in found


def test_a_model_without_maps_says_only_that(build: Build) -> None:
    card = model_card(build("text-only", image="none"), "me/model")
    assert said(card) == ["This model sees no image: it has no map."]
    assert card.data.pipeline_tag == "text-classification"
    assert "gs.explain" not in card.text


def test_the_hub_reads_the_metadata_again(build: Build) -> None:
    card = model_card(build(), "me/model", publication=Publication("cc-by-4.0", ("me/pairs", "me/more")))
    assert ModelCard(str(card)).data.to_dict() == {
        "library_name": "gazeshift",
        "pipeline_tag": "image-classification",
        "license": "cc-by-4.0",
        "datasets": ["me/pairs", "me/more"],
        "tags": ["gazeshift", "explainability", "saliency", "early-fusion"],
    }


def test_a_card_without_a_study_claims_no_figure(build: Build) -> None:
    card = model_card(build(), "me/model")
    assert "No study was given to this card: nothing was measured." in card.text
    assert "| mean |" not in card.text
    assert "model-index" not in card.content
    assert "metrics" not in card.content


def test_names_from_the_data_are_shown_and_do_nothing(build: Build) -> None:
    model = build()
    model.spec = model.spec.model_copy(update={"classes": ("<img src=x>", "a\n# b", "[c](d)", "e|f", "寿司")})
    (line,) = [line for line in model_card(model, "me/model").text.splitlines() if line.startswith("Classes")]
    assert line.endswith(r": \<img src=x\>, a \# b, \[c\](d), e\|f, 寿司.")
    assert plain("x" * 500).endswith("… (100 more characters)")
