"""The statements: those on the page are those that run, and give the same tables; their sums are exact."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeshift.mapstore import query
from gazeshift.mapstore.measure import AGAINST_FIRST
from gazeshift.mapstore.query import run
from gazeshift.mapstore.write import scan_files
from tests.docs.blocks import ROOT, blocks_of

from .stored import own, rows_of, scanned, store

SQL = Path(query.__file__).with_name("sql")
BLOCKS = [block.source for block in blocks_of(ROOT / "docs" / "analyse.md") if block.language == "sql"]
LAYOUTS = {
    "shared": rows_of,
    "own, then shared": lambda: [own(row) if row["text"] == "plain" else row for row in rows_of()],
    "edits": lambda: [{**row, "edit": f"edit {row['text']}"} for row in rows_of()],
    "no labels": lambda: [{name: value for name, value in row.items() if name != "label"} for row in rows_of()],
}


def test_the_page_has_the_statements_as_they_run() -> None:
    assert BLOCKS[1:3] == [(SQL / name).read_text(encoding="utf-8") for name in ("named.sql", "cells.sql")]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_reader_gets_the_same_tables(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan_files([store(tmp_path, LAYOUTS[name]())], tmp_path / "tables")
    monkeypatch.chdir(tmp_path)
    connection = duckdb.connect()
    results = [connection.sql(block) for block in BLOCKS]
    cells = pd.read_parquet("tables/cells.parquet").drop(columns="file")
    pd.testing.assert_frame_equal(results[2].to_arrow_table().to_pandas(), cells, rtol=1e-12)
    assert all(len(result.df()) for result in results[3:])


def test_what_is_compared_with_the_first_map_is_named_in_the_statement() -> None:
    statement = (SQL / "cells.sql").read_text(encoding="utf-8")
    named = statement[statement.index("measure NOT IN (") :].split("'")[1::2]
    assert tuple(named) == AGAINST_FIRST


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80), st.sampled_from([0.0, 1e8]))
def test_sums_lose_no_digits(seed: int, n: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    values = offset + rng.normal(size=(n, 2))
    values[rng.random((n, 2)) < 0.2] = np.nan
    frame = pd.DataFrame(values, columns=["one", "two"])
    frame = frame.assign(
        label=rng.choice(["l", "m"], n), text=rng.choice(["x", "y", "z"], n), undefined=rng.random(n) < 0.3
    )
    frame = frame.assign(key="k", edit=None, first=False, switched=None, file_row_number=range(n), **{"class": "c"})
    with duckdb.connect() as connection:
        connection.register("given", frame.replace({np.nan: None}))
        connection.sql(
            "CREATE TABLE measures AS SELECT * REPLACE (one::DOUBLE AS one, two::DOUBLE AS two, "
            "switched::BOOLEAN AS switched, edit::VARCHAR AS edit) FROM given"
        )
        run(connection, "named.sql")
        cells = run(connection, "cells.sql").to_pandas()
    for cell in cells[cells["measure"].isin(["one", "two"])].itertuples():
        mine = pd.Series(data=True, index=frame.index)
        mine &= True if pd.isna(cell.label) else frame["label"] == cell.label
        mine &= True if pd.isna(cell.text) else frame["text"] == cell.text
        known = frame[cell.measure][mine].dropna()
        assert (cell.n, cell.maps) == (len(known), mine.sum())
        assert cell.undefined == pytest.approx(frame["undefined"][mine].mean())
        assert cell.mean == pytest.approx(known.mean(), rel=1e-12, abs=1e-12, nan_ok=True)
        assert cell.variance == pytest.approx(known.var(), rel=1e-5, abs=1e-9, nan_ok=True)


def test_little_memory_gives_the_same_tables(tmp_path: Path) -> None:
    rows = rows_of(30, [str(place) for place in range(40)], shape=(2, 2))
    maps = store(tmp_path, rows)
    for memory in ("30MB", "1GB"):
        scan_files([maps], tmp_path / memory, memory=memory, wasserstein=10)
    assert (tmp_path / "30MB" / "summary.json").read_bytes() == (tmp_path / "1GB" / "summary.json").read_bytes()
    assert not list((tmp_path / "30MB").glob("spill*"))


def test_memory_that_does_not_suffice_is_one_line(tmp_path: Path) -> None:
    from gazeshift.errors import DataError  # noqa: PLC0415

    with pytest.raises(DataError, match=r"maps.parquet: memory or disk do not suffice; .* --memory"):
        scan_files([store(tmp_path, rows_of())], tmp_path / "out", memory="1KB")
    assert not (tmp_path / "out").exists()


def test_a_fault_of_a_statement_is_no_fault_of_the_data(tmp_path: Path) -> None:
    with query.database(tmp_path) as db, pytest.raises(duckdb.BinderException):
        run(db, "SELECT nothing")


def test_a_value_beyond_single_precision_is_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gazeshift.mapstore import rows  # noqa: PLC0415

    table = rows.row_table
    huge: list[np.ndarray] = []

    def with_a_huge_value(block, measured):
        measured.values[1, 0], measured.values[2, 0] = 1e300, -np.inf
        huge.append(measured.values)
        return table(block, measured)

    monkeypatch.setattr("gazeshift.mapstore.scan.row_table", with_a_huge_value)
    done = scanned(store(tmp_path, rows_of(undefined=0)), tmp_path / "rows.parquet")
    found = pd.read_parquet(tmp_path / "rows.parquet")
    assert found.iloc[[1, 2], found.columns.get_loc("centre_bias")].isna().all()
    assert len(huge) == 1
    [n] = [
        row["n"]
        for row in done.cells.to_pylist()
        if (row["label"], row["text"], row["measure"]) == (None, None, "centre_bias")
    ]
    assert n == 19
