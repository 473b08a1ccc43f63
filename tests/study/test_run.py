import json
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

import gazeshift as gs
from gazeshift.cli.models import evaluate_model
from gazeshift.errors import ConfigError, TrainingError
from gazeshift.mapstore.store import read_maps
from gazeshift.measures import MAP_MEASURES, coverage
from gazeshift.measures.per_map import MapMeasure
from gazeshift.study import unit_steps
from tests.tiny_study import TINY, run_tiny

pytestmark = pytest.mark.slow


def test_a_run_holds_models_figures_and_a_report(tiny_run: Path) -> None:
    summary = json.loads((tiny_run / "summary.json").read_text())
    assert list(summary["accuracy"]) == list(TINY["models"])  # type: ignore[call-overload]
    for name in TINY["models"]:  # type: ignore[attr-defined]
        figure = summary["accuracy"][name]["test"]
        assert 0 <= figure["mean"] <= 1
        assert (figure["n"], figure["seeds"]) == (20, 2)
    assert "<html" in (tiny_run / "report.html").read_text()


def test_accuracy_is_that_of_the_predictions_and_of_the_saved_model(
    tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = json.loads((tiny_run / "summary.json").read_text())
    predictions = pd.read_parquet(tiny_run / "store" / "predictions.parquet")
    root = tiny_run / "plates"
    found = []
    for seed in (0, 1):
        evaluate_model(tiny_run / "models" / "early-fusion" / f"seed-{seed}", root, "test", as_json=True)
        result = json.loads(capsys.readouterr().out)
        rows = predictions.query("model == 'early-fusion' and split == 'test' and seed == @seed")
        assert result == {"accuracy": pytest.approx((rows["label"] == rows["predicted"]).mean()), "n": 20}
        found.append(result["accuracy"])
    assert summary["accuracy"]["early-fusion"]["test"]["mean"] == pytest.approx(sum(found) / 2)


def test_stored_maps_are_those_of_explain(tiny_run: Path) -> None:
    rows, maps = read_maps(tiny_run / "store" / "maps" / "early-fusion" / "seed-0.parquet")
    model = gs.load(tiny_run / "models" / "early-fusion" / "seed-0")
    root = tiny_run / "plates"
    for index in range(0, len(rows), 17):
        row = rows.iloc[index]
        explained = gs.explain(model, root / row["key"], [row["text"]], target=row["class"])
        scale = abs(explained.raw[0]).max()
        assert abs(explained.raw[0] - maps[index]).max() <= 1e-3 * scale


def test_measures_say_what_the_maps_say(tiny_run: Path) -> None:
    measures = pd.read_parquet(tiny_run / "store" / "measures.parquet")
    own = measures[measures["edit"] == "original"]
    defined = own[own["defined"]]
    assert (defined["js_bits"] == 0).all()
    linear = measures[(measures["model"] == "early-linear") & measures["within"].notna()]
    assert len(linear) > 0
    assert linear["within"].abs().max() < 1e-6
    assert set(measures[measures["model"] == "image-only"]["edit"]) == {"original"}
    both = measures[["switch", "within"]].sum(axis=1, skipna=False)
    known = both.notna()
    assert (both[known] - measures["js_bits"][known]).abs().max() < 1e-9


def test_an_edit_that_names_another_dish_is_measured_in_its_mask(tiny_run: Path) -> None:
    measures = pd.read_parquet(tiny_run / "store" / "measures.parquet")
    named = measures[(measures["edit"] == "other-object") & measures["named_mass"].notna()]
    assert len(named) > 0
    assert ((named["named_mass"] - named["named_mass_before"]) - named["named_mass_change"]).abs().max() < 1e-12


def test_the_same_command_again_repeats_nothing(tiny_run: Path, tmp_path: Path) -> None:
    before = (tiny_run / "summary.json").read_bytes()
    outcome = run_tiny(tmp_path, tiny_run)
    assert set(outcome.values()) == {"reused"}
    assert (tiny_run / "summary.json").read_bytes() == before


def test_a_changed_setting_repeats_only_what_it_touches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"models": {"image-only": None, "early-fusion": None}, "seeds": [0]}
    run_tiny(tmp_path, tmp_path / "run", **small)
    edits = {"edits": ["paraphrase", "paper-colour", "paper-position"], "samples": 2}
    looked = run_tiny(tmp_path, tmp_path / "run", **small, explain=edits)
    assert {name for name, state in looked.items() if state == "done"} == {
        "evaluate image-only seed 0",
        "evaluate early-fusion seed 0",
        "summary",
        "report",
    }
    wider = {"models": {"image-only": None, "early-fusion": {"head": {"hidden": 8}}}, "seeds": [0], "explain": edits}
    trained = run_tiny(tmp_path, tmp_path / "run", **wider)
    assert {name for name, state in trained.items() if state == "done"} == {
        "train early-fusion seed 0",
        "evaluate early-fusion seed 0",
        "summary",
        "report",
    }
    monkeypatch.setattr(
        unit_steps, "_TABLES", -1
    )  # tables of another gazeshift: made again from the models that are there
    older = run_tiny(tmp_path, tmp_path / "run", **wider)
    assert {name for name, state in older.items() if state == "done"} == {
        "evaluate image-only seed 0",
        "evaluate early-fusion seed 0",
        "summary",
        "report",
    }


def test_an_interrupted_run_is_continued_to_the_same_end(
    tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse, calls = unit_steps.analyse_unit, []

    def interrupted(*args: object, **options: object) -> None:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        analyse(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(unit_steps, "analyse_unit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_tiny(tmp_path, tmp_path / "run")
    assert not (tmp_path / "run" / "report.html").exists()
    monkeypatch.undo()
    outcome = run_tiny(tmp_path, tmp_path / "run")
    assert list(outcome.values()).count("reused") == 7  # plates, data, three trainings, two evaluations
    whole = json.loads((tiny_run / "summary.json").read_text())
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == whole


def test_a_loss_that_is_no_number_stops_with_one_line_and_keeps_a_model(tmp_path: Path) -> None:
    burning = {"optimizer": "sgd", "learning_rate": 1e30, "batch_size": 16, "epochs": 2, "schedule": "constant"}
    with pytest.raises(TrainingError) as caught:
        run_tiny(tmp_path, tmp_path / "run", training=burning, models={"image-only": None}, seeds=[0])
    message = str(caught.value)
    assert "\n" not in message
    assert "image-only" in message
    kept = gs.load(tmp_path / "run" / "models" / "image-only" / "seed-0.last-good")
    assert all(value.isfinite().all() for value in kept.state_dict().values())
    assert not (tmp_path / "run" / "models" / "image-only" / "seed-0").exists()


def test_one_study_at_a_time_in_a_folder(tmp_path: Path, tiny_run: Path) -> None:
    with FileLock(tiny_run / ".lock"), pytest.raises(ConfigError, match="another study is running"):
        run_tiny(tmp_path, tiny_run)


def test_lost_parts_are_made_again(tmp_path: Path) -> None:
    small = {"models": {"image-only": None}, "seeds": [0]}
    run_tiny(tmp_path, tmp_path / "run", **small)
    before = (tmp_path / "run" / "summary.json").read_bytes()
    (tmp_path / "run" / "store" / "maps" / "image-only" / "seed-0.parquet").unlink()
    (tmp_path / "run" / "summary.json").unlink()
    again = run_tiny(tmp_path, tmp_path / "run", **small)
    assert again["train image-only seed 0"] == "reused"
    assert again["evaluate image-only seed 0"] == "done"
    assert (tmp_path / "run" / "summary.json").read_bytes() == before


@pytest.mark.usefixtures("registries_as_before")
@pytest.mark.parametrize("secondary", [True, False])
def test_a_new_measure_is_in_a_run_continued_and_nothing_is_trained_again(tmp_path: Path, secondary: bool) -> None:
    small = {"models": {"image-only": None}, "seeds": [0]}
    run_tiny(tmp_path, tmp_path / "run", **small)
    before = json.loads((tmp_path / "run" / "summary.json").read_text())["maps"]["image-only"]
    MAP_MEASURES["twice"] = MapMeasure(lambda maps: 2 * coverage(maps.p), "0 to 2", "wider", secondary)
    again = run_tiny(tmp_path, tmp_path / "run", **small)
    assert again["train image-only seed 0"] == "reused"
    assert again["evaluate image-only seed 0"] == ("done" if secondary else "reused")
    after = json.loads((tmp_path / "run" / "summary.json").read_text())["maps"]["image-only"]
    assert after.keys() - before.keys() == ({"twice"} if secondary else set())
    assert {name: after[name] for name in before} == before
    if secondary:
        assert after["twice"]["mean"] == pytest.approx(2 * after["coverage"]["mean"])


def test_the_parts_of_the_headline_are_over_the_same_images(tiny_run: Path) -> None:
    summary = json.loads((tiny_run / "summary.json").read_text())
    for edits in summary["edits"].values():
        for figures in edits.values():
            parts = [figures[name] for name in ("js_split", "switch", "within", "switched_split")]
            assert len({part["n"] for part in parts}) == 1
            if parts[0]["mean"] is not None:
                assert parts[1]["mean"] + parts[2]["mean"] == pytest.approx(parts[0]["mean"])


def test_maps_too_small_to_tell_places_are_warned_of(tiny_run: Path) -> None:
    warnings = json.loads((tiny_run / "run.json").read_text())["warnings"]
    assert any(
        warning.startswith("image-only, early-linear, early-fusion: maps of only 3 x 3 cells") for warning in warnings
    )


def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="not empty"):
        run_tiny(tmp_path, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
