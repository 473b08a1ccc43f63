"""What the claims rest on: the page and the CSV tables say what the store says, and a run without it has no such section."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from PIL import Image
from scipy import stats

from gazeshift.errors import DataError
from gazeshift.report import write
from gazeshift.report.classes import ENDS, ranking
from gazeshift.report.effects import effects
from gazeshift.report.means import over_images, over_seeds
from gazeshift.report.store import read_run
from gazeshift.spreadsheet import read_csv

OPTIONAL = ("information", "modifiers", "equivariance", "retrained", "mean-maps")


@pytest.fixture(scope="module")
def html(finished: Path) -> str:
    return (finished / "report.html").read_text(encoding="utf-8")


def rows(run: Path, name: str) -> list[dict[str, str]]:
    return read_csv(run / f"{name}.csv")


def store(run: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(run / "store" / f"{name}.parquet")


def section(html: str, name: str) -> str:
    return html[html.index(f'<section id="{name}"') :].split("</section>", maxsplit=1)[0]


def on_page(html: str, name: str) -> set[str]:
    return set(re.findall(r'<data value="([^"]+)">', section(html, name)))


def test_information_is_the_mean_over_the_seeds(finished: Path, html: str):
    table = store(finished, "information")
    found = rows(finished, "information")
    assert {row["texts"] for row in found} == {"own", "changed", "floor"}
    for row in found:
        part = table[(table["model"] == row["model"]) & (table["label"] == "")]
        if row["term"] == "above":
            changed, floor = (part[part["texts"] == texts]["text"].to_numpy() for texts in ("changed", "floor"))
            values = changed - floor
        else:
            values = part[part["texts"] == row["texts"]][row["term"]].to_numpy()
        assert float(row["mean"]) == pytest.approx(values.mean())
        wanted = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values)) if values.any() else (0, 0)
        assert (float(row["low"]), float(row["high"])) == pytest.approx(wanted)
        assert (row["n"], row["seeds"]) == ("37", "2")
        assert row["term"] == "total" or row["mean"] in on_page(html, "habit")
    assert "image-only</b>: changed texts add" not in section(html, "habit")


def test_bars_of_information_lie_end_to_end(finished: Path, html: str):
    bars = re.findall(r'<rect class="(static|image|text)" x="([\d.]+)" y="14" width="([\d.]+)"', section(html, "habit"))
    assert len(bars) == 3 * (2 + 3 * 3)
    for first, second, third in zip(bars[::3], bars[1::3], bars[2::3], strict=True):
        assert [bar[0] for bar in (first, second, third)] == ["static", "image", "text"]
        for left, right in ((first, second), (second, third)):
            assert float(left[1]) + float(left[2]) == pytest.approx(float(right[1]), abs=0.2)


def test_modifiers_by_kind_and_word(finished: Path, html: str):
    table = store(finished, "modifiers")
    found = rows(finished, "modifiers")
    assert len(found) == 3 * 2 * (4 + 7)
    for row in found:
        part = table[(table["model"] == row["model"]) & (table["kind"] == row["kind"])]
        part = part[part["word"] == row["word"]] if row["word"] else part
        assert float(row["mean"]) == pytest.approx(part[row["measure"]].mean())
        assert int(row["n"]) == 11  # one image of twelve has an undefined map
        if not row["word"] and row["measure"] == "js_distance":
            assert row["mean"] in on_page(html, "all")


def test_effects_stand_beside_their_floors(finished: Path, html: str):
    summary = json.loads((finished / "summary.json").read_text())
    (lead, *_) = found = effects(read_run(finished))
    assert [one.model for one in found] == ["early-fusion", "early-linear", "late-fusion"]
    assert [effect.name for effect in lead.groups[0][1]] == ["paraphrase", "empty", "retraining"]
    assert [effect.name for effect in lead.groups[1][1]] == ["paper-colour", "paper-position", "other-class"]
    for one in found:
        for _, group in one.groups[:2]:
            for effect in group:
                assert one.axis.low <= effect.figure.interval[0] <= effect.figure.interval[1] <= one.axis.high
                if effect.name != "retraining":
                    assert effect.figure.mean == summary["edits"][one.model][effect.name]["js_distance"]["mean"]
        # No text is a floor too, but it does not mean the same.
        means = {effect.name: effect.figure.mean for effect in one.groups[0][1]}
        assert means["empty"] == max(means.values())
        assert one.highest.figure.mean == max(means["paraphrase"], means["retraining"])
        assert one.paraphrase == means["paraphrase"]
    retrained = store(finished, "retrained").groupby("model")["js_distance"].mean()
    (row,) = [
        row for row in rows(finished, "models") if (row["model"], row["measure"]) == ("early-fusion", "retraining")
    ]
    assert float(row["mean"]) == pytest.approx(retrained["early-fusion"])
    assert row["mean"] in on_page(html, "all")


def test_habits_are_those_of_the_store(finished: Path, html: str):
    measures = store(finished, "measures")
    own = measures[measures["edit"] == "original"]
    information = store(finished, "information")
    classwise = information[(information["texts"] == "own") & (information["label"] != "")]
    shares = (classwise["static"] / classwise["total"]).groupby(classwise["model"]).mean()
    slopes = store(finished, "equivariance").groupby("model")["slope"].mean()
    found = [row for row in rows(finished, "models") if row["measure"] not in ("retraining", "mean_map_peak")]
    assert len(found) == 5 * 5
    for row in found:
        model, measure = row["model"], row["measure"]
        values = {"static_share": shares, "slope": slopes}.get(measure)
        wanted = own[own["model"] == model][measure].mean() if values is None else values[model]
        assert float(row["mean"]) == pytest.approx(wanted), (model, measure)
        assert row["mean"] in on_page(html, "habit")
        assert measure != "static_share" or row["n"] == "3"  # the fourth class has none


def test_mean_maps_are_drawn_cell_by_cell_on_one_scale(finished: Path, html: str):
    folder = read_run(finished)
    means = folder.mean_maps()
    assert [mean.model for mean in means] == folder.model_names(sees_image=True)
    top = max(mean.p.max() * mean.p.size for mean in means)
    pictures = re.findall(r'<img class="cells" src="data:image/png;base64,([^"]+)"', section(html, "habit"))
    assert len(pictures) == len(means)
    for mean, picture in zip(means, pictures, strict=True):
        assert mean.p.sum() == pytest.approx(1, abs=2e-3)
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))
        cell = drawn.shape[0] // mean.p.shape[0]
        wanted = colormaps["viridis"](mean.p * mean.p.size / top)[..., :3] * 255
        assert np.abs(drawn[::cell, ::cell] - wanted).max() <= 1
        assert len(np.unique(drawn.reshape(-1, 3), axis=0)) <= mean.p.size


def test_classes_are_ranked_by_how_far_the_map_moves(finished: Path, html: str):
    measures = store(finished, "measures")
    lead = measures[measures["model"] == "early-fusion"]
    moved = (
        lead[lead["edit"] == "other-class"]
        .assign(moved=lambda f: np.sqrt(f["js_bits"]))
        .groupby("label")["moved"]
        .mean()
    )
    own = measures[measures["edit"] == "original"].pivot_table(
        index=["seed", "key", "label"], columns="model", values="centre_bias"
    )
    gap = (own["image-only"] - own["early-fusion"]).groupby("label").mean()
    found = rows(finished, "classes")
    assert [row["label"] for row in found] == moved.sort_values(ascending=False).index.tolist()
    for row in found:
        assert float(row["js_distance_mean"]) == pytest.approx(moved[row["label"]])
        assert float(row["centre_bias_gap_mean"]) == pytest.approx(gap[row["label"]])
        assert int(row["gap_place"]) == 1 + (gap > gap[row["label"]]).sum()
        assert {row["js_distance_mean"], row["centre_bias_gap_mean"]} <= on_page(html, "classes")


@pytest.mark.slow
def test_a_long_ranking_folds_its_middle(unwritten: Path):
    path = unwritten / "store" / "measures.parquet"
    measures = pd.read_parquet(path)
    copies = [measures.assign(label=f"class {index:02d}") for index in range(40)]
    pd.concat(copies).to_parquet(path)
    first, middle, last = ranking(read_run(unwritten)).parts
    assert [row.place for row in (*first, *middle, *last)] == list(range(1, 41))
    assert (len(first), len(last)) == (ENDS, ENDS)
    classes = section(write(unwritten).read_text(encoding="utf-8"), "classes")
    assert all(f"class {index:02d}" in classes for index in range(40))
    assert "20 classes in between" in classes


def test_controls_are_named_where_models_are_listed(html: str):
    for name in ("accuracy", "habit", "limits"):
        assert section(html, name).count("shuffled-text control: trained on texts of other pairs") == 1


def test_an_old_run_has_none_of_it(unwritten: Path):
    html = write(unwritten).read_text(encoding="utf-8")
    for absent in (
        "although nothing was said",
        "Centre, frame, habit",
        "The mean map of each model",
        "in bits</h3>",
        'id="claims"',
    ):
        assert absent not in html
    for name in ("modifiers", "information", "models"):
        assert rows(unwritten, name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONAL)
def test_each_part_can_be_absent_and_a_spoiled_one_is_named(tmp_path: Path, fake_run, name: str):
    run = fake_run.build(tmp_path / "run", fake_run.Options(pairs=12, shown=1, edge=24))
    (run / "store" / f"{name}.parquet").unlink()
    assert '<section id="claims"' in write(run).read_text(encoding="utf-8")
    (run / "store" / f"{name}.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match=rf"{name}.parquet: not a readable Parquet file"):
        write(run)


def test_one_seed_has_no_interval_over_seeds_and_nothing_is_nothing():
    assert over_seeds([0.5], [3]).interval is None
    assert over_seeds([float("nan")], [3]).mean is None
    found = over_seeds([1.0, float("nan"), 3.0], [5, 0, 4])
    assert (found.mean, found.n, found.seeds) == (2.0, 4, 2)  # a seed without a value brings no images either
    assert over_images(pd.DataFrame({"seed": [], "key": [], "x": []}), "x").mean is None
    assert over_images(pd.DataFrame({"seed": [0], "key": ["a"], "x": [np.nan]}), "x").n == 0
