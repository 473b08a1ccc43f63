"""A run of maps: what is stored is what was drawn; the same bytes however the work is divided; nothing lost, nothing twice."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from filelock import FileLock

import gazeshift as gs
from gazeshift.engine import worker
from gazeshift.engine.job import GROUP, MapJob, Shard, cut
from gazeshift.engine.run import run_maps
from gazeshift.engine.worker import Worker, streams_of
from gazeshift.errors import ConfigError, DataError, ModelError, UsageError
from gazeshift.json_types import Json
from gazeshift.mapstore.folder import MapFolder, read_manifest
from gazeshift.mapstore.lookup import failures, maps_of, read_folder
from gazeshift.models import save
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair
from tests.conftest import CLASSES, Build
from tests.docs.blocks import ROOT, blocks_of
from tests.saliency import own_model
from tests.saliency.test_stream import png

TEXTS = ("a donut at home", "赤い寿司 🍣", "")
OWN = "python:tests.saliency.own_model:make"


@pytest.fixture(scope="module")
def address(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Address:
    folder = tmp_path_factory.mktemp("model") / "model"
    save(build("early-fusion"), folder)
    return Address(str(folder))


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    made = [Pair(f"{index}.png", png(index), f"title {index % 7}", CLASSES[index % 5], "test") for index in range(43)]
    made[5] = replace(made[5], image=b"no image")
    made[20] = replace(made[20], image=png(20)[:200])
    return made


def run(
    address: Address, pairs: list[Pair], out: Path, texts: tuple[str, ...] | None = TEXTS, **options: object
) -> Json:
    settings = {name: options.pop(name) for name in ("target", "edits", "speed", "method") if name in options}
    job = MapJob(address, out, texts, **settings)  # type: ignore[arg-type]
    if "total" not in options:
        options["total"] = len(pairs)
    return run_maps(job, address.open(), pairs, **options)  # type: ignore[arg-type]


def rows_of(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted((folder / "maps").glob("*.parquet"))])


def test_the_folder_holds_what_explain_draws(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    manifest = run(address, pairs, tmp_path / "maps")
    assert {name: manifest[name] for name in ("pairs", "images", "failed", "maps")} == {
        "pairs": 43,
        "images": 41,
        "failed": 2,
        "maps": 41 * 3,
    }
    rows, maps = read_folder(tmp_path / "maps")
    whole = [pair for index, pair in enumerate(pairs) if index not in {5, 20}]
    assert rows["key"].tolist() == [pair.key for pair in whole for _ in TEXTS]
    assert rows["label"].tolist() == [pair.label for pair in whole for _ in TEXTS]
    assert rows["text"].tolist() == [*TEXTS] * 41
    assert rows["text_index"].tolist() == [0, 1, 2] * 41
    model = address.open()
    assert set(rows["model"]) == {model.digest()}
    undefined = 0
    for index, pair in enumerate(whole):
        one = gs.explain(model, pair.image, TEXTS)
        undefined += int(one.undefined[:3].sum())
        for text in range(3):
            place, drawn = 3 * index + text, one.rows[text]
            # Half precision, relative to each map's largest value.
            np.testing.assert_allclose(maps[place], one.raw[text], rtol=0, atol=1e-3 * abs(one.raw[text]).max())
            assert rows["class"][place] == one.classes[drawn.target]
            assert rows["logit"][place] == pytest.approx(drawn.logit, rel=1e-4, abs=1e-5)
            assert rows["probability"][place] == pytest.approx(drawn.probability, rel=1e-4)
    assert manifest["undefined"] == undefined


def test_an_image_without_maps_is_a_row_that_says_why(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    run(address, pairs, tmp_path / "maps")
    rows = rows_of(tmp_path / "maps").to_pandas()
    assert rows["image"].is_monotonic_increasing
    without = rows[rows["status"] != "ok"]
    assert without[["image", "key", "label", "status"]].to_numpy().tolist() == [
        [5, "5.png", "apple pie", "undecodable"],
        [20, "20.png", "apple pie", "undecodable"],
    ]
    assert without[["map", "scale", "class", "logit", "text_id", "height"]].isna().all(axis=None)
    assert without["error"].tolist() == failures(tmp_path / "maps", 5)
    assert without["error"].iloc[0].startswith("5.png: not an image")


@pytest.mark.parametrize("total", [None, 43, 100, 5000], ids=lambda total: f"shards of {total}")
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("image", ["small_cnn", "vit_tiny_patch16_224"])
def test_the_same_bytes_whatever_the_shards_the_workers_and_the_batch(
    build: Build, pairs: list[Pair], tmp_path: Path, image: str, workers: int, total: int | None
) -> None:
    save(build("early-fusion", image=image), tmp_path / "model")
    address = Address(str(tmp_path / "model"))
    run(address, pairs, tmp_path / "one", total=None, workers=1)
    speed = gs.saliency.Speed(batch=workers)
    run(address, pairs, tmp_path / "other", total=total, workers=workers, speed=speed)
    assert rows_of(tmp_path / "one").equals(rows_of(tmp_path / "other"))
    index = [pq.read_table(tmp_path / name / "index.parquet") for name in ("one", "other")]
    assert index[0].to_pydict() == index[1].to_pydict()


def test_shards_begin_where_a_group_begins(pairs: list[Pair]) -> None:
    for size in (GROUP, 3 * GROUP):
        shards = list(cut(pairs, size))
        assert [shard.start % GROUP for shard in shards] == [0] * len(shards)
        assert [pair for shard in shards for pair in shard.pairs] == pairs


def test_every_class_of_every_text(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    run(address, pairs[:4], tmp_path / "all", None, target="all")
    rows, maps = read_folder(tmp_path / "all")
    assert rows["class"].tolist() == [*CLASSES] * 4
    assert rows["text"].tolist() == [pair.text for pair in pairs[:4] for _ in CLASSES]
    assert set(rows["target"]) == {"class"}
    one = gs.explain(address.open(), pairs[1].image, [pairs[1].text], CLASSES[2])
    np.testing.assert_allclose(maps[5 + 2], one.raw[0], rtol=0, atol=1e-3 * abs(one.raw[0]).max())


def test_edits_name_their_rows_and_leave_out_what_does_not_apply(
    address: Address, pairs: list[Pair], tmp_path: Path
) -> None:
    def edited(pair: Pair) -> tuple[str | None, ...]:
        return pair.text, f"red {pair.text}", None if pair.key == "1.png" else f"blue {pair.text}"

    run(address, pairs[:4], tmp_path / "maps", None, edits=("original", "colour", "other"), edited=edited)
    rows, maps = read_folder(tmp_path / "maps")
    wanted = [
        (pair.key, edit, text)
        for pair in pairs[:4]
        for edit, text in zip(("original", "colour", "other"), edited(pair), strict=True)
        if text is not None
    ]
    assert list(zip(rows["key"], rows["edit"], rows["text"], strict=True)) == wanted
    one = gs.explain(address.open(), pairs[2].image, [wanted[-4][2]])
    np.testing.assert_allclose(maps[-4], one.raw[0], rtol=0, atol=1e-3 * abs(one.raw[0]).max())


def test_one_image_is_found_among_many(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    run(address, pairs, tmp_path / "maps")
    whole = rows_of(tmp_path / "maps")
    for key in ("0.png", "5.png", "42.png"):
        found = maps_of(tmp_path / "maps", key)
        assert found.equals(whole.filter(pa.compute.equal(whole["key"], key)))
        assert len(found) == (1 if key == "5.png" else 3)
    with pytest.raises(DataError, match=r"holds no image '43\.png'"):
        maps_of(tmp_path / "maps", "43.png")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
@pytest.mark.parametrize("stop", [0, 8, 30])
def test_an_interrupted_run_goes_on(
    address: Address, pairs: list[Pair], tmp_path: Path, error: type[BaseException], stop: int
) -> None:
    def breaking() -> Iterator[Pair]:
        yield from pairs[:stop]
        raise error

    folder = MapFolder(tmp_path / "maps")
    with pytest.raises(error):
        run(address, breaking(), folder.path, total=43, workers=1)  # type: ignore[arg-type]
    assert not folder.manifest.exists()
    state = "interrupted" if error is KeyboardInterrupt else "failed"
    assert json.loads(folder.status.read_text())["state"] == state
    with pytest.raises(DataError, match="has not finished; start the same command again"):
        read_manifest(folder.path)
    before = {path: path.stat().st_mtime_ns for path in folder.maps.glob("part-*.parquet")}
    assert len(before) >= stop // GROUP - 2  # one shard at work, and one waiting
    run(address, pairs, folder.path)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    run(address, pairs, tmp_path / "whole")
    assert rows_of(folder.path).equals(rows_of(tmp_path / "whole"))
    assert {path.name for path in folder.path.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


def test_a_finished_run_is_only_read(
    address: Address, pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(address, pairs, tmp_path / "maps")
    monkeypatch.setattr(Worker, "__call__", lambda *_: pytest.fail("computed again"))
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "maps").iterdir() if path.name != "status.json"}
    assert run(address, pairs, tmp_path / "maps") == first
    assert {path: path.stat().st_mtime_ns for path in written} == written


CHANGED: dict[str, Callable[[list[Pair], dict], list[Pair]]] = {
    "another text": lambda pairs, options: options.update(texts=("other",)) or pairs,
    "another target": lambda pairs, options: options.update(target="label") or pairs,
    "another method": lambda pairs, options: options.update(method="hires-cam") or pairs,
    "other pairs": lambda pairs, _: [pairs[0], replace(pairs[1], text="changed"), *pairs[2:]],
    "another picture": lambda pairs, _: [*pairs[:9], replace(pairs[9], image=png(99)), *pairs[10:]],
    "fewer pairs": lambda pairs, _: pairs[:16],
    "more pairs": lambda pairs, _: [*pairs, replace(pairs[0], key="new.png")],
}


@pytest.mark.parametrize("change", CHANGED)
def test_what_has_changed_does_not_mix_with_old_shards(
    address: Address, pairs: list[Pair], tmp_path: Path, change: str
) -> None:
    run(address, pairs, tmp_path / "maps")
    before = rows_of(tmp_path / "maps")
    options: dict = {}
    changed = CHANGED[change](pairs, options)
    with pytest.raises(UsageError, match=r"name a new folder"):
        run(address, changed, tmp_path / "maps", **options)
    assert rows_of(tmp_path / "maps").equals(before)


def test_another_model_does_not_mix(address: Address, build: Build, pairs: list[Pair], tmp_path: Path) -> None:
    run(address, pairs[:8], tmp_path / "maps")
    save(build("early-fusion", seed=1), tmp_path / "other")
    with pytest.raises(UsageError, match="holds maps of another run: model was"):
        run(Address(str(tmp_path / "other")), pairs[:8], tmp_path / "maps")


def test_a_folder_of_something_else_is_left_alone(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("an hour's work")
    with pytest.raises(UsageError, match=r"holds no maps \(thesis\.txt\)"):
        run(address, pairs, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_second_run_is_refused_while_the_first_lives(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    with FileLock(MapFolder(tmp_path / "maps").lock), pytest.raises(ConfigError, match="another run is running"):
        run(address, pairs, tmp_path / "maps")
    assert run(address, pairs, tmp_path / "maps")["maps"] == 41 * 3


def test_no_image_no_manifest(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image can be decoded"):
        run(address, [pairs[5], pairs[20]], tmp_path / "maps")
    assert not MapFolder(tmp_path / "maps").manifest.exists()


def test_what_cannot_be_asked_leaves_no_folder(address: Address, pairs: list[Pair], tmp_path: Path) -> None:
    for options in ({"target": "pizza"}, {"method": "rise"}, {"engine": "rocket"}, {"texts": ()}):
        with pytest.raises(UsageError):
            run(address, pairs, tmp_path / "maps", **options)
    assert not (tmp_path / "maps").exists()


def test_too_little_memory_halves_the_batch(
    address: Address, pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def streams(job: MapJob, model: gs.Classifier) -> Callable[[int], object]:
        def of(batch: int) -> object:
            asked.append(batch)
            if batch > fits:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return streams_of(job, model)(batch)

        return of

    fits = 2
    model = address.open()
    assert isinstance(model, gs.Classifier)
    job = MapJob(address, tmp_path / "maps", TEXTS)
    shards = list(cut(pairs, 16))
    small = Worker(job, model, "digest", streams(job, model))  # type: ignore[arg-type]
    assert (small(shards[0]).images, small(shards[1]).images) == (15, 15)
    assert asked == [8, 4, 2, 2]

    def breaking(batch: int) -> Callable[..., Iterator[gs.saliency.MapBatch]]:
        def stream(*given: object) -> Iterator[gs.saliency.MapBatch]:
            for number, drawn in enumerate(streams_of(job, model)(batch)(*given)):  # type: ignore[arg-type]
                if number == 1 and batch == 8:
                    raise MemoryError
                yield drawn

        return stream

    told: list[int] = []
    Worker(job, model, "digest", breaking)(shards[0], told.append)  # type: ignore[arg-type]
    assert told == [8, -8, 4, 4, 4, 4], "what is computed again is counted once"
    fits = 0
    with pytest.raises(ModelError, match="one image needs more memory than there is"):
        small(shards[0])


def test_the_query_of_the_page_finds_its_maps(
    address: Address, pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/scale.md: a text's maps, by DuckDB alone."""
    (query,) = (block.source for block in blocks_of(ROOT / "docs" / "scale.md") if block.language == "sql")
    run(address, pairs, tmp_path / "maps", ("", "red tomato ketchup"))
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        found = database.execute(query).fetchall()
    rows, _ = read_folder(tmp_path / "maps")
    assert sorted(row[0] for row in found) == sorted(rows[rows["text"] == "red tomato ketchup"]["key"])
    assert len(found) == 41


def test_a_given_model_has_a_worker_of_its_own_each(pairs: list[Pair], tmp_path: Path) -> None:
    address = Address(OWN)
    labelled = [replace(pair, label=own_model.CLASSES[0]) for pair in pairs[:20]]
    for name, options in (("one", {"workers": 1, "total": None}), ("three", {"workers": 3})):
        run(address, labelled, tmp_path / name, **options)
    assert rows_of(tmp_path / "one").equals(rows_of(tmp_path / "three"))
    rows, maps = read_folder(tmp_path / "one")
    one = gs.explain(own_model.make(), png(3), [TEXTS[1]])
    place = rows.index[(rows["key"] == "3.png") & (rows["text"] == TEXTS[1])][0]
    np.testing.assert_allclose(maps[place], one.raw[0], rtol=0, atol=1e-3 * abs(one.raw[0]).max())


def test_the_work_of_a_run_that_failed_ends(
    address: Address, pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One shard fails; the others stop at their next batch instead of being finished for nobody."""
    begun: list[int] = []
    whole = worker.write_rows

    def failing(job: MapJob, classes: tuple[str, ...], digest: str, shard: Shard, batches: list) -> object:
        begun.append(shard.number)
        if shard.number == 0:
            raise DataError("disk: the disk is full.")
        return whole(job, classes, digest, shard, batches)

    monkeypatch.setattr(worker, "write_rows", failing)
    with pytest.raises(DataError, match="the disk is full"):
        run(address, pairs, tmp_path / "maps", workers=1)
    assert len(begun) < len(list(cut(pairs, 8)))
