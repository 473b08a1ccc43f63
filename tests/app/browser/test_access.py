"""Without eyes or without a mouse: everything has a name, as the browser itself computes it, and the texts can be reached by Tab."""

from collections.abc import Callable

from tests.app.browser.looking import READER, SILENT, Looking, Serving, expect

NAMED = {
    "button",
    "textbox",
    "searchbox",
    "combobox",
    "slider",
    "checkbox",
    "image",
    "img",
    "link",
    "spinbutton",
    "radio",
    "DisclosureTriangle",
}
CONTROLS = "button, input, select, textarea, canvas[role=img], a[href], summary"


def test_every_control_and_every_map_has_a_name(look: Callable[..., Looking], serving: Serving) -> None:
    page = look(f"{serving.address}#study-open=true&compare-open=true").ready()
    page.model(READER).locator(".said .word").first.wait_for()
    page.open_table()
    page.page.locator("#all").click()
    page.page.locator("#save summary").click()
    for name in (SILENT, READER):
        page.model(name).locator(".strip figure").first.wait_for()
    page.page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    expect(page.page.locator("details:not([open])")).to_have_count(0)
    nodes = page.context.new_cdp_session(page.page).send("Accessibility.getFullAXTree")["nodes"]
    seen = [node for node in nodes if not node["ignored"] and node["role"]["value"] in NAMED]
    nameless = [node for node in seen if not node.get("name", {}).get("value", "").strip()]
    assert [(node["role"]["value"], node.get("description")) for node in nameless] == []
    shown = page.page.locator(CONTROLS).evaluate_all("all => all.filter(each => each.checkVisibility()).length")
    assert len(seen) >= shown > 40


def test_a_map_says_which_text_and_which_class_it_shows(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type("red tomato ketchup and a bowl of edamame")
    after = page.model(READER).locator(".maps canvas").nth(1)
    expect(after).to_have_attribute(
        "aria-label", "Map of early-fusion with “red tomato ketchup and a bowl of edamame”: explains donuts."
    )


def test_tab_reaches_the_texts_and_the_choices_in_order(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.page.locator("body").evaluate("() => document.activeElement.blur()")
    order = []
    for _ in range(40):
        page.page.keyboard.press("Tab")
        order.append(page.page.evaluate("document.activeElement.id || document.activeElement.className"))
        if order[-1] == "opacity":
            break
    assert order[0] == "skip"
    wanted = ["language", "search", "labels", "file", "before", "after", "again", "all", "target", "method", "opacity"]
    assert [name for name in order if name in wanted] == wanted


def test_the_first_tab_and_enter_skip_to_the_texts(look: Callable[..., Looking]) -> None:
    page = look().ready()
    asked = page.page.url
    page.page.locator("body").evaluate("() => document.activeElement.blur()")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.id") == "before"
    assert page.page.locator("#after").input_value()
    assert asked


def test_the_menu_closes_by_escape_and_by_a_click_elsewhere(look: Callable[..., Looking]) -> None:
    page = look().ready()
    menu, summary = page.page.locator("#save"), page.page.locator("#save summary")
    summary.click()
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()
    summary.click()
    expect(menu).to_have_attribute("open", "")
    page.page.locator("h1").click()
    expect(menu).not_to_have_attribute("open", "")
