"""Grids that fill their width, for every number of items; and the page gives each grid the columns of the items that it holds."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.report.grid import CARDS, MEANS, PICTURES, classes, grid, style

STYLE = (Path(__file__).parents[2] / "src/gazeshift/report/templates/style.css").read_text(encoding="utf-8")


@given(items=st.integers(1, 60), most=st.integers(1, 9))
def test_every_row_is_full(items: int, most: int):
    found = grid(items, most)
    assert (items - 1 + found.first) % found.columns == 0
    assert 1 <= found.first <= found.columns <= most
    rows = (items - 1 + found.first) // found.columns
    assert rows == -(-items // most)  # no more rows than it takes


@pytest.mark.parametrize("models", [2, 3, 6, 12])
@pytest.mark.parametrize("most", PICTURES.values())
def test_models_beside_their_picture_leave_no_row_nearly_empty(models: int, most: int):
    found = grid(models + 1, most)
    assert found.first <= (2 if most in (2, 7) else found.columns)  # on small and large screens two places at most
    assert (models + found.first) % found.columns == 0


@pytest.mark.parametrize("edits", range(3, 13))
@pytest.mark.parametrize("most", PICTURES.values())
def test_texts_beside_the_pairs_own_leave_no_row_nearly_empty(edits: int, most: int):
    found = grid(edits + 1, most)
    assert found.first <= (2 if most in (2, 7) else found.columns)
    assert (edits + found.first) % found.columns == 0


def test_nothing_is_a_grid_too():
    assert (grid(0, 4).columns, grid(0, 4).first) == (1, 1)


@given(items=st.integers(1, 30))
def test_the_style_sheet_knows_every_width_and_class(items: int):
    for most in (PICTURES, CARDS, MEANS):
        assert all(
            f"--{width}:{grid(items, limit).columns};" in f"{style(items, most)};" for width, limit in most.items()
        )
    assert all(f".{name} >" in STYLE for name in classes(items).split())
    assert all(f"--columns: var(--{width}); --first: var(--{width}1);" in STYLE for width in PICTURES)


class Grids(HTMLParser):
    """Items of every grid: elements whose parent has a class of a grid."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, int]] = []
        self.found: list[tuple[str, str, int]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if self.open and self.open[-1][1] >= 0:
            _, place = self.open[-1]
            kind, said, count = self.found[place]
            self.found[place] = (kind, said, count + 1)
        if tag in {"meta", "img", "line", "path", "link", "br", "rect"}:
            return
        given = dict(attrs)
        kind = next((kind for kind in ("readings", "cards") if kind in (given.get("class") or "").split()), "")
        if kind and "head" not in (given.get("class") or "").split():
            self.found.append((given["class"] or "", given.get("style") or "", 0))
            self.open.append((tag, len(self.found) - 1))
        else:
            self.open.append((tag, -1))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)  # lines and paths of drawings: nothing stays open

    def handle_endtag(self, tag):
        self.open.pop()


def test_each_grid_of_the_page_has_the_columns_of_its_items(finished: Path):
    grids = Grids((finished / "report.html").read_text(encoding="utf-8")).found
    assert {kind.split()[0] for kind, _, _ in grids} == {"readings", "cards"}
    for kind, said, count in grids:
        assert said in {style(count, most) for most in (PICTURES, CARDS, MEANS)}, (kind, count)
        if kind.startswith("readings "):  # of pictures, which are laid out by their number too
            assert said == style(count, PICTURES)
            assert kind.split()[1:] == classes(count).split()
