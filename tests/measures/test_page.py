"""Every measure is on its page, and the page names none that does not exist."""

import re
from pathlib import Path
from types import FunctionType

from gazeshift import measures

PAGE = (Path(__file__).parents[2] / "docs" / "measures.md").read_text(encoding="utf-8")
FUNCTIONS = {name for name in measures.__all__ if isinstance(getattr(measures, name), FunctionType)}


def test_every_function_is_on_the_page() -> None:
    missing = sorted(name for name in FUNCTIONS if not re.search(rf"`{name}\b", PAGE))
    assert not missing, f"docs/measures.md needs a row in the table of their question for: {', '.join(missing)}"


def test_the_tables_name_functions_that_exist() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)\(", row)}
    assert len(named) > 30
    assert named <= FUNCTIONS
