"""The figures of a card are the study's own, and of the right model."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import EvalResult

import gazeshift as gs
from gazeshift.errors import DataError, UsageError
from gazeshift.sharing import model_card
from tests.conftest import Command

MODELS = ("image-only", "text-only", "early-linear", "early-fusion")


def loaded(run: Path, model: str, seed: int = 0) -> gs.Classifier:
    return gs.load(run / "models" / model / f"seed-{seed}")


def rows(card: str) -> dict[str, tuple[str, str, str]]:
    """The table of figures: by what was measured, its mean, interval, and images x seeds."""
    section = card.partition("## What was found")[2].partition("## ")[0]
    cells = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {what.strip(): (mean.strip(), low.strip(), over.strip()) for what, mean, low, over in cells[1:]}


def numbers(cell: str) -> list[float]:
    scale = 0.01 if "%" in cell else 1.0
    return [scale * float(found.replace("−", "-")) for found in re.findall(r"[+−]?\d+\.\d+", cell)]


def figures(summary: Mapping[str, Any], model: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What ``summary.json`` says of a model, under the words of the card."""
    edits = summary["edits"].get(model, {})
    yield "accuracy, test pairs", summary["accuracy"][model]["test"]
    yield "accuracy, validation pairs", summary["accuracy"][model]["validation"]
    if model in summary["maps"]:
        yield "maps with the pairs’ own texts: centre bias", summary["maps"][model]["centre_bias"]
        yield "maps with the pairs’ own texts: undefined maps", summary["maps"][model]["undefined"]
        yield "the object that the text names: lift (mean of mass / area)", summary["masks"][model]["lift"]
    if edits:
        yield "a text that names another object of the scene: JS, bits", edits["other-object"]["js_bits"]
        yield "a text that names another object of the scene: within class, bits", edits["other-object"]["within"]
        yield "a paraphrase: JS, bits", edits["paraphrase"]["js_bits"]


@pytest.mark.parametrize("model", MODELS)
def test_the_numbers_are_those_of_the_summary(tiny_run: Path, model: str) -> None:
    shown = rows(model_card(loaded(tiny_run, model), "me/model", tiny_run).text)
    summary = json.loads((tiny_run / "summary.json").read_text(encoding="utf-8"))
    found = dict(figures(summary, model))
    assert set(found) <= set(shown)
    for what, figure in found.items():
        mean, interval, over = shown[what]
        assert numbers(mean) == pytest.approx([] if figure["mean"] is None else [figure["mean"]], abs=0.0051)
        assert numbers(interval) == pytest.approx(figure["interval"] or [], abs=0.0051)
        assert over == f"{figure['n']} x {figure['seeds']}"


def test_figures_that_a_model_cannot_have_are_absent(tiny_run: Path) -> None:
    assert not [
        what for what in rows(model_card(loaded(tiny_run, "text-only"), "me/model", tiny_run).text) if "map" in what
    ]
    seen = rows(model_card(loaded(tiny_run, "image-only"), "me/model", tiny_run).text)
    assert not [what for what in seen if "a text that" in what or "paraphrase" in what or "image-only" in what]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_accuracy_in_the_metadata_is_that_of_these_weights(tiny_run: Path, gazeshift: Command, seed: int) -> None:
    card = model_card(loaded(tiny_run, "early-fusion", seed), "me/model", tiny_run)
    folder = tiny_run / "models" / "early-fusion" / f"seed-{seed}"
    code, out, _ = gazeshift("evaluate", folder, "--data", tiny_run / "plates", "--json")
    assert code == 0
    (result,) = card.data.eval_results
    assert isinstance(result, EvalResult)
    assert result.metric_value == pytest.approx(json.loads(out)["accuracy"], abs=1e-4)
    assert (result.metric_type, result.dataset_split, result.dataset_name) == ("accuracy", "test", "Plates (synthetic)")
    assert f"those of seed {seed}, whose own accuracy on these pairs is {100 * result.metric_value:.1f}" in card.text


def test_caveats_of_other_models_are_left_out(tiny_run: Path) -> None:
    caveats = gs.read_summary(tiny_run).warnings
    assert any(said.startswith("image-only, early-linear, early-fusion: ") for said in caveats)
    card = model_card(loaded(tiny_run, "early-fusion"), "me/model", tiny_run).text
    assert "early-fusion: maps of only 3 x 3 cells" in card
    assert "of the texts contain the name of their class" in card
    assert "early-linear" not in card.partition("Caveats")[2]


def test_the_checks_of_a_study_are_shown(tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    road = {"mean": -0.1234, "interval": [-0.2, -0.05], "n": 20, "seeds": 2}
    summary["model_checks"] = {"early-fusion": {"faithfulness": {"road": road}}}
    (run / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    shown = {model: rows(model_card(loaded(run, model), "me/model", run).text) for model in MODELS}
    assert shown["early-fusion"]["faithfulness: ROAD"] == ("−0.123", "−0.200 to −0.050", "20 x 2")
    assert not [what for what in shown["early-linear"] if "ROAD" in what]


def test_no_path_is_told(tiny_run: Path) -> None:
    card = str(model_card(loaded(tiny_run, "early-fusion"), "me/model", tiny_run))
    assert str(tiny_run) not in card
    assert "gazeshift study" not in card


def test_the_study_of_another_model_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    model = loaded(tiny_run, "early-fusion")
    with pytest.raises(UsageError, match="has no early-fusion: give the study that trained the model"):
        gs.save_pretrained(_without_seed(model, tmp_path), tmp_path / "shared", tiny_run)
    next(model.head.parameters()).data += 1
    with pytest.raises(DataError, match="early-fusion seed 0 has other weights than this model"):
        gs.save_pretrained(model, tmp_path / "shared", tiny_run)
    model.spec = model.spec.model_copy(update={"name": "late"})
    with pytest.raises(UsageError, match="has no late seed 0"):
        gs.save_pretrained(model, tmp_path / "shared", tiny_run)
    assert not (tmp_path / "shared").exists()


def test_an_unfinished_study_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    with pytest.raises(DataError, match=r"summary.json is missing: the run is unfinished"):
        model_card(loaded(tiny_run, "early-fusion"), "me/model", tmp_path / "run")


def test_the_command_prints_the_card(tiny_run: Path, gazeshift: Command) -> None:
    folder = tiny_run / "models" / "early-linear" / "seed-1"
    code, out, err = gazeshift("card", folder, "--run", tiny_run, "--license", "mit", "--dataset", "me/pairs")
    assert (code, err) == (0, "")
    assert out.startswith("---\ndatasets:\n- me/pairs\nlibrary_name: gazeshift\nlicense: mit\n")
    assert "two texts give the same map of the same class" in out


def _without_seed(model: gs.Classifier, folder: Path) -> gs.Classifier:
    from gazeshift.models import save  # noqa: PLC0415

    save(model, folder / "without", training={})
    return gs.load(folder / "without")
