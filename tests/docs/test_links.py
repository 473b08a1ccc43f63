"""Every page is found from README, says first which question it answers, and links only to what is there."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT

README = ROOT / "README.md"
WITH_TABLES = [*PAGES, ROOT / "examples" / "README.md", ROOT / "benchmarks" / "README.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def targets(page: Path) -> set[Path]:
    """The files that a page links to."""
    return {(page.parent / link.split("#")[0]).resolve() for link in LINK.findall(prose(page)) if "://" not in link}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", WITH_TABLES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_links_lead_somewhere(page: Path) -> None:
    assert not broken(page)


def test_readme_links_every_page() -> None:
    assert {page.resolve() for page in WITH_TABLES} - {README.resolve()} <= targets(README)


@pytest.mark.parametrize("page", [page for page in WITH_TABLES if page != README], ids=lambda page: page.stem)
def test_a_page_begins_with_the_question_that_it_answers(page: Path) -> None:
    opening = prose(page).split("\n#", 1)[0]
    assert opening.startswith("# ")
    assert "?" in opening


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](there.md) [b](there.md#a-heading-its-own) [c](#here)", []),
        ("[a](gone.md)", ["gone.md"]),
        ("[a](there.md#gone)", ["there.md#gone"]),
        ("[a](#gone)", ["#gone"]),
        ("```text\n[a](gone.md)\n```\n[w](https://example.org/gone)", []),
    ],
)
def test_a_broken_link_is_found(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "there.md").write_text("# There\n\n## A heading, its own\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n## Here\n\n{text}\n", encoding="utf-8")
    assert broken(page) == expected
