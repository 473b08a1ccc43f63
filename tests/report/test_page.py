"""The page as a browser would take it: nothing from data acts, nothing is fetched, everything is said."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from gazeshift.edits.modifiers import PAPER_COLOUR, PAPER_POSITION
from gazeshift.report import write

ADDRESS = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}
VOID = {"meta", "img", "line", "path", "link", "br", "rect"}


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.styles = ""
        self.misnested: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def html(finished: Path) -> str:
    return (finished / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_is_well_formed(page: Page):
    assert page.misnested == []
    assert page.open == []


def test_nothing_from_the_data_becomes_markup(page: Page):
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "link", "base", "i"}
    handlers = [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert handlers == []


def test_texts_are_shown_as_they_are(page: Page, fake_run):
    # A 500-character text is the one that a card cuts; its own sample shows it whole.
    for text in [*fake_run.TEXTS, *fake_run.CLASSES]:
        assert text in page.text
    assert "寿司の作り方 🍣" in page.text
    assert "(empty text)" in page.text
    assert any(attributes.get("lang") == "ja" for _, attributes in page.elements)


def test_fetches_nothing(page: Page):
    addresses = [value for _, attributes in page.elements for name, value in attributes.items() if name in ADDRESS]
    outside = [a for a in addresses if not re.fullmatch(r"data:image/.*|#[a-z]+|[a-z0-9]+\.(csv|json)", a)]
    assert outside == []
    assert "url(" not in page.styles
    assert "@import" not in page.styles
    assert not any("url(" in attributes.get("style", "") for _, attributes in page.elements)
    policy = [attributes["content"] for _, attributes in page.elements if "http-equiv" in attributes]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_links_lead_somewhere(page: Page, finished: Path):
    places = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for tag, attributes in page.elements:
        if tag == "a":
            target = attributes["href"]
            assert target[1:] in places if target.startswith("#") else (finished / target).is_file()


def test_every_picture_has_an_alternative_and_its_shape(page: Page):
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) > 100
    assert all({"alt", "width", "height"} <= set(attributes) for attributes in pictures)
    assert any("No positive evidence" in attributes["alt"] for attributes in pictures)


def test_undefined_maps_say_so_in_words(page: Page):
    # Pair 3 has no positive evidence in any of five models; it is in both tables.
    assert page.text.count("undefined: no positive evidence") >= 5 + 3 * 6


def test_is_small(html: str):
    assert len(html.encode()) < 10_000_000


def test_tells_the_story_in_order(page: Page):
    order = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert order == ["answer", "claims", "accuracy", "look", "edits", "all", "habit", "classes", "limits", "again"]


def test_states_how_to_make_it_again(page: Page):
    for said in (
        "gazeshift study configs/fake.yaml",
        "2.10.0",
        "9f" * 32,
        "04" * 32,
        "3 min 03 s",
        "Linux x86_64",
        "reused",
    ):
        assert said in page.text


def test_the_image_only_ceiling_stands_beside_its_accuracy(html: str):
    accuracy = html[html.index('<section id="accuracy"') : html.index('<section id="look"')]
    assert accuracy.count('<data value="0.5833">58.3\u00a0%</data>') == 2


def test_has_warnings_checks_and_structure(page: Page):
    assert "73.5 % of the titles contain the class name" in page.text
    assert "✗ failed" in page.text
    assert "early-linear in one sentence" in page.text


def test_a_study_without_the_papers_texts_does_not_speak_of_them(unwritten: Path):
    path = unwritten / "store" / "measures.parquet"
    measures = pd.read_parquet(path)
    measures[~measures["edit"].str.startswith("paper")].to_parquet(path)
    summary = json.loads((unwritten / "summary.json").read_text())
    summary |= {"headline": ["A sentence."], "claims": {}}
    for edits in summary["edits"].values():
        del edits["paper-colour"], edits["paper-position"]
    (unwritten / "summary.json").write_text(json.dumps(summary))
    page = write(unwritten).read_text(encoding="utf-8")
    assert PAPER_COLOUR not in page
    assert PAPER_POSITION not in page
    assert "the paper’s" not in page


def test_the_papers_texts_are_in_table_3(page: Page):
    assert page.text.count("red tomato ketchup") > 8
    assert page.text.count("top left white plate") > 8
