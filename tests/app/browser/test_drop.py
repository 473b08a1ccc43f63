"""A picture of the reader's own: chosen, or dropped on the page."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gazeshift.app.pictures import MAX_BYTES
from gazeshift.pairs import Pair
from tests.app.browser.looking import READER, SILENT, Looking, expect

DROP = """(page, [bytes, name]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  page.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize("how", ["chosen", "dropped"])
def test_a_picture_is_looked_at(look: Callable[..., Looking], pairs: list[Pair], tmp_path: Path, how: str) -> None:
    page = look().ready()
    page.choose(1)
    text = page.page.locator("#before").input_value()
    expected, numbers = [page.pixels(place) for place in range(3)], page.numbers()
    page.choose(0)
    content = pairs[1].image
    assert isinstance(content, bytes)
    if how == "chosen":
        (tmp_path / "mine.png").write_bytes(content)
        page.page.locator("#file").set_input_files(tmp_path / "mine.png")
    else:
        page.page.locator("body").evaluate(DROP, [list(content), "mine.png"])
    expect(page.page.locator('#samples [aria-pressed="true"]')).to_have_count(0)
    page.page.wait_for_url("**/#*picture=dropped-*")
    page.type(text, "before")
    page.type(text)
    # The same picture as one of the data, so the same maps; but its class is not known.
    assert ([page.pixels(place) for place in range(3)], page.numbers()) == (expected, numbers)
    expect(page.page.locator('#target option[value="label"]')).to_have_count(0)
    for name in (SILENT, READER):
        assert str(page.model(name).get_attribute("data-picture")).startswith("dropped-")


def test_what_is_no_picture_is_refused_in_words_and_the_page_goes_on(
    look: Callable[..., Looking], tmp_path: Path
) -> None:
    page = look(expected="status of 422").ready()
    (tmp_path / "mine.png").write_text("no picture")
    page.page.locator("#file").set_input_files(tmp_path / "mine.png")
    expect(page.page.locator("#told")).to_contain_text("dropped picture")
    page.type("apple pie")


def test_a_file_that_is_too_large_is_refused_in_words(look: Callable[..., Looking], tmp_path: Path) -> None:
    page = look(expected="status of 413").ready()
    (tmp_path / "mine.png").write_bytes(bytes(MAX_BYTES + 1))
    page.page.locator("#file").set_input_files(tmp_path / "mine.png")
    expect(page.page.locator("#told")).to_contain_text("too large")
