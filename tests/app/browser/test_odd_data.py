"""Data as they come: damaged files, texts that do not end, classes with quotes and tags."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gazeshift.app.asked import MAX_TEXT
from gazeshift.app.house import House
from gazeshift.pairs import Pair
from tests.app.browser.looking import READER, SILENT, Looking, Serving, expect

TAG = "<img src=x onerror=alert(1)> \"pie\" 'pie'"
FORMULA = '=HYPERLINK("http://evil.example")'


@pytest.fixture(scope="module")
def odd(studied: House, pairs: list[Pair]) -> Iterator[Serving]:
    broken = replace(pairs[0], key="broken.png", image=pairs[0].image[:200])  # type: ignore[index]
    shown = [
        replace(pairs[0], label=TAG, text=FORMULA),
        broken,
        replace(pairs[2], text="x" * (MAX_TEXT + 1)),
        replace(pairs[3], text="", label="שלום 🍩"),
    ]
    with Serving(House.of([each.model.model for each in studied.models.values()], shown)) as found:
        yield found


def test_a_picture_that_cannot_be_opened_is_said_and_the_others_are_shown(
    look: Callable[..., Looking], odd: Serving
) -> None:
    page = look(odd.address, expected="status of 422").ready()
    assert page.page.locator("#samples button span").first.inner_text() == TAG
    page.page.locator("#samples button").nth(1).click()
    for name in (SILENT, READER):
        expect(page.model(name).locator(".error")).to_contain_text("damaged or truncated")
        expect(page.model(name)).to_have_class("model stale")
    page.choose(3)
    for name in (SILENT, READER):
        expect(page.model(name).locator(".error")).to_be_empty()
        expect(page.model(name)).to_have_class("model")


def test_a_text_that_is_too_long_is_cut_and_that_is_said(look: Callable[..., Looking], odd: Serving) -> None:
    page = look(odd.address, expected="status of 422").ready()
    page.choose(2)
    expect(page.page.locator("#before")).to_have_value("x" * MAX_TEXT)
    expect(page.page.locator("#told")).to_contain_text(str(MAX_TEXT))
    expect(page.model(READER).locator(".error")).to_be_empty()


def test_a_comparison_leaves_out_what_cannot_be_opened_and_its_table_holds_no_formula(
    look: Callable[..., Looking], odd: Serving
) -> None:
    page = look(odd.address, expected="status of 422").ready()
    page.page.locator("#compare summary").click()
    page.page.locator("#compare-start").click()
    expect(page.page.locator("#compare-start")).to_have_text("Compare")
    expect(page.page.locator("#compare-says")).to_contain_text("One picture was left out:")
    expect(page.page.locator("#compare-rows li")).to_have_count(3)
    with page.page.expect_download() as downloading:
        page.page.locator("#compare-save").click()
    rows = list(csv.DictReader(io.StringIO(downloading.value.path().read_text(encoding="utf-8"))))
    assert {row["label"] for row in rows} >= {TAG, "שלום 🍩"}
    assert "'" + FORMULA in {row["one_text"] for row in rows}
    assert not any(str(cell).startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
