"""The settings of a Plates data set, validated on construction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from gazeshift.data.plates.vocabulary import COLOURS, DISHES, SPLITS
from gazeshift.errors import UsageError
from gazeshift.json_types import Json

KINDS: tuple[str, ...] = ("dish", "two", "category", "colour", "position", "redundant", "useless", "random", "none")
POSITIONS: tuple[str, ...] = (
    "left",
    "right",
    "top",
    "bottom",
    "upper left",
    "upper right",
    "lower left",
    "lower right",
)
SWAPS: tuple[str, ...] = ("none", "centre", "words", "combinations")

DEMO_MIX: Mapping[str, float] = MappingProxyType(
    {"dish": 0.15, "two": 0.30, "category": 0.20, "colour": 0.10, "position": 0.05, "useless": 0.20}
)


@dataclass(frozen=True)
class PlatesConfig:
    """Everything that determines a Plates data set; equal settings give equal bytes.

    Attributes:
        size: side of the square images, in pixels, at least 32.
        train: scenes of the training split.
        test: scenes of the test split.
        objects: minimum and maximum number of objects in a scene, within 2 to 6; drawn uniformly between them.
        n_dishes: how many of the 12 dishes appear, in the order of ``DISHES``; these are the classes.
        n_colours: how many of the 8 colours appear, in the order of ``COLOURS``. The colours of a scene are distinct as long as there
            are enough.
        kappa_target: pull of the referred object to the centre, in [0, 1): 0 spreads it evenly over the plate, towards 1 it is
            always in the middle. The squared distance from the centre (plate's edge of reach = 1) is Beta(1, 1 / (1 - kappa)), conditioned
            on the minimum distance of two objects.
        kappa_distractor: the same for the other objects. If it differs from ``kappa_target``, position gives the target away.
        prior: probability that the text refers to the largest object; the others share the rest. None: all equally likely. With equal
            pulls this is the best image-only accuracy (see ``image_only_ceiling``).
        size_gap: the largest object's radius is this many times that of the second largest or more, at least 1.
        occlusion: how far two objects may overlap, in [0, 0.5]: 0 keeps their circles apart, 0.5 halves the minimum distance of their
            centres.
        clutter: amount of crumbs, seeds, leaves and drops, in [0, 1]; they lie below the objects.
        mix: weight of each caption kind (``KINDS``). A kind that is not true of the target is redrawn.
        positions: position words in use (``POSITIONS``).
        right_captions: share of captions about the true target; the others are about another object of the scene, the label stays.
        rho: word-label correlation in [0, 1]: probability that a caption's adjective is the one that goes with its label instead of a
            random one.
        swap: what differs in the test split: ``none``; ``centre`` (the two pulls are swapped); ``words`` (with ``rho``: each label
            gets the adjective of another); ``combinations`` (one colour of each dish is held out for the test split, where
            every object has the colour that training never showed on it; colours may then repeat in a scene).
        seed: random seed of everything.

    Raises:
        UsageError: a value outside its range; the message names the setting.

    Example:
        >>> PlatesConfig(n_dishes=4).dishes
        ('croissant', 'donut', 'dumpling', 'rice_ball')
    """

    size: int = 96
    train: int = 10_000
    test: int = 2_000
    objects: tuple[int, int] = (2, 3)
    n_dishes: int = 8
    n_colours: int = 4
    kappa_target: float = 0.8
    kappa_distractor: float = 0.8
    prior: float | None = 0.58
    size_gap: float = 1.3
    occlusion: float = 0.12
    clutter: float = 0.5
    mix: Mapping[str, float] = field(default_factory=lambda: dict(DEMO_MIX))
    positions: tuple[str, ...] = ("left", "right")
    right_captions: float = 1.0
    rho: float = 0.0
    swap: str = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        for message in _complaints(self):
            raise UsageError(f"plates: {message}")

    @property
    def dishes(self) -> tuple[str, ...]:
        """The dishes in use, sorted by name: the class order."""
        return tuple(sorted(DISHES[: self.n_dishes]))

    @property
    def colours(self) -> tuple[str, ...]:
        """The colour words in use."""
        return tuple(COLOURS)[: self.n_colours]

    def scenes(self, split: str) -> int:
        """Number of scenes of a split."""
        return {"train": self.train, "test": self.test}[split]

    def for_split(self, split: str) -> "PlatesConfig":
        """These settings as they apply to a split: with ``swap`` of the pulls for the test split."""
        if split == "test" and self.swap == "centre":
            return replace(self, kappa_target=self.kappa_distractor, kappa_distractor=self.kappa_target)
        return self

    def to_dict(self) -> Json:
        """Plain values, for JSON."""
        values = asdict(self)
        return values | {"objects": list(self.objects), "positions": list(self.positions), "mix": dict(self.mix)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``.

        Raises:
            UsageError: an unknown setting or a value that does not fit.

        Example:
            >>> PlatesConfig.from_dict(PlatesConfig(seed=3).to_dict()) == PlatesConfig(seed=3)
            True
        """
        known = cls.__dataclass_fields__
        unknown = [name for name in values if name not in known]
        if unknown:
            raise UsageError(f"plates: unknown setting {unknown[0]!r}. Known: {', '.join(known)}.")
        plain = dict(values)
        try:
            for name in ("objects", "positions"):
                if name in plain:
                    plain[name] = tuple(plain[name])
            return cls(**plain)
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"plates: a setting has the wrong type ({error}).") from error


def _complaints(config: PlatesConfig) -> list[str]:
    """The problems of the settings, one sentence each."""
    low, high = config.objects
    smallest, wide = min(SPLITS, key=config.scenes), config.n_dishes
    checks = {
        f"size must be 32 to 1024 pixels, not {config.size}.": 32 <= config.size <= 1024,
        f"{smallest} must be 0 scenes or more, not {config.scenes(smallest)}.": config.scenes(smallest) >= 0,
        f"objects must be two numbers, 2 <= fewest <= most <= 6, not {low}, {high}.": 2 <= low <= high <= 6,
        f"n_dishes must be 3 to {len(DISHES)}, not {wide}.": 3 <= wide <= len(DISHES),
        f"n_colours must be 1 to {len(COLOURS)}, not {config.n_colours}.": 1 <= config.n_colours <= len(COLOURS),
        f"objects up to {high} need at least {high + 1} dishes (one stays absent), n_dishes is {wide}.": wide > high,
        f"kappa_target must be in [0, 0.99], not {config.kappa_target}.": 0 <= config.kappa_target <= 0.99,
        f"kappa_distractor must be in [0, 0.99], not {config.kappa_distractor}.": 0 <= config.kappa_distractor <= 0.99,
        f"prior must be in [0, 1] or none, not {config.prior}.": config.prior is None or 0 <= config.prior <= 1,
        f"size_gap must be 1 to 2, not {config.size_gap}.": 1 <= config.size_gap <= 2,
        f"occlusion must be in [0, 0.5], not {config.occlusion}.": 0 <= config.occlusion <= 0.5,
        f"clutter must be in [0, 1], not {config.clutter}.": 0 <= config.clutter <= 1,
        f"right_captions must be in [0, 1], not {config.right_captions}.": 0 <= config.right_captions <= 1,
        f"rho must be in [0, 1], not {config.rho}.": 0 <= config.rho <= 1,
        f"seed must be 0 to {2**62}, not {config.seed}.": 0 <= config.seed <= 2**62,
        f"swap {config.swap!r} is unknown. Known: {', '.join(SWAPS)}.": config.swap in SWAPS,
        "swap centre needs kappa_target and kappa_distractor to differ.": config.swap != "centre"
        or config.kappa_target != config.kappa_distractor,
        "swap words needs rho above 0.": config.swap != "words" or config.rho > 0,
        "swap combinations needs at least 3 colours.": config.swap != "combinations" or config.n_colours >= 3,
        "at least one position word is needed while mix holds position.": bool(config.positions)
        or not config.mix.get("position"),
    }
    complaints = [message for message, fine in checks.items() if not fine]
    complaints += [
        f"unknown position {word!r}. Known: {', '.join(POSITIONS)}."
        for word in config.positions
        if word not in POSITIONS
    ]
    complaints += [
        f"unknown caption kind {kind!r} in mix. Known: {', '.join(KINDS)}." for kind in config.mix if kind not in KINDS
    ]
    complaints += [
        f"mix of {kind} must be 0 or more, not {weight}." for kind, weight in config.mix.items() if not weight >= 0
    ]
    if not sum(config.mix.values()) > 0:
        complaints.append("mix needs at least one caption kind with a weight above 0.")
    return complaints
