"""The page's languages have the same words, and every word that the page asks for is there."""

import re
from importlib.resources import files

PAGE = files("gazeshift.app") / "page"


def languages() -> list[list[str]]:
    """The names of all words of each language, in order."""
    text = re.sub(r'"([\w-]+)":', r"\1:", (PAGE / "words.js").read_text(encoding="utf-8"))
    text = re.sub(r"`[^`]*`|\"[^\"]*\"", "''", text)
    blocks = re.split(r"^  (?:en|ja): \{$", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == 2
    return [re.findall(r"[{,\s]([\w-]+): ", block) for block in blocks]


def test_both_languages_have_the_same_words() -> None:
    english, japanese = languages()
    assert english == japanese
    assert len(english) > 60


def test_every_word_that_the_page_asks_for_is_there() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    asked = set(re.findall(r'data-(?:say|label)="(\w+)"', html))
    for name in ("app.js", "edits.js", "run.js", "study.js", "table.js"):
        asked |= set(re.findall(r"\bsay\.(\w+)", (PAGE / name).read_text(encoding="utf-8")))
    assert asked <= set(languages()[0])
