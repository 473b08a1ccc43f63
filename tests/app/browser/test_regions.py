"""What the data mark is outlined, and the tokens of an answer can be touched."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import gazeshift as gs
from gazeshift.app.house import House
from gazeshift.data.regions.shapes import Box
from gazeshift.models import Classifier
from gazeshift.pairs import Pair, SceneObject
from tests.app.browser.looking import Looking, Serving, expect
from tests.hub.answering import PROMPT
from tests.hub.tiny_vlm import builders

ANSWERS = "LlavaForConditionalGeneration"


@pytest.fixture(scope="module")
def marked(
    build: Callable[..., Classifier], pairs: list[Pair], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """Pictures with a region each, a model that reads, and one that answers."""
    folder = tmp_path_factory.mktemp("published") / "llava"
    builders["llava"](folder)
    known = SceneObject("cup & <b>saucer</b>", "", 0, True, (Box(4, 4, 24, 24),))
    models = [build("early-fusion", size=32, seed=8), gs.from_hub(folder, as_="answers", prompt=PROMPT)]
    with Serving(House.of(models, [replace(pairs[0], objects=(known,))])) as found:
        yield found


@pytest.fixture
def page(look: Callable[..., Looking], marked: Serving) -> Looking:
    page = look(marked.address)
    for name in ("early-fusion", ANSWERS):
        page.model(name).locator(".numbers dd").first.wait_for()
        page.drawn(name, picture="pair-0")
    return page


def test_regions_are_outlined_and_named(page: Looking) -> None:
    plain = page.pixels(0)
    page.page.locator("#regions").check()
    for name in ("early-fusion", ANSWERS):
        expect(page.model(name).locator(".areas")).to_have_text("Regions of the data: cup & <b>saucer</b>")
    assert page.pixels(0) != plain
    page.page.locator("#regions").uncheck()
    expect(page.model().locator(".areas")).to_be_hidden()
    assert page.pixels(0) == plain


def test_the_answer_is_written_out_and_its_tokens_are_touched(page: Looking) -> None:
    tokens = page.model(ANSWERS).locator(".token")
    expect(tokens.nth(1)).to_be_visible()
    whole = page.pixels(0, ANSWERS)
    tokens.nth(1).click()
    expect(tokens.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.model(ANSWERS).locator(".explains").first).to_contain_text("2: ")
    assert page.pixels(0, ANSWERS) != whole
    tokens.nth(1).click()
    expect(page.model(ANSWERS).locator(".explains").first).to_have_text("the whole answer")
    assert page.pixels(0, ANSWERS) == whole
    expect(page.model("early-fusion").locator(".token")).to_have_count(0)
