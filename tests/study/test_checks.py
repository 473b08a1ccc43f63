"""Checks as an option of a study: asked for in the file, done once, their figures in the summary."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import gazeshift as gs
from gazeshift.errors import ConfigError
from gazeshift.evaluation.checks import CHECKS
from gazeshift.study.load import read_study
from gazeshift.study.run import run_study
from tests.tiny_study import TINY, run_tiny, write_yaml

pytestmark = pytest.mark.slow

EXPLAIN: dict[str, Any] = {**TINY["explain"], "checks": list(CHECKS), "check_images": 8}  # type: ignore[dict-item]
NEED_ANOTHER_TEXT = {"naming", "mediation"}
MODELS = {"image-only": None, "text-only": None, "early-linear": None, "early-fusion": None, "mutan": None}
SILENT = {"silent": {"kind": "early-fusion", "texts": "constant"}}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked")
    run_tiny(folder, folder / "run", explain=EXPLAIN, models={**MODELS, **SILENT})
    return folder / "run"


def figures_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "summary.json").read_text())["model_checks"]


def test_every_model_that_sees_images_has_the_checks_that_say_something_of_it(checked: Path) -> None:
    figures = figures_of(checked)
    assert {model: list(checks) for model, checks in figures.items()} == {
        "image-only": ["localisation", "faithfulness", "sanity", "controls"],
        "early-linear": list(CHECKS),
        "early-fusion": list(CHECKS),
        "silent": [name for name in CHECKS if name not in NEED_ANOTHER_TEXT],  # no text that it reads is another one
        "mutan": [name for name in CHECKS if name != "mediation"],
    }
    for checks in figures.values():
        for measures in checks.values():
            for figure in measures.values():
                assert set(figure) == {"mean", "interval", "n", "seeds", "left_out"}
                assert figure["seeds"] == 2
    assert "text_excess" in figures["early-fusion"]["sanity"]
    assert "text_excess" not in figures["image-only"]["sanity"]
    assert "text_excess" not in figures["silent"]["sanity"]  # it reads the empty text, whatever it is given


def test_additive_heads_and_a_model_that_is_told_nothing_are_exactly_0(checked: Path) -> None:
    for model in ("early-linear", "silent"):
        found = figures_of(checked)[model]
        assert found["modality"]["interaction_size"]["mean"] == 0
        assert found["shift-faithfulness"]["rms_effect"]["mean"] == 0
        assert found["shift-faithfulness"]["rms_map"]["mean"] == 0
        assert found["shift-faithfulness"]["rho"]["mean"] is None
    assert figures_of(checked)["silent"]["modality"]["t_shap"]["mean"] == pytest.approx(0, abs=1e-5)
    assert figures_of(checked)["early-fusion"]["modality"]["interaction_size"]["mean"] > 0


def test_the_gaze_of_an_additive_model_changes_no_answer_and_a_model_without_one_is_named(checked: Path) -> None:
    found, summary = figures_of(checked), json.loads((checked / "summary.json").read_text())
    for edit in (edit for edit in EXPLAIN["edits"] if f"{edit}_total" in found["early-fusion"]["mediation"]):
        additive = found["early-linear"]["mediation"]
        assert additive[f"{edit}_mediated"]["mean"] == additive[f"{edit}_interaction"]["mean"] == 0
        assert additive[f"{edit}_direct"] == additive[f"{edit}_total"]
        assert additive[f"{edit}_switched_by_gaze"]["mean"] == 0
        assert additive[f"{edit}_switched_by_text"] == additive[f"{edit}_switched"]
        both = found["early-fusion"]["mediation"]
        parts = [both[f"{edit}_{part}"]["mean"] for part in ("mediated", "direct", "interaction")]
        assert sum(parts) == pytest.approx(both[f"{edit}_total"]["mean"], abs=1e-9)
    said = [warning for warning in summary["warnings"] if "mediation was skipped" in warning]
    assert [warning.startswith("mutan: ") for warning in said] == [True]


def test_rows_are_kept_and_agree_with_a_single_map(checked: Path) -> None:
    rows = pd.read_parquet(checked / "store" / "checks.parquet")
    mine = rows.query("model == 'early-fusion' and seed == 1 and check == 'faithfulness'")
    assert mine["key"].nunique() == EXPLAIN["check_images"]
    key = mine["key"].iloc[0]
    texts = pd.read_parquet(checked / "store" / "measures.parquet").query("key == @key and edit == 'original'")
    model = gs.load(checked / "models" / "early-fusion" / "seed-1")
    one = gs.faithfulness(model, checked / "plates" / key, texts["text"].iloc[0], samples=100)
    for name in ("logit", "insertion", "road", "sensitivity_30"):
        found = mine[(mine["measure"] == name) & (mine["key"] == key)]["value"].item()
        assert found == pytest.approx(one.numbers[name], rel=1e-2, abs=1e-4), name


def test_other_checks_repeat_neither_training_nor_look(checked: Path, tmp_path: Path) -> None:
    shutil.copytree(checked, tmp_path / "run")
    explain = {**EXPLAIN, "checks": ["localisation"]}
    steps = run_tiny(tmp_path, tmp_path / "run", explain=explain, models={**MODELS, **SILENT})
    done = {name for name, state in steps.items() if state == "done"}
    models = ["image-only", "early-linear", "early-fusion", "mutan", "silent"]
    assert done == {f"check {name} seed {seed}" for name in models for seed in (0, 1)} | {"summary", "report"}
    assert {tuple(checks) for checks in figures_of(tmp_path / "run").values()} == {("localisation",)}


def test_a_study_that_asks_for_none_has_none(tiny_run: Path) -> None:
    assert figures_of(tiny_run) == {}
    assert not (tiny_run / "store" / "checks.parquet").exists()
    assert not list((tiny_run / "steps").glob("check *"))


def test_unknown_checks_and_sanity_without_a_floor_are_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"explain\.checks.*unknown check 'astrology'.*Known: controls, faithfulness, localisation"
    ):
        read_study(write_yaml(tmp_path, explain={"checks": ["astrology"]}))
    with pytest.raises(ConfigError, match="explain: the check 'sanity' compares changed texts with"):
        read_study(write_yaml(tmp_path, explain={"checks": ["sanity"], "edits": ["paper-colour"]}))
    with pytest.raises(ConfigError, match="explain: the check 'mediation' takes over the gaze of changed texts"):
        read_study(write_yaml(tmp_path, explain={"checks": ["mediation"], "edits": []}))


@pytest.mark.parametrize(("check", "said"), [("shift-faithfulness", "only Plates"), ("localisation", "needs masks")])
def test_checks_that_the_data_cannot_have_are_told_before_any_training(
    checked: Path, tmp_path: Path, check: str, said: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(checked / "plates", data)
    for name in ("plates.json", "objects.parquet"):
        (data / name).unlink()
    shutil.rmtree(data / "masks")
    explain = {"edits": ["paraphrase"], "checks": [check]}
    study = read_study(write_yaml(tmp_path, data={"root": str(data)}, explain=explain, models={"early-fusion": None}))
    with pytest.raises(ConfigError, match=said):
        run_study(study, tmp_path / "run", "x", lambda event: None, False)
    assert not (tmp_path / "run" / "models").exists()
