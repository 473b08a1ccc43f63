"""Pictures whose truth is known: mosaics of the user's photos, photos with regions, and Plates for models that know its dishes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gazeshift.benchmark.aspects import no_other_words
from gazeshift.benchmark.regions import region_photos, reworded
from gazeshift.data.known import with_known
from gazeshift.data.mosaic import MosaicConfig
from gazeshift.data.mosaic import write as write_mosaics
from gazeshift.data.mosaic.captions import TEMPLATES, Said, worded
from gazeshift.data.plates import PlatesConfig
from gazeshift.data.plates import write as write_plates
from gazeshift.data.plates.vocabulary import DISHES
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError
from gazeshift.pairs import Pair, SceneCaption


@dataclass(frozen=True)
class SceneSettings:
    """Which pictures are made.

    Attributes:
        images: of each set.
        tiles: rows and columns of a mosaic.
        size: side of a mosaic in pixels.
        plates_size: side of a Plates picture in pixels.
        seed: of everything that is drawn.
    """

    images: int = 200
    tiles: tuple[int, int] = (2, 2)
    size: int = 448
    plates_size: int = 96
    seed: int = 0


@dataclass(frozen=True)
class Scenes:
    """Pictures with all that can truly be said of them.

    Attributes:
        name: ``mosaics``, ``plates``, ``two regions`` or ``one region``.
        pairs: the pictures, with objects, regions and captions.
        note: what they are, in a sentence, and what was left out.
        reworded: other texts that say what a caption says.
    """

    name: str
    pairs: tuple[Pair, ...]
    note: str
    reworded: Callable[[SceneCaption], list[str]] = no_other_words


@contextmanager
def scenes_for(
    classes: Sequence[str],
    photos: Sequence[Pair] | None,
    settings: SceneSettings,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[list[Scenes]]:
    """All sets of pictures that a model of these classes can be asked about; they are kept as long as the block runs.

    Args:
        classes: of the model. A single one is the score of a picture and a text, which can be asked about anything.
        photos: labelled pairs; only those of the model's classes are used. None: no mosaics.
        settings: which pictures are made.
        tell: is told which set there is not, and why, where others remain.

    Raises:
        DataError: neither photos of these classes nor dishes of Plates; or too few photos.
    """
    check_askable(classes, photos)
    with TemporaryDirectory(prefix="gazeshift-benchmark-") as folder:
        found, impossible = list[Scenes](), list[str]()
        if photos is not None:
            mine, config = _mine(classes, photos), _mosaic_config(settings)
            try:
                found.append(_mosaics(mine, config, Path(folder) / "mosaics"))
            except DataError as error:
                impossible.append(str(error))
            found += _regions(mine, settings, impossible)
        if _are_dishes(classes):
            found.append(_plates(classes, settings, Path(folder) / "plates"))
        if impossible and not found:
            raise DataError(" ".join(impossible))
        for why in impossible:
            tell(why)
        yield found


def check_askable(classes: Sequence[str], photos: Sequence[Pair] | None) -> None:
    """Whether there is anything to ask a model of these classes about, before any picture is made.

    Raises:
        DataError: neither test photos of these classes nor dishes of Plates.
    """
    if photos is not None:
        _mine(classes, photos)
    elif not _are_dishes(classes):
        raise DataError(
            f"nothing to ask this model about: its classes ({', '.join(sorted(classes)[:3])}, ...) are no dishes of Plates; "
            "give photos of them with --data DIR."
        )


def _are_dishes(classes: Sequence[str]) -> bool:
    return len(classes) > 1 and set(classes) <= set(DISHES)


def _mine(classes: Sequence[str], photos: Sequence[Pair]) -> list[Pair]:
    tested = [pair for pair in photos if pair.split == "test"]
    if not tested:
        raise DataError(f"none of the {len(photos)} photos is of the test split, and only such are asked about.")
    mine = [pair for pair in tested if len(classes) == 1 or pair.label in set(classes)]
    if not mine:
        labels = ", ".join(sorted({pair.label for pair in tested})[:3])
        raise DataError(
            f"no test photo is of a class of the model ({', '.join(sorted(classes)[:3])}, ...); they are of {labels}, ..."
        )
    return mine


def _mosaic_config(settings: SceneSettings) -> MosaicConfig:
    return MosaicConfig(
        tiles=settings.tiles,
        size=settings.size,
        train=0,
        validation=0,
        test=settings.images,
        mix={"class": 1.0},  # all true captions are known whatever the pair's own
        seed=settings.seed,
    )


def _mosaics(mine: Sequence[Pair], config: MosaicConfig, root: Path) -> Scenes:
    written = write_mosaics(config, mine, root)
    rows, columns = config.tiles
    left_out = _left_out({f"photos {why}": count for why, count in written.header.left_out.items()})
    note = f"{config.test} mosaics of {rows} x {columns} photos, of {len(written.header.classes)} classes{left_out}"
    return Scenes("mosaics", _known(root), note, _mosaic_words)


def _mosaic_words(caption: SceneCaption) -> list[str]:
    if caption.kind == "two":
        ways = [way.removesuffix("{0} or {1}") for way in TEMPLATES["two"]]
        names = caption.text.removeprefix(max(filter(caption.text.startswith, ways), key=len))
        return [way + names for way in ways if way + names != caption.text]
    if caption.kind not in {"class", "position"}:
        return []
    said = Said(caption.kind, caption.referred, (caption.content,))
    ways = [worded(said, number) for number in range(len(TEMPLATES[caption.kind]))]
    return [text for text in ways if text != caption.text]


def _left_out(counts: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{count:,} {why}" for why, count in counts.items())
    return f"; left out: {reasons}" if reasons else ""


def _regions(mine: Sequence[Pair], settings: SceneSettings, impossible: list[str]) -> list[Scenes]:
    """Of the photos with regions; nothing if no photo has one. If there are some and none can be asked about, says why."""
    if not any(pair.has_regions for pair in mine):
        return []
    found = region_photos(mine, {pair.label for pair in mine}, settings.images, settings.seed)
    rest = _left_out(found.left_out)
    if not found.two and not found.one:
        impossible.append(f"photos with regions: none of {len(mine):,} can be asked about{rest}.")
    notes = {
        "two regions": (found.two, "with two named regions or more"),
        "one region": (found.one, "with the region of their class; the other text names a class that is not there"),
    }
    return [
        Scenes(name, pairs, f"{len(pairs)} photos {what}{rest}", reworded)
        for name, (pairs, what) in notes.items()
        if pairs
    ]


def _plates(classes: Sequence[str], settings: SceneSettings, root: Path) -> Scenes:
    count = 1 + max(DISHES.index(name) for name in classes)
    config = PlatesConfig(
        size=settings.plates_size,
        train=0,
        test=settings.images,
        n_dishes=max(count, 2),
        seed=settings.seed,
        n_colours=4,
    )
    write_plates(config, root)
    pairs = tuple(pair for pair in _known(root) if {each.name for each in pair.objects} <= set(classes))
    return Scenes("plates", pairs, f"{len(pairs)} drawn plates of two or three dishes")


def _known(root: Path) -> tuple[Pair, ...]:
    pairs, _ = with_known(root, load_pairs(root).pairs)
    return tuple(pair for pair in pairs if pair.split == "test")
