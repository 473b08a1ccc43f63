"""How it looks: on a phone and on a desk, by day and by night."""

from collections.abc import Callable

import pytest

from tests.app.browser.looking import READER, SILENT, Looking, expect

WIDER = """() => [...document.querySelectorAll("body *")].filter((each) => {
  const box = each.getBoundingClientRect();
  for (let around = each.parentElement; around; around = around.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(around).overflowX)) return false;
  return box.width && box.left >= 0 && box.right > document.documentElement.clientWidth + 1;
}).map((each) => `${each.tagName} ${each.id} ${each.className}`)"""


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_wider_than_the_window(look: Callable[..., Looking], width: int) -> None:
    page = look(viewport={"width": width, "height": 844}).ready()
    page.type("a-word-without-any-space-that-is-as-long-as-a-line-of-text-or-longer-still " + "x" * 120)
    page.model(READER).locator(".said .word").first.wait_for()
    page.page.locator("#study summary").click()
    page.open_table()
    page.page.locator("#all").click()
    for name in (SILENT, READER):
        page.model(name).locator(".strip figure").first.wait_for()
    for language in ("ja", "en"):
        page.page.locator("#language").click()
        expect(page.page.locator("html")).to_have_attribute("lang", language)
        assert page.page.evaluate(WIDER) == []
        widths = "html => [html.scrollWidth, document.body.scrollWidth, html.clientWidth]"
        assert page.page.locator("html").evaluate(widths) == [width] * 3


def _luminance(colour: str) -> float:
    """Relative luminance of ``rgb(...)`` (WCAG 2.2)."""
    shares = [float(part) / 255 for part in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(look: Callable[..., Looking], scheme: str) -> None:
    page = look(color_scheme=scheme).ready()
    expect(page.page.locator(".claim")).to_be_visible()
    for where, ground in (
        ("body", "body"),
        (".claim", ".top"),
        ("#after", "#after"),
        (".numbers dt >> nth=0", ".model >> nth=0"),
        ("#found", "body"),
    ):
        ink = page.page.locator(where).evaluate("each => getComputedStyle(each).color")
        paper = page.page.locator(ground).evaluate("each => getComputedStyle(each).backgroundColor")
        light, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, where  # WCAG 2.2, contrast (minimum)
        assert (_luminance(paper) < _luminance(ink)) == (scheme == "dark"), where
