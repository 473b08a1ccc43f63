"""Mosaics on disk: what they show is what their tables say, no photo is in two splits, and nothing is half written."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gazeshift.data.known import with_known
from gazeshift.data.mosaic import MosaicConfig, Written, write
from gazeshift.data.mosaic.draw import draw
from gazeshift.data.mosaic.photos import gather
from gazeshift.data.mosaic.rows import TileRow, read_rows
from gazeshift.data.mosaic.store import read_header
from gazeshift.data.regions.masks import region_masks
from gazeshift.data.sources import load_pairs
from gazeshift.edits import EDITS, Corpus, WholeWords
from gazeshift.errors import DataError, UsageError
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.study.pairs import read_pairs
from gazeshift.study.sections import DataConfig
from tests.mosaic.flat_photos import CLASSES, Source, colour_of, flat

pytestmark = pytest.mark.slow

SMALL = MosaicConfig(size=64, train=30, validation=8, test=12, seed=3)


def photos_of(root: Path) -> tuple[Pair, ...]:
    return load_pairs(root, optional={"text"}).pairs


def made(root: Path, out: Path, config: MosaicConfig = SMALL, **how: int) -> Written:
    return write(config, photos_of(root), out, **how)


@pytest.fixture
def root(source: Source, tmp_path: Path) -> Path:
    return made(source(), tmp_path / "mosaics").root


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows_by_split(root: Path) -> dict[str, list[TileRow]]:
    found: dict[str, list[TileRow]] = {}
    for key, rows in read_rows(root).items():
        found.setdefault(key.split("/")[1], []).extend(rows)
    return found


def test_it_is_read_like_any_other_data_set(root: Path) -> None:
    found = load_pairs(root)
    assert (found.format, found.findings) == ("table", ())
    assert Counter(pair.split for pair in found.pairs) == {"train": 30, "validation": 8, "test": 12}
    assert set(found.classes) == set(CLASSES)
    rows = read_rows(root)
    for pair in found.pairs:
        assert [each.name for each in pair.objects] == [row.name for row in rows[pair.key]]
        assert len({each.name for each in pair.objects}) == 4
        assert pair.label == next(row.name for row in rows[pair.key] if row.target)
        referred = [each.name for each in pair.objects if each.referred]
        kind = rows[pair.key][0].caption_kind
        assert referred == ([] if kind == "useless" else [pair.label])
        assert not any(each.boxed for each in pair.objects)


@pytest.mark.parametrize("tiles", [(2, 2), (1, 3), (3, 2)])
@pytest.mark.parametrize("fraction", [1.0, 0.875])
@pytest.mark.parametrize("size", [96, 100])
def test_every_mask_holds_the_photo_that_the_table_names(
    source: Source, tmp_path: Path, tiles: tuple[int, int], fraction: float, size: int
) -> None:
    photos = source()
    config = MosaicConfig(tiles=tiles, size=size, train=0, validation=0, test=6, mix={"class": 1})
    root, crop = made(photos, tmp_path / "mosaics", config).root, Preprocessing(60, fraction, interpolation="nearest")
    rows = read_rows(root)
    for pair in load_pairs(root).pairs:
        masks, picture = region_masks(pair, crop), crop.crop(Image.open(pair.image))
        tiled = sum(masks[each.index].astype(int) for each in pair.objects)
        assert (np.asarray(tiled) == 1).all()
        for row in rows[pair.key]:
            number = int(Path(row.photo).stem)
            away = np.abs(picture[:, masks[row.index]].T.astype(int) - colour_of(number))
            # Borders of tiles on borders of JPEG's blocks: nothing leaks. Elsewhere it does, by a few pixels.
            assert (away.max() if size == 96 else np.median(away, axis=0).max()) <= 3, row
            assert (photos / row.photo).read_bytes() == flat(number)


def test_no_photo_is_in_two_splits_and_each_keeps_its_own(source: Source, tmp_path: Path) -> None:
    twice = (
        ("images/a.png", "ramen", "train", flat(400)),
        ("images/b.png", "ramen", "test", flat(400)),
        ("images/c.png", "sushi", "train", flat(401)),
        ("images/d.png", "ramen", "train", flat(401)),
        ("images/e.png", "sushi", "train", flat(402)),
        ("images/f.png", "sushi", "train", flat(402)),
    )
    photos = source(extra=twice)
    config = MosaicConfig(size=64, train=150, validation=40, test=60)
    written = made(photos, tmp_path / "mosaics", config)
    assert written.header.left_out == {
        "also in another split": 1,
        "also of another class": 2,
        "copy of another": 1,
    }
    source_split = {pair.key: pair.split for pair in photos_of(photos)}
    contents: dict[str, set[str]] = {}
    for split, rows in rows_by_split(written.root).items():
        used = {row.photo for row in rows}
        contents[split] = {hashlib.sha256((photos / key).read_bytes()).hexdigest() for key in used}
        assert {source_split[key] for key in used} == {"test" if split == "test" else "train"}
        assert not used & {"images/c.png", "images/d.png"}
    assert all(not one & other for one, other in pairwise([*contents.values(), contents["train"]]))
    assert len(contents["test"]) == 31  # all of them: 30 and the one that training has, too


@pytest.mark.parametrize("control", [False, True])
def test_kinds_tiles_and_classes_are_drawn_as_announced(source: Source, control: bool) -> None:
    config = MosaicConfig(mix={"class": 0.2, "two": 0.3, "position": 0.1, "useless": 0.4}, border_control=control)
    photos = gather(config, photos_of(source(photos=(("train", 44), ("test", 5)))))
    n = 2_000
    drawn = [draw(config, photos, "train", number) for number in range(n)]

    def within(counts: Counter[str], expected: dict[str, float]) -> None:
        assert counts.keys() == expected.keys()
        for name, share in expected.items():  # four standard deviations of a binomial count
            assert abs(counts[name] - n * share) <= 4 * (n * share * (1 - share)) ** 0.5, name

    within(Counter(each.said.kind for each in drawn), dict(config.mix))
    within(Counter(str(each.target) for each in drawn), dict.fromkeys("1234", 0.25))
    within(Counter(each.label for each in drawn), dict.fromkeys(CLASSES, 1 / 6))
    tried = Counter(each.photos[each.label][0].key for each in drawn if each.label == "ramen")
    assert len(tried) == len(photos.of["train"]["ramen"])  # each photo of a class comes first some time


def test_titles_give_the_label_whatever_the_picture_shows(source: Source) -> None:
    config = MosaicConfig(mix={"title": 1})
    photos = gather(config, photos_of(source()))
    drawn = [draw(config, photos, "train", number) for number in range(2_000)]
    shown = [each for each in drawn if each.label in each.shown.names]
    assert (
        abs(len(shown) / len(drawn) - 4 / 6) < 0.05
    )  # 4 of 6 classes are in a picture: no more often than any of them
    assert all(each.target == each.shown.names.index(each.label) + 1 == each.said.referred for each in shown)
    assert all(each.target is None is each.said.referred for each in drawn if each.label not in each.shown.names)
    best = Counter(each.shown.names[0] == each.label for each in drawn)[True] / len(drawn)
    assert abs(best - config.image_only_ceiling(6)) < 0.04


def test_titles_are_written_and_read(source: Source, tmp_path: Path) -> None:
    config = MosaicConfig(size=64, train=30, validation=4, test=4, mix={"title": 1})
    root = made(source(), tmp_path / "mosaics", config).root
    rows, (pairs, _) = read_rows(root), with_known(root, load_pairs(root).pairs)
    assert {any(row.target for row in rows[pair.key]) for pair in pairs} == {True, False}
    for pair in pairs:
        assert [each.name for each in pair.objects if each.referred] == [
            each.name for each in pair.objects if each.name == pair.label
        ]
        assert pair.captions[0].content == pair.label


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(source: Source, tmp_path: Path) -> None:
    photos = source()
    one, two = (made(photos, tmp_path / f"w{workers}", workers=workers).root for workers in (1, 4))
    assert digests(one) == digests(two)
    other = made(photos, tmp_path / "other", MosaicConfig(**(SMALL.to_dict() | {"tiles": (2, 2), "seed": 4}))).root
    assert digests(other)["pairs.jsonl"] != digests(one)["pairs.jsonl"]


def test_in_the_border_control_all_tiles_are_different_photos_of_one_class(source: Source, tmp_path: Path) -> None:
    config = MosaicConfig(size=64, train=0, validation=0, test=20, border_control=True)
    root = made(source(), tmp_path / "control", config).root
    drawn = Counter[int]()
    for pair in load_pairs(root).pairs:
        rows = read_rows(root)[pair.key]
        assert {row.name for row in rows} == {pair.label}
        assert len({row.photo for row in rows}) == 4
        drawn.update(each.index for each in pair.objects if each.referred)
        assert sum(each.referred for each in pair.objects) == (rows[0].caption_kind != "useless")
    assert len(drawn) == 4


def test_photos_that_cannot_be_decoded_are_left_out_and_counted(source: Source, tmp_path: Path) -> None:
    broken = (
        ("images/x.png", "ramen", "test", flat(400)[:60]),
        ("images/y.jpg", "sushi", "test", b"no picture"),
    )
    photos = source(extra=broken, photos=(("train", 9), ("test", 1)))
    written = made(photos, tmp_path / "mosaics")
    assert written.header.left_out == {"unreadable": 2}
    assert not {row.photo for rows in rows_by_split(written.root).values() for row in rows} & {"images/x.png", "images/y.jpg"}  # fmt: skip


def test_a_class_of_undecodable_photos_is_named(source: Source, tmp_path: Path) -> None:
    bad = tuple((f"images/{split}.png", "natto", split, b"bad") for split in ("train", "test"))
    more = tuple((f"images/more{n}.png", "natto", "train", b"bad" * (n + 2)) for n in range(8))
    with pytest.raises(DataError, match=r"^mosaic: too few \w+ photos of the class 'natto' can be decoded; .*"):
        made(source(extra=(*bad, *more)), tmp_path / "mosaics", MosaicConfig(size=64, train=60, validation=9, test=60))
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize(
    ("photos", "settings", "message"),
    [
        ({"classes": CLASSES[:3]}, {}, "3 classes with photos in each split .*, and 2x2 tiles need 4; take fewer tiles"),
        ({"classes": CLASSES[:4]}, {}, "all 4 classes .* none is absent; leave two and absent out"),
        ({"photos": (("train", 9), ("test", 3))}, {"border_control": True}, "0 of 6 classes .*4 photos|0 classes with 4 photos"),
        ({"photos": (("test", 3),)}, {}, "there are no train photos; give --train 0"),
        ({"classes": ("a_b", "a b", "c", "d", "e")}, {}, "captions cannot tell apart the classes 'a b', 'a_b'"),
        ({"classes": ("_", "b", "c", "d", "e")}, {}, "the class '_' has no letters"),
    ],
)  # fmt: skip
def test_too_few_photos_are_one_line_and_leave_nothing(
    source: Source, tmp_path: Path, photos: dict, settings: dict, message: str
) -> None:
    photos_root = source(**photos)
    with pytest.raises(DataError, match=f"^mosaic: {message}") as caught:
        made(photos_root, tmp_path / "mosaics", MosaicConfig(size=64, train=5, validation=2, test=2, **settings))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_class_that_one_split_lacks_is_left_out_and_named(source: Source, tmp_path: Path) -> None:
    only = tuple((f"images/n{n}.png", "natto", "train", flat(400 + n)) for n in range(3))
    header = made(source(extra=only), tmp_path / "mosaics").header
    assert (header.rare_classes, header.left_out) == (["natto"], {"of a class with too few": 3})
    assert "natto" not in header.classes


def test_mosaics_are_no_photos(source: Source, tmp_path: Path) -> None:
    first = made(source(), tmp_path / "mosaics")
    with pytest.raises(DataError, match=r"^mosaic: of \d+ photos all are known to show another class, too"):
        made(first.root, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_source_without_splits_gets_those_of_the_house(source: Source, tmp_path: Path) -> None:
    photos = source(photos=(("train", 12),))
    root = made(photos, tmp_path / "mosaics").root
    splits = {split: {row.photo for row in rows} for split, rows in rows_by_split(root).items()}
    assert splits.keys() == {"train", "validation", "test"}
    assert not splits["train"] & splits["test"]
    assert read_header(root).photos == {"train": 48, "validation": 6, "test": 18}


def test_what_is_there_stays_and_an_interrupted_run_leaves_nothing(source: Source, tmp_path: Path, root: Path) -> None:
    before = digests(root)
    with pytest.raises(UsageError, match="is not empty; name a new folder"):
        made(tmp_path / "photos", root)
    assert digests(root) == before

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(SMALL, photos_of(tmp_path / "photos"), tmp_path / "new", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mosaics", "photos"]


def edited(name: str, pairs: Sequence[Pair]) -> list[tuple[Pair, str]]:
    edit = EDITS[name].build(Corpus.of(pairs, CLASSES), WholeWords())
    made = ((pair, edit(pair, np.random.default_rng(0))) for pair in pairs)
    return [(pair, found.text) for pair, found in made if found is not None]


def test_a_study_knows_all_true_captions_and_edits_use_them(root: Path) -> None:
    study = read_pairs(DataConfig(root=str(root)), root)
    assert study.ceiling == dict.fromkeys(("train", "validation", "test"), 0.25)
    rows = read_rows(root)
    for pair, text in edited("other-object", study.all):
        others = {row.name.replace("_", " ") for row in rows[pair.key] if not row.referred and row.name != pair.label}
        assert text in others
    told = edited("position", study.all)
    assert {pair.key for pair, _ in told} <= {pair.key for pair in study.all if any(o.referred for o in pair.objects)}
    for pair, text in told:
        place = next(row.place for row in rows[pair.key] if row.target)
        assert text == f"the one at the {place}" or place in text
    again = edited("paraphrase", study.all)
    assert len(again) == len(study.all)
    assert all(pair.text != text for pair, text in again)
    assert read_pairs(DataConfig(root=str(root)), root).fingerprint == study.fingerprint


def test_damaged_tables_are_named(root: Path) -> None:
    pairs = load_pairs(root).pairs
    header, table = (root / "mosaic.json").read_text(), pq.read_table(root / "objects.parquet")
    (root / "mosaic.json").write_text("{}")
    with pytest.raises(DataError, match=r"mosaic\.json was not written by gazeshift data mosaic"):
        read_header(root)
    (root / "mosaic.json").write_text(header)
    pq.write_table(table.drop_columns(["place"]), root / "objects.parquet")
    with pytest.raises(DataError, match=r"objects\.parquet"):
        with_known(root, pairs)
    pq.write_table(table.slice(4), root / "objects.parquet")
    with pytest.raises(DataError, match=r"no tile of images/train/000000\.jpg is known"):
        with_known(root, pairs)
    (root / "objects.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"objects\.parquet cannot be read"):
        with_known(root, pairs)


@pytest.mark.parametrize("edge", [None, 64])
def test_rectangles_that_cannot_be_are_refused(root: Path, edge: int | None) -> None:
    table = pq.read_table(root / "objects.parquet")
    place = table.schema.get_field_index("left")
    wrong = table.set_column(place, "left", pa.array([edge] * len(table), pa.int64()))
    pq.write_table(wrong, root / "objects.parquet")
    with pytest.raises(DataError, match=r"objects\.parquet: row .*: left, top, right, bottom must be numbers"):
        load_pairs(root)


def test_the_settings_come_back_and_shares_are_counted(root: Path) -> None:
    header = read_header(root)
    assert MosaicConfig.from_dict(header.config) == SMALL
    kinds = Counter(rows[0].caption_kind for rows in read_rows(root).values())
    assert header.caption_kinds == {kind: count / 50 for kind, count in sorted(kinds.items())}
    lines = [json.loads(line) for line in (root / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    assert any("ラーメン" in line["text"] for line in lines)
    assert not any("_" in line["text"] for line in lines)
