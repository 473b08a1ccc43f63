"""A text is typed: maps and numbers follow, of the model that reads, and of no other."""

from collections.abc import Callable

from tests.app.browser.looking import READER, SILENT, Looking, expect


def test_maps_and_numbers_follow_what_is_typed(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("apple pie", "before")
    page.type("apple pie")
    same, map_of_before = page.numbers(), page.pixels(0)
    assert same[0] == "0.000"  # the same text: the map has not moved
    assert page.pixels(1) == map_of_before
    page.type("red tomato ketchup and a bowl of edamame")
    assert page.pixels(1) != map_of_before
    moved = page.numbers()
    assert float(moved[0]) > 0
    page.type("apple pie")
    assert page.numbers() == same
    assert page.pixels(1) == map_of_before


def test_a_model_without_text_stays_as_it_is(look: Callable[..., Looking]) -> None:
    page = look().ready()
    before = [page.pixels(place, SILENT) for place in range(3)]
    page.type("red tomato ketchup")
    assert [page.pixels(place, SILENT) for place in range(3)] == before
    assert page.numbers(SILENT)[0] == "0.000"
    assert page.model(SILENT).locator(".sentence").inner_text() == "This model reads no text: only the picture speaks."


def test_the_slider_draws_anew_and_asks_nobody(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.page.locator(".word").first.wait_for()  # nothing is on its way any more
    before, asked = page.pixels(0), len(page.asked)
    page.page.locator("#opacity").fill("0")
    assert page.pixels(0) != before
    page.page.locator("#opacity").fill("80")
    assert page.pixels(0) == before
    assert page.asked[asked:] == []


def test_a_touched_word_shows_what_it_adds_and_leaves_no_trace(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("apple pie with cream")
    words = page.model(READER).locator(".said .word")
    words.nth(3).wait_for()
    assert words.all_inner_texts() == ["apple", "pie", "with", "cream"]
    map_of_after = page.pixels(1)
    words.first.focus()
    assert page.pixels(1) != map_of_after
    page.page.locator("#after").focus()
    assert page.pixels(1) == map_of_after


def test_the_table_of_regions_is_asked_for_where_it_is_opened_and_stays_open(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("apple pie with cream")
    summary, rows = page.model(READER).locator(".words summary"), page.model(READER).locator(".words tbody tr")
    page.model(READER).locator(".said .word").nth(3).wait_for()
    expect(rows).to_have_count(0)
    summary.click()
    expect(rows).to_have_count(5)  # four words, and each region alone
    expect(summary).to_be_focused()
    page.type("apple pie")
    expect(rows).to_have_count(3)
    before = page.pixels(1)
    page.model(READER).locator(".words thead button").first.focus()
    assert page.pixels(1) != before  # the region is outlined
