"""Given models in a study: beside trained ones, alone, and compared with themselves told nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.claims.roles import Player, Roles
from gazeshift.data.decode import decode
from gazeshift.data.sources import load_pairs
from gazeshift.errors import ConfigError
from gazeshift.mapstore.store import read_maps
from gazeshift.measures import distribution, jensen_shannon, on_common_grid
from gazeshift.runs.folder import RunFolder, Unit
from tests.study import given_models
from tests.tiny_study import TINY, run_tiny

HERE = "python:tests.study.given_models"
GIVEN = {"mine": {"from": f"{HERE}:make"}, "other": {"from": f"{HERE}:other"}}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained models and a given one, in one study of two seeds."""
    folder = tmp_path_factory.mktemp("given")
    models = {"image-only": None, "early-fusion": None, "mine": {"from": f"{HERE}:make"}}
    run_tiny(folder, folder / "run", models=models)
    return folder / "run"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two given models, nothing trained."""
    folder = tmp_path_factory.mktemp("alone")
    explain = {**TINY["explain"], "windows": 2, "checks": ["faithfulness"]}
    states = run_tiny(folder, folder / "run", models=GIVEN, image={"name": "none"}, explain=explain)
    assert not [step for step in states if step.startswith("train")]
    return folder / "run"


@pytest.mark.slow
def test_a_given_model_stands_in_the_tables_beside_the_trained_ones(both: Path) -> None:
    summary = gs.read_summary(both)
    assert set(summary.accuracy) == {"image-only", "early-fusion", "mine", "mine-without-text"}
    assert summary.accuracy["mine"]["test"].seeds == 1
    assert summary.accuracy["early-fusion"]["test"].seeds == 2
    assert set(summary.edits["mine"]) == set(summary.edits["early-fusion"])
    assert "mine-without-text" not in summary.edits  # it is told the empty text, whatever the pair's
    assert summary.gap["mine"].mean is not None
    page = (both / "report.html").read_text(encoding="utf-8")
    assert '<span class="n">to mine-without-text</span>' in page  # what the gap is to, under the number
    assert page.count("<td>not declared</td>") == 1
    assert "told the empty text, whatever the pair" in page
    assert "trained and evaluated with the empty text" not in page


@pytest.mark.slow
def test_its_measures_are_those_of_explain_on_the_crop(both: Path) -> None:
    """The picture as the study crops it, at the photo's own resolution."""
    rows = pd.read_parquet(RunFolder(both).part(Unit("mine", 0), "measures"))
    maps, raw = read_maps(RunFolder(both).maps(Unit("mine", 0)))
    pairs = {pair.key: pair for pair in load_pairs(both / "plates").pairs}
    model = given_models.make()
    for key in list(dict.fromkeys(rows["key"]))[:3]:
        told = rows[rows["key"] == key].set_index("edit")["text"]
        found = gs.explain(model, decode(pairs[key].image), [told["original"], told["other-object"]])
        moved = gs.shift(found)
        row = rows[(rows["key"] == key) & (rows["edit"] == "other-object")].iloc[0]
        assert row["js_bits"] == pytest.approx(moved.js_bits, abs=1e-6, nan_ok=True)
        assert row["switch"] == pytest.approx(moved.switch, abs=1e-6, nan_ok=True)
        stored = raw[
            ((maps["key"] == key) & (maps["edit"] == "original") & (maps["target"] == "predicted")).to_numpy()
        ][0]
        np.testing.assert_allclose(stored, found.raw[0], rtol=0, atol=2e-3 * np.abs(found.raw[0]).max())


@pytest.mark.slow
def test_two_given_models_are_compared_map_by_map_with_their_floor(alone: Path) -> None:
    summary = gs.read_summary(alone)
    samples = pd.read_parquet(RunFolder(alone).table("samples"))
    assert samples["js_bits"].notna().any()
    assert summary.edits["other"]["paraphrase"]["js_bits"].mean is not None
    assert {claim.verdict for claim in summary.claims.values()} == {"not testable"}
    assert (alone / "report.html").is_file()
    assert "mine-without-text" in (alone / "report.html").read_text(encoding="utf-8")


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """Jensen-Shannon divergence of two maps' positive parts in bits, cell by cell; NaN if one has none."""
    p, q = (np.maximum(raw, 0).astype(float).ravel() for raw in (one, other))
    if not (p.sum() and q.sum()):
        return float("nan")
    p, q = p / p.sum(), q / q.sum()
    terms = [a * np.log2(2 * a / (a + b)) for a, b in [*zip(p, q, strict=True), *zip(q, p, strict=True)] if a > 0]
    return float(sum(terms)) / 2


@pytest.mark.slow
def test_maps_of_the_same_photo_text_and_class_are_compared(alone: Path) -> None:
    rows = pd.read_parquet(RunFolder(alone).comparison("mine", "other"))
    pairs = {pair.key: pair for pair in load_pairs(alone / "plates").pairs}
    measures = pd.read_parquet(RunFolder(alone).part(Unit("mine", 0), "measures"))
    paraphrases = measures[measures["edit"] == "paraphrase"].set_index("key")["text"]
    one, other = given_models.make(), given_models.other()
    assert len(rows) == 20
    for _, row in rows.head(5).iterrows():
        picture, texts = decode(pairs[row["key"]].image), [pairs[row["key"]].text, paraphrases[row["key"]]]
        answer = one.classes[gs.explain(one, picture, texts).predicted[0]]
        mine, theirs = (gs.explain(model, picture, texts, target=answer) for model in (one, other))
        assert (row["class"], row["first"]) == (answer, answer)
        assert row["second"] == other.classes[theirs.predicted[0]]
        assert row["differ"] == (row["first"] != row["second"])
        expected = {
            "js_bits": divergence(mine.raw[0], theirs.raw[0]),
            "floor_first": divergence(mine.raw[0], mine.raw[1]),
            "floor_second": divergence(theirs.raw[0], theirs.raw[1]),
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=1e-5, nan_ok=True), name
    assert rows["js_bits"].max() > 0.01


@pytest.mark.slow
def test_the_comparison_is_a_median_in_the_summary_and_a_figure_of_the_report(alone: Path) -> None:
    rows = pd.read_parquet(RunFolder(alone).comparison("mine", "other"))
    summary = gs.read_summary(alone)
    (found,) = summary.comparisons
    assert (found.first, found.second) == ("mine", "other")
    assert found.js_bits.median == pytest.approx(rows["js_bits"].median())
    assert found.js_bits.n + found.js_bits.left_out == len(rows)
    assert found.floors["other"].median == pytest.approx(rows["floor_second"].median())
    beyond = rows["js_bits"] - rows[["floor_first", "floor_second"]].max(axis=1)
    assert found.excess.median == pytest.approx(beyond.median())
    assert found.differ.mean == pytest.approx(rows["differ"].mean())
    low, high = found.js_bits.interval
    assert low < found.js_bits.median < high
    page = (alone / "report.html").read_text(encoding="utf-8")
    assert '<section id="compared"' in page
    assert "noise of other" in page
    assert any("The maps of mine and other lie" in sentence for sentence in summary.headline)
    table = pd.read_csv(alone / "comparisons.csv").set_index("measure")
    assert table.loc["js_bits", "value"] == pytest.approx(found.js_bits.median)


@pytest.mark.slow
def test_the_window_of_a_given_model_is_shifted_too(alone: Path) -> None:
    rows = pd.read_parquet(RunFolder(alone).part(Unit("mine", 0), "equivariance")).set_index("key")
    pairs = {pair.key: pair for pair in load_pairs(alone / "plates").pairs}
    assert len(rows) == 2
    model, moves = given_models.make(), [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    for key, slope in rows["slope"].items():
        picture, centres = decode(pairs[str(key)].image).convert("RGB"), []
        answer = None
        for x, y in moves:  # windows of 0.8 of 48 pixels, moved by half of what is left
            left, top = 4.8 + 4.8 * x, 4.8 + 4.8 * y
            window = picture.resize((38, 38), Image.Resampling.BICUBIC, box=(left, top, left + 38.4, top + 38.4))
            found = gs.explain(model, window, [pairs[str(key)].text], target=answer or "predicted")
            answer = answer or model.classes[found.predicted[0]]
            mass = np.maximum(found.raw[0], 0) / np.maximum(found.raw[0], 0).sum()
            place = (np.arange(6) + 0.5) / 3 - 1
            centres.append((mass.sum(0) @ place, mass.sum(1) @ place))
        content, centroids = -0.25 * np.array(moves, float), np.array(centres)
        moved, shown = (part - part.mean(0) for part in (content, centroids))
        assert slope == pytest.approx((moved * shown).sum() / (moved**2).sum(), abs=1e-4, nan_ok=True)


@pytest.mark.slow
def test_checks_that_were_not_made_are_named(alone: Path) -> None:
    skipped = [line for line in gs.read_summary(alone).warnings if "were skipped" in line]
    assert [
        line.startswith("mine, other, mine-without-text, other-without-text: the checks (faithfulness)")
        for line in skipped
    ] == [True]
    assert skipped[0] in (alone / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_maps_of_a_model_that_cuts_pictures_itself_lie_where_it_looked(tmp_path: Path) -> None:
    models = {"middle": {"from": f"{HERE}:middle"}}
    explain = {"edits": ["paraphrase"], "samples": 1, "images": 6}
    run_tiny(tmp_path, tmp_path / "run", models=models, image={"name": "none"}, seeds=[0], explain=explain)
    rows, maps = read_maps(RunFolder(tmp_path / "run").maps(Unit("middle", 0)))
    pairs = {pair.key: pair for pair in load_pairs(tmp_path / "run" / "plates").pairs}
    model = given_models.middle()
    assert maps.shape[1:] == (12, 12)
    own = (rows["edit"] == "original") & (rows["target"] == "predicted")
    measures = pd.read_parquet(RunFolder(tmp_path / "run").part(Unit("middle", 0), "measures"))
    masses = measures[measures["edit"] == "original"].set_index("key")["mask_mass"]
    checked = 0
    for key, stored in zip(rows["key"][own], maps[own.to_numpy()], strict=True):
        raw = gs.explain(model, decode(pairs[key].image), [pairs[key].text]).raw[0]
        np.testing.assert_allclose(stored[3:9, 3:9], raw, rtol=0, atol=2e-3 * np.abs(raw).max())
        assert np.abs(stored).sum() == pytest.approx(np.abs(stored[3:9, 3:9]).sum())
        referred = next((each.index for each in pairs[key].objects if each.referred), 0)
        mask = np.asarray(Image.open(pairs[key].objects[0].shapes[0].source)) == referred
        if referred and mask.any() and (raw > 0).any():
            pixels = np.kron(np.maximum(raw, 0), np.ones((4, 4))) / 16  # 24 pixels a side, in the middle of 48
            inside = (pixels * mask[12:36, 12:36]).sum() / pixels.sum()
            assert masses[key] == pytest.approx(inside, abs=2e-3)
            checked += 1
    assert checked > 1


def test_a_model_that_flips_its_pictures_is_refused(tmp_path: Path) -> None:
    models = {"mirrored": {"from": f"{HERE}:mirrored"}}
    with pytest.raises(ConfigError, match=r"models.mirrored: .* is no upright part of it") as error:
        run_tiny(tmp_path, tmp_path / "run", models=models, image={"name": "none"}, seeds=[0])
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_told_nothing_it_predicts_as_with_the_empty_text(alone: Path) -> None:
    rows = pd.read_parquet(RunFolder(alone).part(Unit("mine-without-text", 0), "predictions"))
    pairs = {pair.key: pair for pair in load_pairs(alone / "plates").pairs}
    model = given_models.make()
    for key, predicted in list(zip(rows["key"], rows["predicted"], strict=True))[:4]:
        found = gs.explain(model, decode(pairs[key].image), [""])
        assert model.classes[found.predicted[0]] == predicted


@pytest.mark.slow
def test_the_same_command_goes_on_and_a_new_checkpoint_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"models": {"mine": {"from": f"{HERE}:make"}}, "image": {"name": "none"}, "seeds": [0]}
    run_tiny(tmp_path, tmp_path / "run", **changes)
    assert set(run_tiny(tmp_path, tmp_path / "run", **changes).values()) == {"reused"}
    made = given_models.other()
    monkeypatch.setattr(given_models, "make", lambda: made)
    states = run_tiny(tmp_path, tmp_path / "run", **changes)
    assert states["evaluate mine seed 0"] == "done"
    assert states["data"] == "reused"


@pytest.mark.slow
def test_a_model_of_other_classes_has_maps_but_no_accuracy(tmp_path: Path) -> None:
    models = {"asked": {"from": f"{HERE}:of_two_classes"}, "deaf": {"from": f"{HERE}:deaf", "reads_text": False}}
    run_tiny(tmp_path, tmp_path / "run", models=models, image={"name": "none"}, seeds=[0])
    summary = gs.read_summary(tmp_path / "run")
    assert summary.accuracy["asked"]["test"].mean is None
    assert summary.accuracy["deaf"]["test"].mean is not None
    assert summary.maps["asked"]["coverage"].mean is not None


def test_the_counterpart_stands_for_the_image_only_model() -> None:
    clip = Player("clip", "given", "own", True, True, given=True, counterpart="silent")
    silent = Player("silent", "text-free", "constant", True, False, given=True)
    roles = Roles((clip, silent))
    assert (roles.lead, roles.get("image"), roles.compared) == ("clip", "silent", ("silent", "clip"))
    seer = Player("seer", "image-only", "own", True, False)
    assert Roles((clip, silent, seer)).get("image") == "seer"
    assert Roles((clip, silent, seer)).without_text("clip") == "silent"
    assert (
        Roles((clip, silent, seer)).without_text("silent") is None
    )  # not the image-only model, another one without text
    assert Roles((clip, silent, seer)).compared == ("silent", "clip")
    tuned = Player("tuned", "given", "own", True, True, given=True, counterpart="silent")
    assert Roles((clip, tuned, silent)).compared == ("clip", "tuned")


def test_maps_on_different_grids_are_compared_by_area() -> None:
    fine = distribution(torch.rand(1, 6, 6, generator=torch.Generator().manual_seed(0)).double().numpy())
    coarse = fine.reshape(1, 3, 2, 3, 2).sum((2, 4))
    same, other = on_common_grid(fine, coarse)
    np.testing.assert_allclose(same, other, atol=1e-12)
    assert float(jensen_shannon(same, other)[0]) == pytest.approx(0, abs=1e-12)
    uneven, _ = on_common_grid(fine, np.ones((1, 4, 5)) / 20)
    assert uneven.shape == (1, 4, 5)
    assert uneven.sum() == pytest.approx(1)
