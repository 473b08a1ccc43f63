"""What is explained, by what, and of which picture: choosers, search, keys."""

from collections.abc import Callable

import pytest

from gazeshift.app.house import House
from gazeshift.pairs import Pair
from tests.app.browser.looking import READER, Looking, expect

TEXT = "red tomato ketchup and a bowl of edamame"


def test_the_explained_class_is_chosen(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("apple pie", "before")
    page.type(TEXT)
    panel = page.drawn(after=TEXT)
    assert panel.locator(".explains").all_inner_texts()[2] == "edamame → donuts"
    page.page.locator("#target").select_option("ceviche")
    page.drawn(target="ceviche")
    assert panel.locator(".explains").all_inner_texts()[2] == "ceviche with both texts"
    page.page.locator("#target").select_option("predicted")
    page.drawn(target="predicted")
    assert panel.locator(".explains").all_inner_texts()[2] == "edamame → donuts"
    page.page.locator("#target").select_option("reference")
    page.drawn(target="reference")
    assert panel.locator(".explains").all_inner_texts()[2] == "edamame with both texts"


def test_a_true_class_that_a_model_does_not_know_is_said_beside_it(
    look: Callable[..., Looking], pairs: list[Pair]
) -> None:
    page = look(expected="status of 400").ready()
    page.page.locator("#target").select_option("label")
    # The label is no class of these models: that is said in a sentence. The old maps stay,
    expect(page.model(READER).locator(".error")).to_contain_text(pairs[0].label)
    expect(page.model(READER)).to_have_class("model stale")  # but do not look like an answer
    page.page.locator("#target").select_option("predicted")
    expect(page.model(READER)).to_have_class("model")


def test_another_method_draws_another_map(look: Callable[..., Looking], studied: House) -> None:
    page = look().ready()
    page.type(TEXT)
    default = page.pixels(1)
    offered = [str(each.get_attribute("value")) for each in page.page.locator("#method option").all()]
    assert offered == studied.methods
    page.page.locator("#method").select_option("grad-cam++")
    page.drawn(method="grad-cam++")
    assert page.pixels(1) != default


@pytest.mark.parametrize("words", ["donut", "HOMEMADE sunday", ""])
def test_search_lists_what_has_the_words(look: Callable[..., Looking], studied: House, words: str) -> None:
    page = look().ready()
    page.page.locator("#search").fill(words)
    expected = studied.pictures.find(words)
    assert expected
    _lists(page, [sample.picture for sample in expected])


def test_a_search_that_finds_nothing_says_so(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.page.locator("#search").fill("nothing has these words")
    expect(page.page.locator("#found")).to_have_text("No picture has these words. Try fewer.")
    expect(page.page.locator("#samples button")).to_have_count(0)


def test_a_class_is_chosen(look: Callable[..., Looking], studied: House) -> None:
    page = look().ready()
    page.page.locator("#labels").select_option("donut")
    _lists(page, [sample.picture for sample in studied.pictures.samples if sample.label == "donut"])
    page.page.locator("#labels").select_option("")
    _lists(page, [sample.picture for sample in studied.pictures.samples])


def test_left_and_right_go_through_the_list_and_not_while_somebody_writes(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.choose(0)
    for key, picture in (
        ("Right", "pair-1"),
        ("Right", "pair-2"),
        ("Left", "pair-1"),
        ("Left", "pair-0"),
        ("Left", "pair-0"),
    ):
        page.page.keyboard.press(f"Arrow{key}")
        page.drawn(picture=picture)
        expect(page.page.locator('#samples [aria-pressed="true"]')).to_have_attribute("data-picture", picture)
    page.page.locator("#after").focus()
    page.page.keyboard.press("ArrowRight")
    page.type("x")
    page.drawn(picture="pair-0", after="x")


def _lists(page: Looking, pictures: list[str]) -> None:
    buttons = page.page.locator("#samples button")
    expect(buttons).to_have_count(len(pictures))
    for button, picture in zip(buttons.all(), pictures, strict=True):
        expect(button).to_have_attribute("data-picture", picture)
