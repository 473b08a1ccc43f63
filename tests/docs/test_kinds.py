"""Everything that comes in kinds and that a user chooses by name has a row on its page."""

import re
from collections.abc import Iterable

import pytest

from gazeshift.data.mosaic.config import KINDS
from gazeshift.edits import EDITS
from gazeshift.evaluation.checks import CHECKS
from gazeshift.evaluation.smallest.goals import GOALS
from gazeshift.evaluation.smallest.sources import SOURCES
from gazeshift.instrument.rows import ROWS
from gazeshift.models import HEADS
from gazeshift.saliency import METHODS
from gazeshift.saliency.hide import FILLINGS, MIXINGS
from gazeshift.training import AUGMENTATIONS, RECIPES
from tests.docs.blocks import ROOT

PAGES: dict[str, Iterable[str]] = {
    "checks": {*FILLINGS, *MIXINGS},
    "edits": EDITS,
    "instrument": ROWS,
    "methods": METHODS,
    "models": HEADS,
    "mosaics": KINDS,
    "smallest": {*GOALS, *SOURCES},
    "training": {*RECIPES, *AUGMENTATIONS},
}


def named_in_rows(page: str) -> set[str]:
    """What stands as code in the first cells of a page's tables."""
    lines = page.splitlines()
    first = (line.split(" | ")[0] for line in lines if line.startswith("| "))
    return {name for cell in first for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("page", PAGES)
def test_every_kind_has_a_row_on_its_page(page: str) -> None:
    missing = sorted(set(PAGES[page]) - named_in_rows((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")))
    assert not missing, f"docs/{page}.md needs a row in its table for: {', '.join(missing)}"


@pytest.mark.parametrize("page", ["study", "checks"])
def test_every_check_is_named_where_checks_are_chosen(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    lists = re.findall(r"explain\.checks`.*", text) if page == "study" else re.findall(r"checks: \[.*?\]", text)
    named = {name for line in lists for name in re.findall(r"[a-z][a-z-]+", line)}
    assert set(CHECKS) <= named, f"docs/{page}.md leaves out {', '.join(sorted(set(CHECKS) - named))}"


def test_a_name_in_the_text_or_in_a_later_cell_is_no_row() -> None:
    assert named_in_rows("`prose`\n| `one`, `two` | `three` |\n|---|---|\n| four | |") == {"one", "two"}
