"""The address is a link: another page that opens it shows the same."""

from collections.abc import Callable

import pytest

from gazeshift.app.asked import MAX_TEXT
from tests.app.browser.looking import READER, SILENT, Looking, Serving, expect

FIELDS = ("before", "after", "search", "labels", "target", "method", "opacity", "study-edit", "study-measure")


def test_a_copied_link_restores_everything(look: Callable[..., Looking]) -> None:
    first = look().ready()
    first.choose(3)
    first.type("apple pie & <b>cream</b> 蜂蜜", "before")
    first.type("red + green = #yellow? 100%")
    first.page.locator("#target").select_option("donuts")
    first.page.locator("#method").select_option("eigen-cam")
    first.page.locator("#opacity").fill("35")
    first.page.locator("#study summary").click()
    first.page.locator("#study-edit").select_option("empty")
    first.page.locator("#study-measure").select_option("coverage_change")
    first.page.locator("#study-rising").check()
    first.page.locator("#language").click()
    for name in (SILENT, READER):
        first.drawn(name, target="donuts", method="eigen-cam")
    first.page.locator("#labels").select_option("croissant")
    expect(first.page.locator("#samples button")).to_have_count(1)
    first.page.wait_for_url("**label=croissant*")
    second = look(first.page.url).ready()
    for name in (SILENT, READER):
        second.drawn(name, picture="pair-3", target="donuts", method="eigen-cam")
        assert [second.pixels(place, name) for place in range(3)] == [first.pixels(place, name) for place in range(3)]
        assert second.numbers(name) == first.numbers(name)
    for field in FIELDS:
        expect(second.page.locator(f"#{field}")).to_have_value(first.page.locator(f"#{field}").input_value())
    expect(second.page.locator("#study-rising")).to_be_checked()
    expect(second.page.locator("html")).to_have_attribute("lang", "ja")
    expect(second.page.locator("#samples button")).to_have_count(1)
    assert second.page.url == first.page.url


@pytest.mark.parametrize("picture", ["pair-99", "dropped-0", "../../etc/passwd"])
def test_a_link_to_a_picture_that_is_not_there_says_so(
    look: Callable[..., Looking], serving: Serving, picture: str
) -> None:
    page = look(f"{serving.address}#picture={picture}", expected="status of 400")
    for name in (SILENT, READER):
        expect(page.model(name).locator(".error")).to_contain_text("there is no picture")


def test_of_a_link_only_what_the_page_knows_is_taken(look: Callable[..., Looking], serving: Serving) -> None:
    page = look(f"{serving.address}#target=nobody&language=xx&opacity=many&method=none&constructor=1").ready()
    expect(page.page.locator("html")).to_have_attribute("lang", "en")
    page.drawn(target="predicted")


def test_a_link_with_more_than_the_page_takes_opens_it(look: Callable[..., Looking], serving: Serving) -> None:
    long = "x" * (MAX_TEXT + 1)
    page = look(
        f"{serving.address}#picture=pair-0&after={long}&search={'y' * 300}&__proto__=1&language=__proto__"
    ).ready()
    expect(page.page.locator("#after")).to_have_value(long[:MAX_TEXT])
    expect(page.page.locator("#found")).to_have_text("No picture has these words. Try fewer.")
