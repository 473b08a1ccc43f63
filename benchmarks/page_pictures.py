"""Pictures of the page for README and docs: opened in Debian's Chromium, as a new user would see the demo.

    python benchmarks/page_pictures.py RUN [--out docs/images]

RUN is a finished study, such as the demo's (``make demo``: runs/plates). Needs the extra ``app`` and a Chromium.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from gazeshift.app.house import House
from gazeshift.app.server import start
from gazeshift.app.studies import open_study
from gazeshift.models import load

FOUND = "study-open=true&study-edit=other-object&study-measure=target_gain&regions=true"
"""Samples whose map went farthest to what the changed text names."""


def _first(page: Page) -> None:
    page.locator("#samples button").first.click()
    page.locator("article.model:last-child .word").first.wait_for()


def _strip(page: Page) -> None:
    _first(page)
    page.locator("#all").click()
    page.locator("article.model:last-child .strip figure").nth(3).wait_for()
    page.locator("article.model:last-child .strip").scroll_into_view_if_needed()


def _compared(page: Page) -> None:
    page.locator("#samples button").first.wait_for()
    page.locator("#compare-start").click()
    page.locator("#compare-rows li").nth(11).wait_for()
    page.locator("#compare-start").click()
    page.locator("#compare").scroll_into_view_if_needed()


PICTURES: Mapping[str, tuple[int, int, str, str, Callable[[Page], None]]] = MappingProxyType(
    {
        "page": (1280, 1120, "light", FOUND, _first),
        "page-narrow": (390, 1180, "dark", f"{FOUND}&language=ja", _first),
        "page-changes": (1280, 900, "light", FOUND, _strip),
        "page-compare": (1280, 760, "light", "compare-open=true", _compared),
    }
)
"""Width, height, colours, state in the address, and what is done before the picture is taken; by name."""


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    asked = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium is installed: apt-get install chromium")
    study = open_study(asked.run)
    house = House.of([load(folder) for folder in study.models], study.pairs, study.findings, root=study.root)
    with start(house, host="127.0.0.1", port=0, token=None) as running, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (width, height, colours, state, prepare) in PICTURES.items():
            scheme = "dark" if colours == "dark" else "light"
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(f"{running.address}#{state}")
            prepare(page)
            page.wait_for_load_state("networkidle")
            taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            taken.save(asked.out / f"{name}.jpg", quality=88, subsampling=0, optimize=True)
            page.close()
            print(asked.out / f"{name}.jpg")  # noqa: T201
        browser.close()


if __name__ == "__main__":
    main()
