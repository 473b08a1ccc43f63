"""The page, the CSV tables and summary.json say the same."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from gazeshift.drawing.numbers import shown
from gazeshift.report import write
from gazeshift.spreadsheet import read_csv

EXACT = re.compile(r'<data value="([^"]+)">([^<]*)</data>')


@pytest.fixture(scope="module")
def html(finished: Path) -> str:
    return (finished / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def summary(finished: Path) -> dict:
    return json.loads((finished / "summary.json").read_text())


def rows(run: Path, name: str) -> list[dict[str, str]]:
    return read_csv(run / f"{name}.csv")


def same(row: dict[str, str], figure: dict, prefix: str = "") -> bool:
    low, high = figure["interval"] or (None, None)
    wanted = {"low": low, "high": high, "n": figure["n"], "seeds": figure["seeds"]}
    # The mean of table 1 and the gap stand side by side, so that one has a prefix.
    return all(row[prefix + name] == ("" if value is None else repr(value)) for name, value in wanted.items()) and (
        row[prefix + "mean"] == ("" if figure["mean"] is None else repr(figure["mean"]))
    )


def test_table_1(finished: Path, summary: dict):
    found = rows(finished, "table1")
    assert len(found) == sum(len(by_split) for by_split in summary["accuracy"].values())
    for row in found:
        assert same(row, summary["accuracy"][row["model"]][row["split"]])
        if row["split"] == "test" and row["model"] in summary["gap"]:
            assert same(row, summary["gap"][row["model"]], "gap_")
        else:
            assert row["gap_mean"] == ""
        if row["split"] == "test" and row["model"] in summary["gap_to_text"]:
            assert same(row, summary["gap_to_text"][row["model"]], "gap_to_text_")
        else:
            assert row["gap_to_text_mean"] == ""


def test_figure_tables_hold_every_figure_of_the_summary(finished: Path, summary: dict):
    edits = rows(finished, "edits")
    assert len(edits) == sum(len(m) for by_edit in summary["edits"].values() for m in by_edit.values())
    assert all(same(row, summary["edits"][row["model"]][row["edit"]][row["measure"]]) for row in edits)
    for name in ("maps", "masks"):
        found = rows(finished, name)
        assert len(found) == sum(len(by_measure) for by_measure in summary[name].values()) > 0
        assert all(same(row, summary[name][row["model"]][row["measure"]]) for row in found)
    assert [row["passed"] for row in rows(finished, "checks")] == ["True", "False"]


def section(html: str, name: str) -> str:
    return html[html.index(f'<section id="{name}"') :].split("</section>", maxsplit=1)[0]


def test_page_shows_the_summary_s_means(html: str, summary: dict):
    accuracy = dict(EXACT.findall(section(html, "accuracy")))
    for model, by_split in summary["accuracy"].items():
        for figure in by_split.values():
            assert accuracy[repr(figure["mean"])] == shown(figure["mean"], "percent"), model
    for figure in summary["gap"].values():
        assert accuracy[repr(figure["mean"])] == shown(figure["mean"], "points")
    overall = dict(EXACT.findall(section(html, "all")))
    wanted = [f["mean"] for by_edit in summary["edits"].values() for m in by_edit.values() for f in m.values()]
    wanted += [f["mean"] for name in ("maps", "masks") for m in summary[name].values() for f in m.values()]
    assert {repr(mean) for mean in wanted if mean is not None} <= set(overall)


def test_page_shows_intervals_and_counts(html: str, summary: dict):
    figure = summary["accuracy"]["early-fusion"]["test"]
    low, high = (shown(bound, "percent").removesuffix("\u00a0%") for bound in figure["interval"])
    assert f'<span class="ci">{low} to {high}</span><span class="n">n 40 × 2</span>' in section(html, "accuracy")


def test_sample_tables_hold_the_page_s_numbers(finished: Path, html: str):
    for table, name, columns in (
        ("table2", "look", ("confidence", "centre_bias", "coverage", "js_to_image_only")),
        ("table3", "edits", ("confidence", "centre_bias", "coverage", "js_bits", "switch", "within")),
    ):
        on_page = {value for value, _ in EXACT.findall(section(html, name))}
        for row in rows(finished, table):
            if table == "table3" and row["edit"] == "original":
                continue  # no shift is shown for the text itself
            own = row["model"] == "image-only"
            wanted = [row[c] for c in columns if row[c] and not (own and c == "js_to_image_only")]
            assert {repr(float(value)) for value in wanted if row["map_defined"]} <= on_page


def test_sample_numbers_are_those_of_the_store(finished: Path):
    measures = pd.read_parquet(finished / "store" / "measures.parquet")
    first = measures[measures["seed"] == 0].set_index(["model", "key", "edit"])
    found = rows(finished, "table3")
    assert len(found) == 8 * 3 * 6
    for row in found:
        stored = first.loc[(row["model"], row["key"], row["edit"])]
        assert row["text"] == stored["text"]
        for name in ("confidence", "centre_bias", "js_bits", "switch", "within"):
            assert row[name] == ("" if math.isnan(stored[name]) else repr(float(stored[name])))
        assert row["map_defined"] == str(bool(stored["defined"]))


def test_distance_to_image_only_against_scipy(finished: Path):
    def read(model: str) -> dict:
        frame = pd.read_parquet(finished / "store" / "maps" / model / "seed-0.parquet")
        frame = frame[(frame["edit"] == "original") & (frame["target"] == "predicted")]
        return {key: np.maximum(np.asarray(m, float), 0) for key, m in zip(frame["key"], frame["map"], strict=True)}

    maps = {model: read(model) for model in ("image-only", "early-fusion")}
    found = [row for row in rows(finished, "table2") if row["model"] == "early-fusion"]
    assert sum(row["js_to_image_only"] == "" for row in found) == 1  # the undefined one
    for row in found:
        if row["js_to_image_only"]:
            wanted = jensenshannon(maps["image-only"][row["key"]], maps["early-fusion"][row["key"]], base=2) ** 2
            assert float(row["js_to_image_only"]) == pytest.approx(wanted, abs=1e-9)


def test_the_explained_class_is_the_predicted_one_even_where_the_reference_map_is_stored_too(finished: Path):
    frame = pd.read_parquet(finished / "store" / "maps" / "early-fusion" / "seed-0.parquet")
    wanted = frame[frame["target"] == "predicted"].set_index(["key", "edit"])["class"]
    found = [row for row in rows(finished, "table3") if row["model"] == "early-fusion"]
    assert {row["switched"] for row in found} == {"True", "False"}
    assert all(row["predicted"] == wanted[row["key"], row["edit"]] for row in found)
    assert all((row["correct"] == "True") == (row["predicted"] == row["label"]) for row in found)


def test_medians_are_over_all_pairs_and_seeds(finished: Path):
    measures = pd.read_parquet(finished / "store" / "measures.parquet")
    part = measures[(measures["model"] == "early-fusion") & (measures["edit"] == "paper-colour")]["js_bits"]
    (row,) = [r for r in rows(finished, "distributions") if (r["group"], r["name"]) == ("early-fusion", "paper-colour")]
    assert float(row["median"]) == pytest.approx(part.median())
    assert (int(row["n"]), int(row["undefined"])) == (part.notna().sum(), part.isna().sum())
    assert int(row["undefined"]) > 0


def test_captions_survive_in_the_tables(finished: Path, fake_run):
    assert {row["own_text"] for row in rows(finished, "table3")} == set(fake_run.TEXTS)


def test_largest_differences_come_first_then_smallest(finished: Path):
    reasons = list(dict.fromkeys((row["position"], row["reason"]) for row in rows(finished, "table2")))
    assert [reason for _, reason in reasons] == ["largest difference"] * 3 + ["smallest difference"] + ["random"] * 4
    assert [position for position, _ in reasons] == [str(i) for i in range(1, 9)]


def test_one_seed_without_masks_or_checks(unwritten: Path):
    html = write(unwritten).read_text(encoding="utf-8")
    assert "One training seed only" in html
    assert "On the named object" not in html
    assert "<b>Checks.</b>" not in html
    assert rows(unwritten, "masks") == []


def test_a_mean_that_is_not_a_number_is_a_dash(unwritten: Path):
    summary = json.loads((unwritten / "summary.json").read_text())
    summary["accuracy"]["early-fusion"]["test"] = {
        "mean": float("nan"),
        "interval": [float("nan")] * 2,
        "n": 0,
        "seeds": 1,
    }
    (unwritten / "summary.json").write_text(json.dumps(summary))
    accuracy = section(write(unwritten).read_text(encoding="utf-8"), "accuracy")
    assert "nan" not in accuracy.lower()
    (row,) = [r for r in rows(unwritten, "table1") if (r["model"], r["split"]) == ("early-fusion", "test")]
    assert (row["mean"], row["low"], row["n"]) == ("", "", "0")
