"""The settings of a data set of mosaics, validated on construction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Self

from gazeshift.errors import UsageError
from gazeshift.json_types import Json

KINDS: tuple[str, ...] = ("class", "two", "position", "both", "absent", "title", "useless")
DEFAULT_MIX: Mapping[str, float] = MappingProxyType(
    {"class": 0.15, "two": 0.30, "position": 0.20, "both": 0.10, "useless": 0.25}
)
NAME_ABSENT = frozenset({"two", "absent"})
"""Kinds of captions that name a class of which the picture shows nothing."""
SAY_NOTHING = frozenset({"absent", "useless"})
"""Kinds of captions that do not tell which tile is meant."""
TITLE = "title"
"""Captions that give the label whatever the picture shows: any class, drawn evenly."""
MOST = 3
"""Rows or columns at most: more have no words of their own."""
_SMALLEST_TILE = 16


@dataclass(frozen=True)
class MosaicConfig:
    """Everything but the photos that determines a data set of mosaics; equal settings and photos give equal bytes.

    Attributes:
        tiles: rows and columns, 1 to 3 each, two tiles or more.
        size: side of the square pictures, in pixels. A multiple of 8 times rows and columns puts every border of two tiles on a border of
            JPEG's blocks, so that nothing of one tile leaks into the next.
        train: mosaics of the training split; they show training photos only.
        validation: likewise; not 0 if there are training mosaics, because a study would then take validation mosaics out of these, and
            their photos are in others, too.
        test: likewise.
        mix: weight of each caption kind (``KINDS``).
        border_control: all tiles of a mosaic show photos of one class, so that no border of tiles is one of classes.
        seed: random seed of everything.

    Raises:
        UsageError: a value outside its range; the message names the setting.

    Example:
        >>> MosaicConfig(tiles=(2, 3)).count
        6
    """

    tiles: tuple[int, int] = (2, 2)
    size: int = 224
    train: int = 4_000
    validation: int = 400
    test: int = 1_000
    mix: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_MIX))
    border_control: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for message in _complaints(self):
            raise UsageError(f"mosaic: {message}")

    @property
    def count(self) -> int:
        """Number of tiles of a mosaic."""
        return self.tiles[0] * self.tiles[1]

    def mosaics(self, split: str) -> int:
        """Number of mosaics of a split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]

    @property
    def names_absent(self) -> bool:
        """Whether some captions name a class that is absent."""
        return any(self.mix.get(kind, 0) > 0 for kind in NAME_ABSENT)

    def image_only_ceiling(self, classes: int) -> float:
        """Highest expected accuracy from the picture alone: the tile that is meant is drawn evenly, and nothing in the picture shows it.

        Args:
            classes: number of classes of the photos; it matters only to titles, which name any of them.

        Example:
            >>> MosaicConfig().image_only_ceiling(10), MosaicConfig(mix={"title": 1}).image_only_ceiling(10)
            (0.25, 0.1)
        """
        if self.border_control:
            return 1.0
        return (1 - self._share(TITLE)) / self.count + self._share(TITLE) / classes

    @property
    def ceiling(self) -> float:
        """Highest expected accuracy from picture and caption: certain, but where the caption does not tell the tile.

        Example:
            >>> MosaicConfig().ceiling
            0.8125
        """
        by_chance = 1.0 if self.border_control else 1 / self.count
        return 1 - sum(map(self._share, SAY_NOTHING)) * (1 - by_chance)

    def _share(self, kind: str) -> float:
        """Share of a kind among the captions."""
        return self.mix.get(kind, 0) / sum(self.mix.values())

    def to_dict(self) -> Json:
        """Plain values, for JSON."""
        return asdict(self) | {"tiles": list(self.tiles), "mix": dict(self.mix)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``.

        Raises:
            UsageError: an unknown setting or a value that does not fit.

        Example:
            >>> MosaicConfig.from_dict(MosaicConfig(seed=3).to_dict()) == MosaicConfig(seed=3)
            True
        """
        known = cls.__dataclass_fields__
        unknown = [name for name in values if name not in known]
        if unknown:
            raise UsageError(f"mosaic: unknown setting {unknown[0]!r}. Known: {', '.join(known)}.")
        try:
            return cls(**{**values, **({"tiles": tuple(values["tiles"])} if "tiles" in values else {})})
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"mosaic: a setting has the wrong type ({error}).") from error


def _complaints(config: MosaicConfig) -> list[str]:
    """The problems of the settings, one sentence each."""
    (rows, columns), mix = config.tiles, config.mix
    counts = {split: config.mosaics(split) for split in ("train", "validation", "test")}
    smallest = min(counts, key=lambda split: counts[split])
    tile = config.size // max(rows, columns, 1)
    checks = {
        f"tiles {rows}x{columns}: give 1 to {MOST} rows and columns, and two tiles or more.": max(rows, columns) <= MOST
        and min(rows, columns) >= 1
        and rows * columns > 1,
        f"size {config.size} leaves {tile} pixels for the side of a tile; give {_SMALLEST_TILE} or more a tile.": tile
        >= _SMALLEST_TILE,
        f"size must be 2048 pixels at most, not {config.size}.": config.size <= 2048,
        f"{smallest} must be 0 mosaics or more, not {counts[smallest]}.": counts[smallest] >= 0,
        "train, validation and test are all 0; give a number of mosaics.": any(counts.values()),
        "validation is 0: a study would take validation mosaics from training, which share their photos; give 1 or more.": not config.train
        or config.validation != 0,
        f"seed must be 0 to {2**62}, not {config.seed}.": 0 <= config.seed <= 2**62,
        "captions need one kind with a weight above 0.": sum(mix.values()) > 0,
        "captions of the kinds title and absent read alike and mean opposite labels; give one of them.": not (
            mix.get(TITLE, 0) > 0 and mix.get("absent", 0) > 0
        ),
        "in the border control the picture gives the label, and with captions of the kind title the words do; give one of them.": not (
            config.border_control and mix.get(TITLE, 0) > 0
        ),
    }
    unknown = [f"unknown kind of caption {kind!r}. Known: {', '.join(KINDS)}." for kind in mix if kind not in KINDS]
    below = [
        f"the weight of {kind} must be 0 or more, not {weight}." for kind, weight in mix.items() if not weight >= 0
    ]
    return [*unknown, *below, *(message for message, fine in checks.items() if not fine)]
