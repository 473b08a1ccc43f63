"""Changed texts that the data bring along: a column of the table as a text edit."""

from dataclasses import dataclass

import numpy as np

from gazeshift.edits.edit import Corpus, Edit, Edited, TextEdit
from gazeshift.edits.pieces import Pieces
from gazeshift.names import contains_name
from gazeshift.pairs import Pair

PREFIX = "column:"
"""What a study writes before the name of a column among its edits."""

TRUTHS = ("true", "false", "absent")
"""What a kind such as ``false-colour`` says of its words: they are true of what the text is about, true of something else in the picture or
plainly false, or true of nothing in it."""


@dataclass(frozen=True)
class ColumnTexts:
    """A column of changed texts, and what it is.

    Attributes:
        column: its name in ``Pair.further``.
        kind: what its texts are: ``false-colour``, ``true-clothing``, ...; the name of an edit of ours, whose place it then takes (a
            ``paraphrase`` written by people is the noise floor); None if that is not said.
        refers: name of the object that all its texts speak of; None: found text by text.

    Example:
        >>> ColumnTexts("text_false", "false-colour").name, ColumnTexts("text_false").name
        ('false-colour', 'column:text_false')
    """

    column: str
    kind: str | None = None
    refers: str | None = None

    @property
    def name(self) -> str:
        """What the edit is called in tables and reports."""
        return self.kind or f"{PREFIX}{self.column}"

    @property
    def truth(self) -> tuple[str, str] | None:
        """Whether its words are true, and of what kind they are, where its kind says so: ``("false", "colour")``."""
        truth, _, kind = (self.kind or "").partition("-")
        return (truth, kind) if truth in TRUTHS and kind else None

    @property
    def description(self) -> str:
        """What its texts are, in a few words."""
        said = f", {self.truth[0]} words of {self.truth[1]}" if self.truth else ""
        return f"the text of the column {self.column}{said}"


def column_edit(texts: ColumnTexts) -> Edit:
    """The edit that gives each pair its text of a column.

    It does not apply to a pair without one, or whose own text it repeats. The text refers to the one object that it names and that the
    pair's own text does not refer to, if there is one; else to the object that the own text refers to; or to the one that is given.

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> edit = column_edit(ColumnTexts("false"))(Corpus({}, ()), WholeWords())
        >>> pair = Pair("a", b"", "a red car", "car", "test", further=(("false", "a blue car"),))
        >>> edit(pair, np.random.default_rng(0)).text
        'a blue car'
    """

    def build(corpus: Corpus, pieces: Pieces) -> TextEdit:
        def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
            text = pair.further_text(texts.column)
            return None if text in (None, pair.text) else Edited(str(text), _referred(pair, str(text), texts.refers))

        return edit

    return Edit(build, texts.description)


def _referred(pair: Pair, text: str, name: str | None) -> int | None:
    if name is not None:
        return next((each.index for each in pair.objects if each.name.casefold() == name.casefold()), None)
    own = [each.index for each in pair.objects if each.referred]
    named = [
        each.index
        for each in pair.objects
        if not each.referred and contains_name(text, each.name) and not contains_name(pair.text, each.name)
    ]
    found = named or own
    return found[0] if len(found) == 1 else None
