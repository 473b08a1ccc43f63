"""The section and the table of the checks of models: there if the study asked for them, and only then."""

import json
from pathlib import Path

import pytest
from fake_run import build, figure

from gazeshift.report import write
from gazeshift.report.model_checks import panels
from gazeshift.report.store import read_run
from gazeshift.spreadsheet import read_csv

FOUND = {
    "image-only": {
        "localisation": {"energy_corrected": figure(0.31), "energy_ceiling_corrected": figure(0.77)},
        "sanity": {"cascade_1_of_2_spearman": figure(0.8), "cascade_2_of_2_spearman": figure(0.05)},
    },
    "early-fusion": {
        "localisation": {"energy_corrected": figure(0.42), "energy_ceiling_corrected": figure(0.77)},
        "shift-faithfulness": {"rho": figure(None), "rms_effect": figure(0.0)},
    },
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = build(tmp_path / "run")
    summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
    (path / "summary.json").write_text(json.dumps({**summary, "model_checks": FOUND}), encoding="utf-8")
    return path


def test_panels_hold_what_each_model_has(run: Path) -> None:
    found = {panel.name: panel for panel in panels(read_run(run))}
    assert list(found) == ["localisation", "shift-faithfulness", "sanity"]
    assert [column.title for column in found["localisation"].columns] == ["energy", "its ceiling"]
    assert list(found["shift-faithfulness"].rows) == ["early-fusion"]
    (last,) = found["sanity"].columns  # the whole trunk random, not its last layers alone
    assert found["sanity"].rows["image-only"][last.name].mean == 0.05


@pytest.mark.slow
def test_page_and_table_show_them(run: Path) -> None:
    page = write(run).read_text(encoding="utf-8")
    assert 'href="#modelchecks"' in page
    section = page[page.index('<section id="modelchecks"') :]
    section = section[: section.index("</section>")]
    assert '<data value="0.42">0.42</data>' in section
    assert "undefined" in section  # rho has no value
    rows = read_csv(run / "modelchecks.csv")
    assert len(rows) == 8
    energy = next(row for row in rows if (row["model"], row["measure"]) == ("early-fusion", "energy_corrected"))
    assert (energy["check"], float(energy["mean"]), int(energy["n"])) == ("localisation", 0.42, 40)
    rho = next(row for row in rows if row["measure"] == "rho")
    assert rho["mean"] == rho["low"] == ""


@pytest.mark.slow
def test_a_study_without_checks_says_nothing_of_them(tmp_path: Path) -> None:
    path = build(tmp_path / "run")
    assert 'id="modelchecks"' not in write(path).read_text(encoding="utf-8")
    assert (path / "modelchecks.csv").read_text(encoding="utf-8").count("\n") == 1
