import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gazeshift.errors import DataError, UsageError
from gazeshift.mapstore.store import write_maps
from gazeshift.mapstore.write import scan_files
from gazeshift.measures import MAP_MEASURES, coverage
from gazeshift.measures.per_map import MapMeasure
from tests.conftest import Command

from .stored import rows_of, slowly, store

TABLES = {"cells.parquet", "information.parquet", "mean-maps.parquet", "summary.json"}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three models on different grids."""
    shapes = [(3, 4), (2, 2), (3, 4)]
    return [store(tmp_path, rows_of(6, seed=seed, shape=shapes[seed]), f"model-{seed}.parquet") for seed in range(3)]


def _contents(folder: Path) -> dict[str, object]:
    tables = {path.name: pq.read_table(path).to_pandas().to_csv() for path in folder.glob("*.parquet")}
    return tables | {"summary.json": (folder / "summary.json").read_text()}


def test_threads_change_nothing(files: list[Path], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    one = scan_files(files, tmp_path / "one", wasserstein=5, threads=1)
    for threads in (2, 5):
        many = scan_files(
            files, tmp_path / "many", wasserstein=5, threads=threads, progress=lambda *done: told.append(done)
        )
        assert one == many
        assert _contents(tmp_path / "one") == _contents(tmp_path / "many")
        shutil.rmtree(tmp_path / "many")
    rows = {f"measures-{place}.parquet" for place in range(3)}
    assert {path.name for path in (tmp_path / "one").iterdir()} == TABLES | rows
    assert told[-1] == (54, 54)


def test_summary_says_what_was_measured_on_what(files: list[Path], tmp_path: Path) -> None:
    summary = scan_files(files, tmp_path / "out", wasserstein=5, rows=False)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == TABLES
    for path, one in zip(files, summary["files"], strict=True):
        wanted = slowly(path)
        assert one["file"] == str(path)
        assert (one["images"], one["texts"], one["labels"], one["maps"], one["pairs"]) == (6, 3, 3, 18, 12)
        assert one["undefined"] == wanted["undefined"].sum()
        assert one["wasserstein"] == {"pairs": 5, "rate": 5 / 12}
        assert one["rows"] is None
        assert one["measures"]["js_bits"]["n"] == wanted["js_bits"].notna().sum()
        assert one["measures"]["js_bits"]["mean"] == pytest.approx(wanted["js_bits"].mean())
        assert one["measures"]["centre_bias"]["variance"] == pytest.approx(wanted["centre_bias"].var())


def test_a_file_without_any_evidence_has_no_means(tmp_path: Path) -> None:
    maps = store(tmp_path, rows_of(2, undefined=1))
    [one] = scan_files([maps], tmp_path / "out")["files"]
    assert one["undefined"] == one["maps"] == 6
    assert one["measures"]["coverage"] == {"n": 0, "mean": None, "variance": None}
    assert one["information"]["all"]["static"] is None
    assert one["measures"]["pearson"]["n"] == 4  # of signed maps
    assert pd.read_parquet(tmp_path / "out" / "mean-maps.parquet").empty


def _broken(folder: Path) -> Path:
    """A file whose columns are in order and whose rows are not."""
    rows = rows_of(3)
    return store(folder, [*rows, rows[0]], "broken.parquet")


@pytest.mark.usefixtures("registries_as_before")
def test_a_new_measure_is_in_all_tables(files: list[Path], tmp_path: Path) -> None:
    MAP_MEASURES["twice"] = MapMeasure(lambda maps: 2 * coverage(maps.p), "0 to 2", "wider")
    for one in scan_files(files, tmp_path / "out", wasserstein=5)["files"]:
        assert one["measures"]["twice"]["mean"] == pytest.approx(2 * one["measures"]["coverage"]["mean"])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_that_fails_leaves_nothing(files: list[Path], tmp_path: Path, threads: int) -> None:
    broken = _broken(tmp_path)
    with pytest.raises(DataError, match="broken"):
        scan_files([files[0], broken, files[1]], tmp_path / "out", threads=threads)
    assert set(tmp_path.iterdir()) == {*files, broken}


@pytest.mark.parametrize("threads", [1, 2])
def test_interruption_leaves_nothing(files: list[Path], tmp_path: Path, threads: int) -> None:
    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_files(files, tmp_path / "out", threads=threads, progress=interrupt)
    assert set(tmp_path.iterdir()) == set(files)


def test_a_folder_in_use_is_not_touched(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    scan_files(files[:1], tmp_path / "empty")
    for out, words in (("used", "not empty"), ("empty", "not empty"), ("used/notes.txt", "is a file")):
        with pytest.raises(UsageError, match=words):
            scan_files(files[:1], tmp_path / out)
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["notes.txt"]
    with pytest.raises(DataError, match=r"out: cannot be written \(Not a directory\)"):
        scan_files(files[:1], tmp_path / "used" / "notes.txt" / "out")


def test_the_same_file_twice_is_refused(files: list[Path], tmp_path: Path) -> None:
    again = tmp_path / "folder" / ".." / files[0].name
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="given twice"):
        scan_files([files[0], again], tmp_path / "out")


def test_the_command_prints_lines_or_json(gazeshift: Command, files: list[Path], tmp_path: Path) -> None:
    code, out, err = gazeshift("analyse", *files[:2], "--out", tmp_path / "a", "--threads", 1, "--wasserstein", 4)
    assert (code, err) == (0, "")
    assert out.count("6 images, 3 texts, 18 maps") == 2
    assert out.count("a random 4 of 12 pairs (33.33%, seed 0)") == 2
    assert "36 maps in" in out
    code, out, err = gazeshift("analyse", files[0], "--out", tmp_path / "b", "--no-rows", "--json", "--seed", 3)
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "b" / "summary.json").read_text())
    assert json.loads(out)["seed"] == 3
    # Two random fifths of the cells: a fifth of a fifth in common, of all that either has.
    chance = (0.2 * 0.2) / (0.2 + 0.2 - 0.2 * 0.2)
    assert json.loads(out)["files"][0]["chance"] == {"iou": pytest.approx(chance)}
    code, out, _ = gazeshift("analyse", "--help")
    assert code == 0
    assert "Example: gazeshift analyse" in out


def test_wrong_use_is_one_line_and_exit_code_2(gazeshift: Command, files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").touch()
    wrong = {
        "no such file": ["nowhere.parquet", "--out", tmp_path / "out"],
        "not empty": [files[0], "--out", tmp_path / "used"],
        "given twice": [files[0], files[0], "--out", tmp_path / "out"],
        "follow each other": [_broken(tmp_path), "--out", tmp_path / "out"],
        "memory: give a size such as 1GB, not 'much'": [files[0], "--out", tmp_path / "out", "--memory", "much"],
    }
    for words, arguments in wrong.items():
        code, out, err = gazeshift("analyse", *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("gazeshift: ")
        assert words in err
        assert err.count("\n") == 1
        assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_torch_is_not_needed(files: list[Path], tmp_path: Path) -> None:
    """The command starts fast and stays small without it."""
    code = (
        "import sys; from gazeshift.mapstore.write import scan_files; scan_files(sys.argv[1:2], sys.argv[2]); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, files[0], tmp_path / "out"], check=True, env=dict(os.environ))


@pytest.mark.slow
def test_the_benchmark_scans_what_it_stores(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "benchmarks" / "analysis.py"
    spec = importlib.util.spec_from_file_location("analysis", path)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    benchmark.write_maps(tmp_path / "maps.parquet", 70, 5, seed=0)
    [one] = scan_files([tmp_path / "maps.parquet"], tmp_path / "out", wasserstein=7)["files"]
    assert (one["images"], one["texts"], one["maps"], one["grid"]) == (70, 5, 350, [8, 8])
    assert 0 < one["undefined"] < 35
    assert one["measures"]["coverage"]["mean"] == pytest.approx(slowly(tmp_path / "maps.parquet")["coverage"].mean())


def test_a_map_may_be_infinite_or_no_number(tmp_path: Path) -> None:
    rows = rows_of(3, undefined=0)
    rows[1]["map"] = np.full((3, 4), np.nan)
    write_maps(rows, tmp_path / "maps.parquet")
    [one] = scan_files([tmp_path / "maps.parquet"], tmp_path / "out")["files"]
    assert one["undefined"] == 1
    assert one["measures"]["coverage"]["n"] == 8
