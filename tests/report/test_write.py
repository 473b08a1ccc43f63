"""Faults of a run folder: one line that names the file; the former report stays."""

import csv
import json
import random
import shutil
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from PIL import Image

from gazeshift.drawing.overlay import Quality
from gazeshift.errors import DataError
from gazeshift.report import write
from gazeshift.report.files import fitting_page, gather
from gazeshift.report.store import read_run
from gazeshift.spreadsheet import read_csv

FILES = [
    "run.json",
    "summary.json",
    "study.yaml",
    "store/predictions.parquet",
    "store/measures.parquet",
    "store/samples.parquet",
    "store/maps/early-fusion/seed-3.parquet",
]


@pytest.mark.parametrize("name", FILES)
def test_an_unfinished_run_names_the_missing_file_and_writes_nothing(unwritten: Path, name: str):
    (unwritten / name).unlink()
    before = sorted(path.name for path in unwritten.iterdir())
    with pytest.raises(DataError, match="is missing: the run is unfinished") as caught:
        write(unwritten)
    assert str(unwritten / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in unwritten.iterdir()) == before


def test_a_folder_of_something_else_is_not_called_unfinished(tmp_path: Path):
    (tmp_path / "photo.txt").touch()
    with pytest.raises(DataError, match="is not a study's run folder"):
        write(tmp_path)


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith("yaml")])
def test_a_spoiled_file_is_named(unwritten: Path, name: str):
    (unwritten / name).write_bytes(b"{ not what it was")
    with pytest.raises(DataError, match=r"not (valid JSON|a readable Parquet file)") as caught:
        write(unwritten)
    assert str(unwritten / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_and_a_missing_column_are_named(unwritten: Path):
    measures = unwritten / "store" / "measures.parquet"
    pd.read_parquet(measures).drop(columns="within").to_parquet(measures)
    with pytest.raises(DataError, match=r"measures.parquet: no column 'within'"):
        write(unwritten)
    run = json.loads((unwritten / "run.json").read_text())
    del run["models"][1]["structure"]
    (unwritten / "run.json").write_text(json.dumps(run))
    with pytest.raises(DataError, match=r"run.json: no key 'models.1.structure'"):
        write(unwritten)


def test_no_text_of_a_table_is_a_formula_and_every_text_comes_back(finished: Path, fake_run: ModuleType):
    for path in finished.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for cell in (cell for row in csv.reader(file) for cell in row):
                assert not cell.startswith(("=", "+", "@", "\t", "\r", "\n")), f"{path.name}: {cell}"
                assert not cell.startswith("-") or float(cell) <= 0, f"{path.name}: {cell}"
    shown = {row["text"] for row in read_csv(finished / "table2.csv")}
    assert shown == {row["own_text"] for row in read_csv(finished / "table3.csv")} == set(fake_run.TEXTS)
    assert any(text.startswith("=HYPERLINK") for text in shown)


def test_a_failed_report_leaves_the_former_one(unwritten: Path):
    page = write(unwritten)
    former = page.read_bytes()
    (unwritten / "store" / "samples.parquet").unlink()
    with pytest.raises(DataError):
        write(unwritten)
    assert page.read_bytes() == former
    assert not list(unwritten.glob(".*"))


@pytest.mark.slow
def test_the_same_run_gives_the_same_report_wherever_it_lies(unwritten: Path, tmp_path: Path):
    moved = shutil.copytree(unwritten, tmp_path / "elsewhere")
    assert write(unwritten).read_bytes() == write(moved).read_bytes()
    assert str(tmp_path).encode() not in (moved / "report.html").read_bytes()


def test_lone_surrogates_and_control_characters_do_not_stop_a_report(unwritten: Path):
    run = json.loads((unwritten / "run.json").read_text())
    run["warnings"] = ["half \ud83d a pair \x00 and a bell \x07"]
    (unwritten / "run.json").write_text(json.dumps(run))
    html = write(unwritten).read_text(encoding="utf-8")
    assert "half \ufffd a pair \ufffd and a bell \ufffd" in html


@pytest.mark.slow
def test_a_page_that_is_too_large_gets_smaller_pictures_and_says_so(unwritten: Path):
    qualities = (Quality(48, 95), Quality(24, 40), Quality(12, 10, most=1))
    parts = gather(read_run(unwritten))
    full = fitting_page(parts, qualities, 10**9)
    smaller = fitting_page(parts, qualities, len(full) - 1)
    least = fitting_page(parts, qualities, 1)
    assert len(least) < len(smaller) < len(full)
    assert b"were shrunk" not in full
    assert b"were shrunk" in smaller
    assert b"1 more samples are in table2.csv only" not in smaller
    assert b"1 more samples are in table2.csv only" in least


@pytest.mark.slow
def test_hundreds_of_samples_stay_within_ten_megabytes(unwritten: Path):
    # Noise is the worst picture for JPEG.
    noise = random.Random(0).randbytes(224 * 224 * 3)
    buffer = BytesIO()
    Image.frombytes("RGB", (224, 224), noise).save(buffer, "PNG")
    path = unwritten / "store" / "samples.parquet"
    samples = pd.read_parquet(path)
    samples["image"] = [buffer.getvalue()] * len(samples)
    pd.concat([samples] * 6).to_parquet(path)
    page = write(unwritten).read_bytes()
    assert b"were shrunk" in page
    assert len(page) <= 10_000_000


def test_only_an_image_model(unwritten: Path):
    run = json.loads((unwritten / "run.json").read_text())
    run["models"] = run["models"][:1]
    (unwritten / "run.json").write_text(json.dumps(run))
    page = write(unwritten).read_text(encoding="utf-8")
    assert " · 1 model · " in page
    assert "<h3>Accuracy, image-only</h3>" in page
    assert page.count("<h3>Centre bias, image-only</h3>") == 1
    assert 'id="edits"' not in page
    assert 'href="#edits"' not in page


def test_texts_that_nobody_changed_have_no_table(unwritten: Path):
    path = unwritten / "store" / "measures.parquet"
    measures = pd.read_parquet(path)
    measures[measures["edit"] == "original"].to_parquet(path)
    summary = json.loads((unwritten / "summary.json").read_text())
    summary |= {"edits": {name: {} for name in summary["edits"]}, "headline": ["A sentence."], "claims": {}}
    (unwritten / "summary.json").write_text(json.dumps(summary))
    page = write(unwritten).read_text(encoding="utf-8")
    assert 'id="edits"' not in page
    assert "Table 3" not in page
