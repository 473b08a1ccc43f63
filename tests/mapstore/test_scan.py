from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gazeshift.mapstore import blocks, query
from gazeshift.mapstore.measure import measure_names
from gazeshift.mapstore.query import database
from gazeshift.mapstore.source import find_source
from gazeshift.mapstore.store import read_maps
from gazeshift.mapstore.survey import survey
from gazeshift.mapstore.write import scan_files
from gazeshift.measures import MAP_MEASURES, distribution, information_split
from gazeshift.measures.information import InformationSplit

from .stored import own, rows_of, scanned, slowly, store


def _shared(folder: Path) -> Path:
    return store(folder, rows_of())


def _own_alone(folder: Path) -> Path:
    return store(folder, [own(row) for row in rows_of(9, ["x"])])


def _own_then_shared(folder: Path) -> Path:
    return store(folder, [own(row) if row["text"] == "plain" else row for row in rows_of()])


def _study(folder: Path) -> Path:
    """As a study stores them: edits that do not all apply, and maps of the reference class where the class switched."""
    rows = []
    for place, row in enumerate(rows_of(8, ["original", "paraphrase", "other-object"])):
        edited = {**row, "edit": row["text"], "text": f"{row['text']} of {row['key']}", "target": "predicted"}
        if place in {4, 13, 20}:
            continue
        rows.append(edited)
        if place % 5 == 0:
            rows.append({**edited, "target": "reference", "map": -row["map"]})
    return store(folder, rows)


def _no_labels(folder: Path) -> Path:
    return store(folder, [{name: value for name, value in row.items() if name != "label"} for row in rows_of()])


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "shared": _shared,
    "own alone": _own_alone,
    "own, then shared": _own_then_shared,
    "study": _study,
    "no labels": _no_labels,
}


@pytest.fixture(params=LAYOUTS)
def maps(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return LAYOUTS[request.param](tmp_path)


def _measured(maps: Path, tmp_path: Path, **options: int) -> pd.DataFrame:
    scanned(maps, tmp_path / "rows.parquet", **options)
    return pd.read_parquet(tmp_path / "rows.parquet")


def test_every_map_is_measured_as_by_the_public_functions(maps: Path, tmp_path: Path) -> None:
    found, wanted = _measured(maps, tmp_path), slowly(maps)
    words = [name for name in ("key", "label", "edit", "text", "class") if name in wanted]
    assert (found[words].astype(str) == wanted[words].astype(str)).all(axis=None)
    assert found["first"].tolist() == wanted["first"].tolist()
    assert found["undefined"].tolist() == wanted["undefined"].tolist()
    for name in measure_names():
        stored = found[name].astype(float).to_numpy()
        np.testing.assert_allclose(stored, wanted[name], rtol=1e-6, atol=1e-6, err_msg=name)  # single precision


def _named(wanted: pd.DataFrame, maps: Path) -> pd.DataFrame:
    """The rows with the name of their text, as the tables have it."""
    name = "edit" if "edit" in wanted else "text"
    firsts = wanted[name][wanted["first"]]
    named = wanted[name].where(~wanted["first"] | (firsts.nunique() == 1), "own")
    labels = wanted.get("label")
    return wanted.assign(text=named, label=labels)


@pytest.mark.slow
def test_cells_are_the_means_and_variances_of_their_maps(maps: Path, tmp_path: Path) -> None:
    scan_files([maps], tmp_path / "out", rows=False)
    cells = pd.read_parquet(tmp_path / "out" / "cells.parquet")
    wanted = _named(slowly(maps), maps)
    assert not cells.duplicated(["label", "text", "measure"]).any()
    margins = cells[cells["label"].isna() & cells["text"].isna()].set_index("measure")
    several = not wanted["first"].all()
    assert set(margins.index) == set(measure_names() if several else MAP_MEASURES)
    for cell in cells.itertuples():
        mine = wanted
        mine = mine if pd.isna(cell.label) else mine[mine["label"] == cell.label]
        mine = mine if pd.isna(cell.text) else mine[mine["text"] == cell.text]
        values = mine[cell.measure].dropna()
        assert (cell.n, cell.maps) == (len(values), len(mine))
        assert cell.undefined == pytest.approx(mine["undefined"].mean(), abs=1e-15)
        # Of the values as they are stored, in single precision.
        largest = values.abs().max()
        assert cell.mean == pytest.approx(values.mean(), abs=1e-6 * largest, nan_ok=True)
        assert cell.variance == pytest.approx(values.var(), abs=1e-5 * largest**2, nan_ok=True)
    kinds = wanted.groupby(["label", "text"], dropna=False).ngroups
    assert len(cells[["label", "text"]].drop_duplicates()) >= kinds


def test_mean_maps_are_the_means_of_the_defined_ones(maps: Path, tmp_path: Path) -> None:
    scan_files([maps], tmp_path / "out", rows=False)
    found = pd.read_parquet(tmp_path / "out" / "mean-maps.parquet")
    wanted = _named(slowly(maps), maps)
    frame, raw = read_maps(maps)
    if "target" in frame:
        raw = raw[(frame["target"] == "predicted").to_numpy()]
    p = distribution(raw)
    assert found[found["label"].isna() & found["text"].isna()]["maps"].tolist() == [int((~wanted["undefined"]).sum())]
    for row in found.itertuples():
        mine = ~wanted["undefined"]
        mine &= True if pd.isna(row.label) else wanted["label"] == row.label
        mine &= True if pd.isna(row.text) else wanted["text"] == row.text
        assert row.maps == mine.sum()
        mean = row.map.reshape(row.height, row.width)
        np.testing.assert_allclose(mean, p[mine.to_numpy()].mean(0), rtol=1e-12, atol=1e-15)


def _same(found: pd.Series, split: InformationSplit) -> None:
    for name in ("total", "static", "image", "text"):
        assert found[name] == pytest.approx(getattr(split, name), rel=1e-10, abs=1e-12, nan_ok=True)
    assert (found["images"], found["left_out"]) == (split.images, split.left_out)


def test_information_is_split_over_images_that_have_every_text(maps: Path, tmp_path: Path) -> None:
    scan_files([maps], tmp_path / "out", rows=False)
    found = pd.read_parquet(tmp_path / "out" / "information.parquet")
    frame, raw = read_maps(maps)
    if "target" in frame:
        raw, frame = (part[(frame["target"] == "predicted").to_numpy()] for part in (raw, frame))
    images = [distribution(raw[(frame["key"] == key).to_numpy()]) for key in frame["key"].unique()]
    whole = [p for p in images if len(p) == max(map(len, images))]
    alone = found[found["label"].isna()].set_index("texts")
    _same(alone.loc["first"], information_split(np.array([p[:1] for p in images])))
    assert alone.loc["first", "incomplete"] == 0
    if max(map(len, images)) > 1:
        _same(alone.loc["all"], information_split(np.array(whole)))
        assert alone.loc["all", "incomplete"] == len(images) - len(whole)
        assert len(whole) > 1
    else:
        assert list(alone.index) == ["first"]
    if "label" in frame:
        sushi = frame.drop_duplicates("key")["label"].to_numpy() == "sushi"
        mine = np.array([p[:1] for p, chosen in zip(images, sushi, strict=True) if chosen])
        _same(found[(found["label"] == "sushi") & (found["texts"] == "first")].iloc[0], information_split(mine))


def _everything(folder: Path) -> list[object]:
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    return [(folder / "summary.json").read_bytes(), *(table.to_pydict() for table in tables)]


@pytest.mark.slow
def test_nothing_depends_on_how_rows_are_read_and_stored(maps: Path, tmp_path: Path) -> None:
    table = pq.read_table(maps)
    results = []
    for place, (group, batch) in enumerate([(1000, 1000), (1000, 2), (1, 4), (4, 3)]):
        pq.write_table(table, maps, row_group_size=group)
        done = scanned(maps, tmp_path / f"rows-{place}.parquet", batch=batch, wasserstein=3)
        results.append((pq.read_table(tmp_path / f"rows-{place}.parquet"), done))
    first, whole = results[0]
    for rows, done in results[1:]:
        assert rows.to_pandas().astype(str).equals(first.to_pandas().astype(str))
        assert str(done.sums.splits()) == str(whole.sums.splits())
        assert done.cells.equals(whole.cells)
        assert np.array_equal(done.sums.summed, whole.sums.summed)


def test_blocks_only_round(maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scanned(maps, tmp_path / "whole.parquet")
    for rows in (1, 5, 7):
        monkeypatch.setattr(blocks, "ROWS", rows)
        cut = scanned(maps, tmp_path / f"{rows}.parquet", threads=2)
        assert len(pq.read_table(tmp_path / f"{rows}.parquet")) == whole.survey.maps
        for name in ("mean", "variance"):
            found, wanted = (one.cells[name].to_pandas() for one in (cut, whole))
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)  # stored in single precision
        np.testing.assert_allclose(cut.sums.summed, whole.sums.summed, rtol=1e-12)
        for one, other in zip(cut.sums.splits(), whole.sums.splits(), strict=True):
            assert one["total"] == pytest.approx(other["total"], rel=1e-12, nan_ok=True)


def test_blocks_are_whole_images_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ROWS", 5)
    texts = {"a": 2, "b": 1, "c": 9, "d": 2, "e": 3, "f": 1}
    rows = [{**row, "key": key} for key, count in texts.items() for row in rows_of(1, [*map(str, range(count))])]
    maps = store(tmp_path, rows)
    for batch in (1, 4, 100):
        with database(maps) as db:
            found = survey(db, find_source(maps), 0, 0)
        keys = [table["key"].unique().to_pylist() for table in blocks.cut(found, batch)]
        assert keys == [["a", "b"], ["c"], ["d", "e"], ["f"]]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Arrow holds at most while a file is scanned: pages, blocks, rows of a group; never what was read before."""
    monkeypatch.setattr("gazeshift.mapstore.scan.GROUP", 500)
    monkeypatch.setattr(blocks, "ROWS", 500)
    texts = [str(place) for place in range(100)]
    table = pq.read_table(store(tmp_path, rows_of(200, texts, shape=(16, 16))))  # 10 MB of maps
    most = []
    for rows in (len(table) // 2, len(table)):
        pq.write_table(table[:rows], tmp_path / "maps.parquet", row_group_size=1000)
        held: list[int] = []
        before = pa.total_allocated_bytes()
        scanned(
            tmp_path / "maps.parquet",
            tmp_path / "rows.parquet",
            wasserstein=0,
            batch=500,
            progress=lambda _: held.append(pa.total_allocated_bytes()),  # noqa: B023
        )
        most.append(max(held) - before)
    assert most[1] - most[0] < 2**20


def test_transport_is_measured_on_as_many_pairs_as_asked(tmp_path: Path) -> None:
    maps = store(tmp_path, rows_of(20, undefined=0))
    found = _measured(maps, tmp_path, wasserstein=11)
    wanted = slowly(maps)["wasserstein"]
    drawn = found["wasserstein"].notna()
    assert drawn.sum() == 11
    assert not (drawn & found["first"]).any()
    np.testing.assert_allclose(found["wasserstein"][drawn], wanted[drawn], rtol=1e-6)
    again = _measured(maps, tmp_path, wasserstein=11, seed=1)
    assert drawn.tolist() != again["wasserstein"].notna().tolist()
    assert _measured(maps, tmp_path, wasserstein=0)["wasserstein"].isna().all()


@pytest.mark.slow
def test_every_pair_has_the_same_chance(tmp_path: Path) -> None:
    maps = store(tmp_path, rows_of(6))
    times = dict.fromkeys((place for place in range(18) if place % 3), 0)
    with database(maps) as db:
        survey(db, find_source(maps), 0, 0)
        for seed in range(500):
            drawn = [place for (place,) in query.rows(db, "drawn.sql", seed=seed, count=3)]
            assert len(set(drawn)) == 3
            assert drawn == sorted(drawn)
            for place in drawn:
                times[place] += 1
    # 500 x 3 / 12 = 125 times each; standard deviation 10.
    assert all(abs(count - 125) < 50 for count in times.values())


def test_models_are_compared_on_the_same_pairs(tmp_path: Path) -> None:
    """However their files are sorted, and whatever else they lack."""
    rows = rows_of(10, ["a", "b", "c", "d"], undefined=0)
    other = [row for row in rows[::-1] if row["key"] != "i3"]
    other = sorted(other, key=lambda row: (-int(row["key"][1:]), row["text"]))
    drawn = []
    for place, some in enumerate((rows, other)):
        found = _measured(store(tmp_path, some, f"{place}.parquet"), tmp_path, wasserstein=12)
        drawn.append({*found[found["wasserstein"].notna()][["key", "text"]].itertuples(index=False, name=None)})
    shared = {pair for pair in drawn[0] if pair[0] != "i3"}
    assert len(drawn[0]) == len(drawn[1]) == 12
    assert shared <= drawn[1]


def test_switched_is_the_class_and_may_be_known_where_the_map_is_undefined(tmp_path: Path) -> None:
    rows = rows_of(1, ["a", "b", "c"], undefined=1)
    for row, name in zip(rows, ("sushi", "donuts", "sushi"), strict=True):
        row["class"] = name
    found = _measured(store(tmp_path, rows), tmp_path)
    assert found["undefined"].all()
    assert found["js_bits"].isna().all()
    assert found["switched"].isna().tolist() == [True, False, False]
    assert found["switched"][1:].tolist() == [True, False]
