"""Everything that the page is about: the models, the pictures, and one request at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from PIL.Image import Image

from gazeshift.app.asked import Ask, AskApart, AskEdits, AskScene, AskWords
from gazeshift.app.compare import Apart, apart, text_of
from gazeshift.app.export import Scene, show
from gazeshift.app.findings import AskFindings, Finding, Findings
from gazeshift.app.gaze import Gaze, gaze_at
from gazeshift.app.pictures import Pictures, Sample, as_jpeg
from gazeshift.app.ready import Ready, ReadyText
from gazeshift.app.regions import Outlines, in_view, outlines, regions_of
from gazeshift.app.remembering import Remembering
from gazeshift.app.turns import Turns
from gazeshift.app.words import Words, words_of
from gazeshift.data.decode import decode
from gazeshift.errors import UsageError
from gazeshift.evaluation.framing import Framing
from gazeshift.models.addresses import Address
from gazeshift.models.face import Model
from gazeshift.pairs import Pair
from gazeshift.registry import lookup
from gazeshift.saliency import METHODS
from gazeshift.saliency.cams import DEFAULT


@dataclass(frozen=True)
class Resident:
    """A model on the page.

    Attributes:
        model: remembers what it has seen.
        sentence: what the text can and cannot do to its map; None if nobody knows.
        address: where it was opened; None if nobody said.
        framing: where its maps lie on whole pictures.
    """

    model: Remembering
    sentence: str | None
    address: Address | None
    framing: Framing


@dataclass(eq=False)
class House:
    """Models and pictures. Requests are answered one at a time: a model is not shared between two, and torch uses all cores for one.

    Attributes:
        models: by their names on the page.
        pictures: what can be looked at.
        ready: changes of a text.
        findings: what a study found about these pictures; None without a study.
        root: of the data; None without data of a name.
        turns: who is next.
    """

    models: Mapping[str, Resident]
    pictures: Pictures
    ready: Ready
    findings: Findings | None = None
    root: str | None = None
    turns: Turns = field(default_factory=Turns)

    @classmethod
    def of(
        cls,
        models: Sequence[Model],
        pairs: Sequence[Pair] = (),
        findings: Findings | None = None,
        *,
        addresses: Sequence[Address] = (),
        root: str | None = None,
    ) -> "House":
        """A house with models that see, each under a name of its own, and the pictures of some data: its test pairs, if it has any.

        Args:
            models: in the page's order.
            pairs: of the data; may be none.
            findings: what a study found about them.
            addresses: where the models were opened, one each; may be left out.
            root: where the data are.

        Raises:
            UsageError: a model that sees no image, or no model.
        """
        if not models:
            raise UsageError("the page needs at least one model.")
        for model in models:
            if not model.sees_image:
                raise UsageError(f"model {model.name!r} sees no image: it has no map, and no place on the page.")
        names = _distinct([model.name for model in models])
        opened: Sequence[Address | None] = addresses or [None] * len(models)
        residents = {
            name: _resident(model, address) for name, model, address in zip(names, models, opened, strict=True)
        }
        classes = sorted({*(pair.label for pair in pairs), *(name for model in models for name in model.classes)})
        shown = [pair for pair in pairs if pair.split == "test"] or list(pairs)
        return cls(MappingProxyType(residents), Pictures(shown), Ready.of(pairs, tuple(classes)), findings, root)

    def gaze(self, asked: Ask, page: str) -> Gaze:
        """The maps of one picture by one model.

        Args:
            asked: what is asked.
            page: who asks; of each page and model only the newest request is answered.

        Raises:
            SupersededError, TooManyError: as ``Turns.turn``.
            GazeshiftError: an unknown picture, model, target or method, or a picture or model that cannot be used; says which.
        """
        model, pair = lookup(self.models, asked.model, "model").model, self.pictures.pair(asked.picture)
        self.pictures.source(asked.picture)
        with self.turns.turn(f"{page} {asked.model}"):
            picture = self.pictures.opened(asked.picture, model.enough)
            return gaze_at(model, picture, asked.texts, asked.target, pair.label if pair else None, asked.method)

    def words(self, asked: AskWords, page: str) -> Words:
        """What each word of a text does, and to which region; see ``gaze``."""
        model, source = lookup(self.models, asked.model, "model").model, self.pictures.source(asked.picture)
        pair = self.pictures.pair(asked.picture)
        regions = None
        if asked.regions:
            regions, _ = in_view({} if pair is None else regions_of(pair), model.view)
        with self.turns.turn(f"{page} {asked.model} words"):
            return words_of(
                model, source, asked.text, asked.target, pair.label if pair else None, asked.method, regions
            )

    def scene(self, asked: AskScene, page: str) -> Scene:
        """What the page shows, complete: for a figure, or a file; see ``gaze``."""
        residents = {name: lookup(self.models, name, "model") for name in asked.models}
        source, pair = self.pictures.source(asked.picture), self.pictures.pair(asked.picture)
        with self.turns.turn(f"{page} scene"):
            shown = [
                show(name, resident.model, resident.address, source, asked, pair.label if pair else None)
                for name, resident in residents.items()
            ]
        return Scene(asked.picture, pair, self.root, asked.texts, asked.target, asked.method, shown)

    def apart(self, asked: AskApart, page: str) -> list[Apart]:
        """Two models, or two texts, before some pictures of the data; see ``gaze``."""
        sides = (asked.one, asked.other)
        one, other = (lookup(self.models, side.model, "model") for side in sides)
        found = []
        for name in asked.pictures:
            if (pair := self.pictures.pair(name)) is None:
                raise UsageError(f"there is no picture {name[:60]!r} in the data: only they can be compared.")
            texts = (text_of(sides[0], pair), text_of(sides[1], pair))
            with self.turns.turn(f"{page} apart"):
                found.append(
                    apart(
                        (one.model, other.model),
                        (one.framing, other.framing),
                        texts,
                        name,
                        pair,
                        asked.target,
                        asked.method,
                    )
                )
        return found

    def outlines(self, model: str, picture: str) -> Outlines:
        """The regions of a picture of the data as a model sees them; none for a dropped one."""
        self.pictures.source(picture)
        pair = self.pictures.pair(picture)
        return outlines({} if pair is None else regions_of(pair), lookup(self.models, model, "model").model.view)

    def edits(self, asked: AskEdits) -> list[ReadyText]:
        """Ready changes of a text.

        Raises:
            UsageError: there is no such picture.
        """
        self.pictures.source(asked.picture)
        pair = self.pictures.pair(asked.picture) or Pair(asked.picture, b"", asked.text, "", "test")
        return self.ready.texts(pair, asked.text, asked.draw)

    def found(self, asked: AskFindings) -> tuple[int, list[tuple[Sample, Finding]]]:
        """How many samples of the study there are, and some of them in order.

        Raises:
            UsageError: there is no study, or an unknown model, edit, measure or filter.
        """
        if self.findings is None:
            raise UsageError("no study was opened: gazeshift app --study RUN.")
        samples = {sample.key: sample for sample in self.pictures.find(asked.search)}
        total, rows = self.findings.ranked(asked, samples)
        return total, [(samples[row.key], row) for row in rows]

    def view(self, model: str, picture: str) -> bytes:
        """What a model sees of a picture, as a JPEG: what its maps are drawn on."""
        opened: Image = decode(self.pictures.source(picture), picture)
        return as_jpeg(lookup(self.models, model, "model").model.view(opened))

    @property
    def methods(self) -> list[str]:
        """Names of the saliency methods, the default first."""
        return [DEFAULT, *METHODS]


def _resident(model: Model, address: Address | None) -> Resident:
    sentence = None if model.structure is None else model.structure.sentence
    return Resident(Remembering(model), sentence, address, Framing(model.name, model.view))


def _distinct(names: Sequence[str]) -> list[str]:
    """Names, numbered where two are alike."""
    return [
        name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    ]
