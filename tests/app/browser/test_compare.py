"""Two sides over all pictures: watched, sorted by where they part, opened and saved."""

import csv
from collections.abc import Callable
from pathlib import Path

from gazeshift.app.asked import AskApart, Side
from gazeshift.app.house import House
from tests.app.browser.looking import READER, SILENT, Looking, expect


def compared(look: Callable[..., Looking], text: str = "{text}") -> Looking:
    page = look().ready()
    page.page.locator("#compare summary").click()
    page.page.locator("#compare-other-text").fill(text)
    page.page.locator("#compare-start").click()
    expect(page.page.locator("#compare-rows li")).to_have_count(5)
    expect(page.page.locator("#compare-start")).to_have_text("Compare")
    return page


def test_where_they_part_comes_first(look: Callable[..., Looking], studied: House) -> None:
    page = compared(look, "a photo of {text}")
    sides = {"one": Side(model=SILENT), "other": Side(model=READER, text="a photo of {text}")}
    expected = studied.apart(AskApart(pictures=tuple(f"pair-{n}" for n in range(5)), **sides), "")
    expected.sort(key=lambda row: (not row.differ, -(row.js_distance or 0)))
    rows = page.page.locator("#compare-rows button")
    assert [str(each.get_attribute("data-picture")) for each in rows.all()] == [row.picture for row in expected]
    for row, shown in zip(expected, rows.all(), strict=True):
        assert shown.locator(".share").inner_text() == ("–" if row.js_distance is None else f"{row.js_distance:.2f}")
    differ = sum(bool(row.differ) for row in expected)
    expect(page.page.locator("#compare-says")).to_contain_text(f"The answers differ in {differ}")


def test_a_row_opens_both_texts_and_the_table_is_saved(look: Callable[..., Looking], studied: House) -> None:
    page = compared(look, "=cmd {text}")
    with page.page.expect_download() as download:
        page.page.locator("#compare-save").click()
    table = list(csv.DictReader(Path(str(download.value.path())).read_text("utf-8").splitlines()))
    assert len(table) == 5
    assert {row["other_text"][:2] for row in table} == {"'="}  # no formula for a spreadsheet
    first = page.page.locator("#compare-rows button").first
    picture = str(first.get_attribute("data-picture"))
    first.click()
    own = studied.pictures.pair(picture)
    assert own
    page.drawn(picture=picture, before=own.text, after=f"=cmd {own.text}")


def test_it_asks_only_for_what_search_leaves_and_tells_errors(look: Callable[..., Looking]) -> None:
    page = look(expected="status of 400").ready()
    page.page.locator("#compare summary").click()
    page.page.locator("#search").fill("no such words anywhere")
    page.page.locator("#found").get_by_text("No picture").wait_for()
    page.page.locator("#compare-start").click()
    expect(page.page.locator("#compare-says")).to_contain_text("No picture")
