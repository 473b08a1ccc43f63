"""Every example runs as a user would run it, warnings are errors, and the table of examples names each."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2] / "examples"
FILES = sorted(ROOT.glob("*.py"))


@pytest.fixture(autouse=True)
def own_random_state() -> Iterator[None]:
    """An example may seed; other tests shall not notice."""
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_example_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip(), "an example shows something"


def test_the_table_names_every_example_and_nothing_else() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in FILES} == {name.split(")")[0] for name in table.split("](")[1:]}
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 24
    assert all(".py)" in row for row in rows)
