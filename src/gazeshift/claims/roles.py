"""Which model of a study plays which role. All comparisons of models use this, so that users may name models freely."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """What a model must be to play a role.

    Attributes:
        kind: its head (``gazeshift.models.HEADS``).
        texts: what it was trained on (``gazeshift.study.sections.ModelConfig``).
        words: how a sentence refers to such a model.
    """

    kind: str
    texts: str
    words: str


ROLES: dict[str, Role] = {
    "image": Role("image-only", "own", "image-only model"),
    "mlp": Role("image-mlp", "own", "image-only model with a hidden layer"),
    "text": Role("text-only", "own", "text-only model"),
    "late": Role("late-fusion", "own", "late-fusion model"),
    "fusion": Role("early-fusion", "own", "early-fusion model"),
    "constant": Role("early-fusion", "constant", "empty-text control (early fusion that always reads the empty text)"),
    "shuffled": Role("early-fusion", "shuffled", "shuffled-text control (early fusion trained on other pairs' texts)"),
}


@dataclass(frozen=True)
class Player:
    """The properties of a study's model that decide which role it plays.

    Attributes:
        name: the user's name for it.
        kind: its head; ``given`` or ``text-free`` if it was not trained here.
        texts: what it was trained on.
        sees_image: whether its logits depend on the image.
        reads_text: whether they depend on the text.
        given: whether it was not trained here: there are no training seeds to generalise over.
        counterpart: the model without text that it is compared with; None: the study's image-only model.
        image: name of its trunk, where a study has several.
        text: name of its text encoder, likewise.
    """

    name: str
    kind: str
    texts: str
    sees_image: bool
    reads_text: bool
    given: bool = False
    counterpart: str | None = None
    image: str | None = None
    text: str | None = None

    def plays(self, role: str) -> bool:
        """Whether it could play one of ``ROLES``."""
        return (self.kind, self.texts) == (ROLES[role].kind, ROLES[role].texts)


@dataclass(frozen=True)
class Roles:
    """The models of a study by what they are, whatever they are called.

    If several models could play a role, the first one listed plays it, and the others are shown for comparison.

    Attributes:
        players: the models, in the order of the study.

    Example:
        >>> seer, reader = Player("seer", "image-only", "own", True, False), Player("reader", "text-only", "own", False, True)
        >>> roles = Roles((seer, reader, Player("gallo", "early-fusion", "own", True, True)))
        >>> roles["image"], roles.get("late"), roles.lead
        ('seer', None, 'gallo')
    """

    players: tuple[Player, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All models, in the order of the study."""
        return tuple(player.name for player in self.players)

    @property
    def given(self) -> frozenset[str]:
        """The models that were not trained here."""
        return frozenset(player.name for player in self.players if player.given)

    @property
    def parts(self) -> dict[str, str]:
        """Every role that is played, and by which model."""
        return {role: name for role in ROLES if (name := self.get(role)) is not None}

    @property
    def others(self) -> dict[str, tuple[str, ...]]:
        """By role, the other models that could play it; roles without one are absent."""
        return {role: able[1:] for role in ROLES if len(able := self._able(role)) > 1}

    @property
    def lead(self) -> str | None:
        """The study's main model: early fusion, else the first that sees images and reads the pairs' own texts, else the first."""
        both = [player for player in self.players if player.sees_image and player.reads_text]
        own = [player for player in both if player.texts == "own"]
        return next(iter(self._able("fusion")), None) or next((player.name for player in [*own, *both]), None)

    @property
    def compared(self) -> tuple[str, str] | None:
        """The two models whose maps are compared.

        Two given models that read the text, where the lead is one of them; else the lead and what it is without text (image only, or its
        counterpart); else the first two with maps.
        """
        seeing = [player.name for player in self.players if player.sees_image]
        lead, given = self.lead, [player.name for player in self.players if player.given and player.reads_text]
        if lead in given and len(given) > 1:
            return given[0], given[1]
        other = None if lead is None else self.without_text(lead)
        if other is not None and lead is not None:
            return other, lead
        return (seeing[0], seeing[1]) if len(seeing) > 1 else None

    def get(self, role: str) -> str | None:
        """Name of the model that plays a role, or None; without an image-only model the lead's counterpart stands for it."""
        able = next(iter(self._able(role)), None)
        return self._counterparts.get(self.lead or "") if able is None and role == "image" else able

    def unfit(self, wanted: Iterable[str]) -> str:
        """Why a claim about these roles cannot be tested, in a sentence; empty if it can."""
        for role in wanted:
            name = self.get(role)
            if name is None:
                return f"the study has no {ROLES[role].words}"
            if name in self.given:
                return f"one model: {name} was given, so it has no training seeds to generalise over"
        return ""

    def without_text(self, model: str) -> str | None:
        """The model that one is compared with, to see what the text adds: its own counterpart, else the image-only model of its trunk.

        A model that is a counterpart itself (a given one, told the empty text) has none: another model's would say nothing of the text.
        """
        if model in self._counterparts.values():
            return None
        return self._counterparts.get(model) or self._beside(model).get("image")

    def without_image(self, model: str) -> str | None:
        """The text-only model, of the same encoder if there is one, to see what the image adds."""
        return self._beside(model).get("text")

    def _beside(self, model: str) -> "Roles":
        """The same models, those that share a trunk or an encoder with one of them first."""
        own = next((player for player in self.players if player.name == model), None)
        if own is None:
            return self
        return Roles(tuple(sorted(self.players, key=lambda player: _unlike(player, own))))

    @property
    def _counterparts(self) -> dict[str, str]:
        return {player.name: player.counterpart for player in self.players if player.counterpart is not None}

    def __getitem__(self, role: str) -> str:
        """Name of the model that plays a role.

        Raises:
            KeyError: no model does.
        """
        return self.parts[role]

    def preferring(self, name: str) -> "Roles":
        """The same models with one of them first, so that it plays its role, and after it those with its trunk and its encoder."""
        return Roles(tuple(sorted(self._beside(name).players, key=lambda player: player.name != name)))

    def _able(self, role: str) -> tuple[str, ...]:
        return tuple(player.name for player in self.players if player.plays(role))


def _unlike(player: Player, other: Player) -> int:
    """How many sides of one model the other does not have."""
    sides = ((player.sees_image, player.image, other.image), (player.reads_text, player.text, other.text))
    return sum(has and mine != wanted for has, mine, wanted in sides)
