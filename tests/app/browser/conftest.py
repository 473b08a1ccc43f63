"""The page in a real browser: Debian's Chromium, driven by playwright, before a server in this process.

Nothing waits on a clock: the page marks each model with the picture and the texts that are drawn (``data-picture``, ``data-before``,
``data-after``, ``data-target``, ``data-method``), and playwright waits for the mark. The page's policy forbids ``wait_for_function``.
"""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from gazeshift.app.findings import findings_of
from gazeshift.app.house import House
from gazeshift.models import Classifier
from gazeshift.pairs import Pair

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
DESK = {"width": 1280, "height": 900}
PATIENCE = 100_000  # milliseconds until a test gives up: a busy machine is no failure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here starts a browser, or waits for one."""
    for item in items:
        if __name__.rpartition(".")[0] in item.nodeid.replace("/", "."):
            item.add_marker(pytest.mark.slow)


def measures_of(pairs: list[Pair]) -> pd.DataFrame:
    """What a study might have found: no two samples alike, one without a map, every second one with another class."""
    rows = [
        {
            "model": "early-fusion", "seed": 0, "key": pair.key, "label": pair.label, "edit": edit, "text": f"{edit} {pair.text}",
            "predicted": pair.label if place % 2 else "baklava", "switched": float(place % 2), "defined": place != 2,
            "js_distance": None if place == 2 else (place * 2 % 5) / 10 + 0.05, "coverage_change": place / 10,
        }
        for place, pair in enumerate(pairs)
        for edit in ("original", "colour", "empty")
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="package")
def studied(build: Callable[..., Classifier], pairs: list[Pair]) -> House:
    """Two models, one of which reads no text, five pictures, and what a study found about them. (Seeds with maps for most texts.)"""
    shown = [pair for pair in pairs if pair.split == "test"]
    models = [build("image-only", size=32, seed=7), build("early-fusion", size=32, seed=8)]
    return House.of(models, pairs, findings_of(measures_of(shown), "early-fusion"))


@pytest.fixture(scope="package")
def serving(studied: House) -> Iterator[Any]:
    pytest.importorskip("gradio", reason="no browser test without Gradio: the page's server needs it")
    from tests.app.browser.looking import Serving  # noqa: PLC0415  which skips where something is missing

    with Serving(studied) as found:
        yield found


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """One browser for all tests here. It ends before other tests run: their event loops could not start beside playwright's."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser test without playwright")

    if CHROMIUM is None:
        pytest.skip("no browser test without a browser: no chromium is installed")
    with playwright.sync_playwright() as driver:
        playwright.expect.set_options(timeout=PATIENCE)
        found = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def look(browser: Any, serving: Any) -> Iterator[Callable[..., Any]]:
    """Open the page, as often as a test likes: ``look(viewport=..., color_scheme=..., address=..., expected="status of 400")``.

    Whatever the test is about, afterwards no dialog has opened, no script has failed, and nothing was asked of another host.
    """
    from tests.app.browser.looking import Looking  # noqa: PLC0415  the same

    opened: list[Looking] = []

    def open_page(
        address: str = serving.address, expected: str = "", viewport: dict[str, int] = DESK, **options: Any
    ) -> Looking:
        context = browser.new_context(viewport=viewport, **options)
        context.set_default_timeout(PATIENCE)
        opened.append(Looking(context, address, expected))
        return opened[-1]

    yield open_page
    for each in opened:
        each.context.close()
    for each in opened:
        each.check_nothing_went_wrong()
