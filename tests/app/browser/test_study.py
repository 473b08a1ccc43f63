"""The samples of a study, sorted and filtered by what it found."""

from collections.abc import Callable
from itertools import product

from gazeshift.app.findings import AskFindings
from gazeshift.app.house import House
from tests.app.browser.looking import READER, Looking, expect

STANDARD = {"edit": "colour", "measure": "js_distance", "which": ""}
CHOICES: list[dict[str, str]] = [
    {},
    {"measure": "coverage_change"},
    {"edit": "empty"},
    {"which": "switched"},
    {"which": "undefined"},
    {"which": "wrong", "measure": "coverage_change"},
]


def opened(look: Callable[..., Looking]) -> Looking:
    page = look().ready()
    page.page.locator("#study summary").click()
    expect(page.page.locator("#samples span").first).to_contain_text(".")
    return page


def test_what_is_chosen_is_listed_in_its_order(look: Callable[..., Looking], studied: House) -> None:
    page = opened(look)
    for chosen, rising in product(CHOICES, (False, True)):
        for name, value in {**STANDARD, **chosen}.items():
            page.page.locator(f"#study-{name}").select_option(value)
        page.page.locator("#study-rising").set_checked(rising)
        which = (chosen["which"],) if "which" in chosen else ()
        edit, measure = chosen.get("edit", "colour"), chosen.get("measure", "js_distance")
        total, expected = studied.found(
            AskFindings(model=READER, edit=edit, measure=measure, rising=rising, which=which)
        )
        assert total == len(expected) > 0
        said = [f"{'–' if found.value is None else format(found.value, '.2f')} {found.label}" for _, found in expected]
        expect(page.page.locator("#samples span")).to_have_text(said)
        values = [found.value for _, found in expected if found.value is not None]
        assert values == sorted(values, reverse=not rising)


def test_a_click_opens_both_texts(look: Callable[..., Looking], studied: House) -> None:
    page = opened(look)
    _, rows = studied.found(AskFindings(model="early-fusion", edit="colour"))
    picture = page.choose(1)
    sample, found = rows[1]
    assert picture == sample.picture
    page.drawn(before=sample.text, after=found.text)
    expect(page.page.locator("#before")).to_have_value(sample.text)
    expect(page.page.locator("#after")).to_have_value(found.text)


def test_search_and_class_leave_fewer_and_none_is_said(look: Callable[..., Looking], studied: House) -> None:
    page = opened(look)
    sample = studied.pictures.samples[1]
    page.page.locator("#search").fill(sample.text)
    wanted = {each.picture for each in studied.pictures.find(sample.text)}
    expect(page.page.locator("#samples button")).to_have_count(len(wanted))
    assert {each.get_attribute("data-picture") for each in page.page.locator("#samples button").all()} == wanted
    page.page.locator("#search").fill("")
    switched = {row.label for _, row in studied.found(AskFindings(model=READER, edit="colour", which=("switched",)))[1]}
    others = [each.label for each in studied.pictures.samples if each.label not in switched]
    page.page.locator("#labels").select_option(others[0])
    page.page.locator("#study-which").select_option("switched")
    expect(page.page.locator("#found")).to_have_text("No picture is left. Show all, or another class.")
