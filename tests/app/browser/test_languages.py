"""Both languages: nothing unsaid, and what was chosen stays."""

import re
from collections.abc import Callable

import pytest

from tests.app.browser.looking import READER, SILENT, Looking, Serving, expect

SAID = """() => document.body.textContent + [...document.querySelectorAll("body *")].map((each) =>
  ["aria-label", "placeholder", "title", "alt"].map((name) => each.getAttribute(name)).join(" ")).join(" ")"""
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def _words_of_the_page(page: Looking) -> dict[str, str]:
    """Everything that has its text from the page's own words, by where it stands."""
    return dict(
        page.page.evaluate(
            """() => {
              const found = {};
              for (const each of document.querySelectorAll("[data-say]")) found[`say ${each.dataset.say}`] = each.textContent;
              for (const each of document.querySelectorAll("[data-label]")) found[`label ${each.dataset.label}`] = each.ariaLabel;
              const built = document.querySelectorAll(".legend figcaption, .numbers dt, .chip");
              for (const each of built) found[each.textContent] = each.textContent;
              return found;
            }"""
        )
    )


def test_the_language_changes_and_everything_stays(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("apple pie")
    painted = page.pixels(1)
    english = _words_of_the_page(page)
    assert all(said and not JAPANESE.search(said) for said in english.values())
    page.page.locator("#language").click()
    expect(page.page.locator("html")).to_have_attribute("lang", "ja")
    japanese = _words_of_the_page(page)
    keys = [key for key in english if key.startswith(("say ", "label "))]
    assert [key for key in keys if not JAPANESE.search(japanese[key])] == []
    expect(page.page.locator("#after")).to_have_value("apple pie")
    assert page.pixels(1) == painted
    page.page.locator("#language").click()
    expect(page.page.locator("html")).to_have_attribute("lang", "en")
    assert _words_of_the_page(page) == english


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_word_is_missing_anywhere(look: Callable[..., Looking], serving: Serving, language: str) -> None:
    page = look(f"{serving.address}#language={language}&study-open=true").ready()
    expect(page.page.locator("html")).to_have_attribute("lang", language)
    page.model(READER).locator(".said .word").first.wait_for()
    page.page.locator("#all").click()
    for name in (SILENT, READER):
        page.model(name).locator(".strip figure").first.wait_for()
    said = page.page.evaluate(SAID)
    assert all(part not in said for part in ("undefined", "[object", "NaN", "=>"))
