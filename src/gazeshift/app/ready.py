"""Ready changes of a text: one click each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from gazeshift.edits import EDITS, Corpus, WholeWords, random_for
from gazeshift.edits.edit import TextEdit
from gazeshift.pairs import Pair

READY = (
    "paraphrase",
    "shuffle",
    "nonsense",
    "colour",
    "position",
    "material",
    "same-class",
    "class-swap",
    "other-class",
    "other-object",
    "empty",
)
"""The edits on the page, from those that should move nothing to those that should."""


@dataclass(frozen=True)
class ReadyText:
    """A changed text.

    Attributes:
        edit: the edit's name.
        text: the text; None where the edit does not apply.
    """

    edit: str
    text: str | None


@dataclass(frozen=True)
class Ready:
    """The edits, made once from the data's texts.

    Attributes:
        edits: by name.
    """

    edits: Mapping[str, TextEdit]

    @classmethod
    def of(cls, pairs: Sequence[Pair], classes: tuple[str, ...]) -> "Ready":
        """Edits that draw from training texts; from all, where the data are not split.

        Args:
            pairs: of the data; may be none.
            classes: of the data and the models.
        """
        known = [pair for pair in pairs if pair.split == "train"] or list(pairs)
        corpus = Corpus.of(known, classes)
        return cls(MappingProxyType({name: EDITS[name](corpus, WholeWords()) for name in READY}))

    def texts(self, pair: Pair, text: str, draw: int) -> list[ReadyText]:
        """The changed texts of a picture's text.

        Args:
            pair: the picture's pair.
            text: what is changed, in place of the pair's own text.
            draw: another number draws other words.

        Example:
            >>> pair = Pair("a.jpg", b"", "apple pie", "pie", "test")
            >>> Ready.of([], ("pie",)).texts(pair, "apple pie", 0)[-1]
            ReadyText(edit='empty', text='')
        """
        asked = replace(pair, text=text)
        found = {name: edit(asked, random_for(name, pair.key, draw)) for name, edit in self.edits.items()}
        return [ReadyText(name, None if edited is None else edited.text) for name, edited in found.items()]
