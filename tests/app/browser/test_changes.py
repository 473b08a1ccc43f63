"""Ready changes of the text: one click, all at once, other words, and back."""

from collections.abc import Callable

from tests.app.browser.looking import READER, SILENT, Looking, expect


def test_a_click_changes_the_text_and_undo_brings_it_back(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("apple pie", "before")
    page.type("apple pie")
    undo = page.page.locator("#undo")
    colour = page.page.locator(".chip[data-edit=colour]")
    page.model(READER).locator(".said .word").nth(1).wait_for()  # the page has rested: this text is one to come back to
    map_of_after = page.pixels(1)
    changed = str(colour.get_attribute("title"))
    assert changed.endswith("apple pie")
    colour.click()
    page.drawn(after=changed)
    expect(page.page.locator("#after")).to_have_value(changed)
    assert page.pixels(1) != map_of_after
    expect(undo).to_be_enabled()
    undo.click()
    page.drawn(after="apple pie")
    assert page.pixels(1) == map_of_after


def test_other_words_are_drawn(look: Callable[..., Looking]) -> None:
    page = look().ready()
    colour = page.page.locator(".chip[data-edit=colour]")
    first = str(colour.get_attribute("title"))
    page.page.locator("#again").click()
    expect(colour).not_to_have_attribute("title", first)


def test_all_changes_at_once_each_with_its_map(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.page.locator(".chip").first.wait_for()
    offered = page.page.locator(".chips .chip:enabled")
    expect(offered.first).to_be_visible()
    titles = [str(each.get_attribute("title")) for each in offered.all()]
    page.page.locator("#all").click()
    for name in (SILENT, READER):
        figures = page.model(name).locator(".strip figure")
        expect(figures).to_have_count(1 + len(titles))
        assert figures.locator("q").all_inner_texts()[1:] == titles
    painted = (
        page.model(READER)
        .locator(".strip canvas")
        .evaluate_all("all => new Set(all.map(each => each.toDataURL())).size")
    )
    assert painted > 1


def test_another_picture_begins_anew(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("apple pie")
    expect(page.page.locator("#undo")).to_be_enabled()
    page.choose(1)
    expect(page.page.locator("#undo")).to_be_disabled()


def test_other_words_are_drawn_in_the_strip_too(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.page.locator(".chips .chip").first.wait_for()
    page.page.locator("#all").click()
    for name in (SILENT, READER):
        page.model(name).locator(".strip figure").first.wait_for()
    colour = page.page.locator(".chip[data-edit=colour]")
    first = str(colour.get_attribute("title"))
    page.page.locator("#again").click()
    expect(colour).not_to_have_attribute("title", first)
    for name in (SILENT, READER):
        expect(page.model(name).locator(".strip q", has_text=str(colour.get_attribute("title")))).to_have_count(1)
