"""What is saved opens, and holds what was seen."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.app.browser.looking import READER, SILENT, Looking, expect

BEFORE, AFTER = "apple pie", 'a <b>"red"</b> pie'


def saved(page: Looking, kind: str) -> tuple[str, bytes]:
    """The name and content of a file that a click on the menu saves."""
    with page.page.expect_download() as download:
        page.page.locator(f"[data-export={kind}]").click()
    return download.value.suggested_filename, Path(str(download.value.path())).read_bytes()


def test_every_file_of_the_menu_opens(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type(BEFORE, "before")
    page.type(AFTER)
    page.page.locator("#save summary").click()
    name, figure = saved(page, "png")
    assert name == "gazeshift.png"
    assert Image.open(io.BytesIO(figure)).width == 2160
    assert saved(page, "svg")[1].startswith(b"<?xml")
    arrays = np.load(io.BytesIO(saved(page, "npz")[1]))
    assert arrays["models"].tolist() == [SILENT, READER]
    record = json.loads(saved(page, "json")[1])
    assert record["texts"] == [BEFORE, AFTER]
    shown = page.numbers()[0]
    distance = record["models"][1]["moved"][0]["js_distance"]
    assert shown == ("–" if distance is None else f"{distance:.3f}")
    name, script = saved(page, "python")
    assert name == "gazeshift.py"
    compile(script, name, "exec")
    expect(page.page.locator("#told")).to_have_text("Saved as gazeshift.py.")


def test_without_a_picture_nothing_is_saved(look: Callable[..., Looking], serving: object) -> None:
    page = look(f"{serving.address}#picture=pair-99", expected="status of 400")  # type: ignore[attr-defined]
    page.model(READER).locator(".error:not(:empty)").wait_for()
    page.page.locator("#save summary").click()
    page.page.locator("[data-export=json]").click()
    expect(page.page.locator("#told")).to_contain_text("there is no picture")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_link_is_copied_or_shown(look: Callable[..., Looking], language: str) -> None:
    page = look(permissions=["clipboard-read", "clipboard-write"]).ready()
    if language == "ja":
        page.page.locator("#language").click()
    page.type(AFTER)
    page.page.locator("#save summary").click()
    page.page.locator("#copy").click()
    expect(page.page.locator("#told")).to_have_text(
        {"en": "The link is copied.", "ja": "リンクをコピーしました。"}[language]
    )
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied == page.page.url
    assert "before=" in copied
