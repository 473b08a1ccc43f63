"""The guard of a product: what it records, and when it fails."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gazeshift as gs
from gazeshift.data.decode import decode
from gazeshift.data.plates import PlatesConfig, write
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError, UsageError
from gazeshift.evaluation.guard import MARGIN, GuardRecord, compare, record
from gazeshift.pairs import Pair
from tests.conftest import Command
from tests.study import given_models

HERE = "python:tests.study.given_models"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guard") / "plates"
    write(PlatesConfig(size=48, train=16, test=14, n_dishes=4), folder, 1)
    return folder


@pytest.fixture(scope="module")
def pairs(root: Path) -> list[Pair]:
    return [pair for pair in load_pairs(root).pairs if pair.split == "test"]


@pytest.fixture(scope="module")
def before(pairs: list[Pair]) -> GuardRecord:
    return record(given_models.make(), pairs, pairs, given_models.CLASSES)


def test_the_share_of_the_text_is_that_of_modality(before: GuardRecord, pairs: list[Pair]) -> None:
    for pair in pairs[:3]:
        found = gs.modality(given_models.make(), decode(pair.image), pair.text, orders=2)
        expected = abs(found.text) / (abs(found.text) + abs(found.image))
        assert before.measures["text_share"][pair.key] == pytest.approx(expected, rel=1e-4)


def test_answers_without_the_text_and_with_another(before: GuardRecord, pairs: list[Pair]) -> None:
    model = given_models.make()
    for pair in pairs[:4]:
        (guess,) = gs.explain(model, decode(pair.image), [""]).predicted
        assert before.measures["right_without_text"][pair.key] == float(model.classes[guess] == pair.label)
    assert set(before.measures["follows_other_text"].values()) <= {0.0, 1.0}


def test_the_same_model_passes_and_one_that_reads_more_fails(before: GuardRecord, pairs: list[Pair]) -> None:
    again = record(given_models.make(), pairs, pairs, given_models.CLASSES)
    assert not any(change.worse for change in compare(before, again))
    more = compare(before, record(given_models.reads_more(), pairs, pairs, given_models.CLASSES))
    failed = {change.measure: change for change in more if change.worse}
    assert "text_share" in failed
    assert "the answer rests more on the text: text_share 0." in failed["text_share"].sentence
    back = compare(record(given_models.reads_more(), pairs, pairs, given_models.CLASSES), before)
    assert not any(change.worse and change.measure == "text_share" for change in back)


def changed(before: GuardRecord, measure: str, by: Callable[[float], float]) -> GuardRecord:
    values = {key: None if value is None else by(value) for key, value in before.measures[measure].items()}
    return before.model_copy(update={"measures": {**before.measures, measure: values}})


def test_what_lies_within_the_floor_is_noise(before: GuardRecord) -> None:
    floor = max(MARGIN, before.floor["text_share"])
    within, beyond = (
        changed(before, "text_share", lambda value, step=step: value + step) for step in (0.9 * floor, 1.1 * floor)
    )
    assert not any(change.worse for change in compare(before, within))
    assert [change.measure for change in compare(before, beyond) if change.worse] == ["text_share"]
    scattered = iter(np.random.default_rng(0).normal(1.1 * floor, 5, 100))
    unsure = changed(before, "text_share", lambda value: value + next(scattered))
    assert not any(change.worse for change in compare(before, unsure))


def test_a_measure_that_is_defined_on_too_few_pairs_is_skipped(before: GuardRecord, pairs: list[Pair]) -> None:
    switched = before.measures["follows_other_text"]
    few = {key: value if key in [pair.key for pair in pairs[:3]] else None for key, value in switched.items()}
    sparse = before.model_copy(update={"measures": {**before.measures, "follows_other_text": few}})
    changes = {change.measure: change for change in compare(sparse, before)}
    skipped = changes["follows_other_text"]
    assert (skipped.verdict, skipped.before, skipped.after, skipped.worse) == ("skipped", None, None, False)
    assert skipped.sentence.startswith("not compared: follows_other_text is defined on too few pairs")
    assert changes["text_share"].verdict == "passed"


def test_a_measure_that_can_no_longer_be_computed_fails(before: GuardRecord) -> None:
    """A checkpoint whose answer depends on nothing has no shares."""
    nothing = before.model_copy(
        update={"measures": {**before.measures, "text_share": dict.fromkeys(before.measures["text_share"])}}
    )
    lost = {change.measure: change for change in compare(before, nothing)}["text_share"]
    assert (lost.verdict, lost.worse, lost.recorded) == ("FAILED", True, len(before.measures["text_share"]))
    assert "text_share can no longer be computed: it was defined on 14 pairs, and now on 0" in lost.sentence
    again = {change.measure: change for change in compare(nothing, before)}["text_share"]
    assert again.verdict == "skipped"  # there is nothing it could be worse than


def test_a_model_without_numbers_is_neither_recorded_nor_passed(root: Path, tmp_path: Path, gazeshift: Command) -> None:
    baseline = tmp_path / "guard.json"
    for recorded in (False, True):
        if recorded:
            gazeshift("guard", f"{HERE}:make", "--data", root, "--baseline", baseline)
        code, out, err = gazeshift("guard", f"{HERE}:not_finite", "--data", root, "--baseline", baseline)
        assert (code, out, "outputs are not finite" in err) == (2, "", True)
        assert baseline.exists() == recorded


def test_a_file_that_is_no_record_stays(root: Path, tmp_path: Path, gazeshift: Command) -> None:
    for name, said in (("study.yaml", "ends in .json"), ("other.json", "is not the record of a guard")):
        (tmp_path / name).write_text("{}")
        given = ("--data", root, "--baseline", tmp_path / name, "--record")
        code, _, err = gazeshift("guard", f"{HERE}:make", *given)
        assert (code, said in err) == (2, True)
        assert (tmp_path / name).read_text() == "{}"
    code, _, err = gazeshift(
        "guard", f"{HERE}:make", "--data", root, "--baseline", tmp_path / "g.json", "--split", "tset"
    )
    assert (code, err.count("\n"), "--split tset: give one of" in err) == (2, 2, True)  # and that the user's code runs


def test_records_that_cannot_be_compared(before: GuardRecord, pairs: list[Pair]) -> None:
    few = before.model_copy(
        update={"measures": {name: {} for name in before.measures} | {"text_share": {"elsewhere": 0.5}}}
    )
    with pytest.raises(DataError, match="share 0 pairs"):
        compare(before, few)
    with pytest.raises(DataError, match="maps of default, not of rise"):
        compare(before, before.model_copy(update={"method": "rise"}))
    with pytest.raises(DataError, match="at least 10 pairs"):
        record(given_models.make(), pairs[:3], pairs, given_models.CLASSES)
    with pytest.raises(UsageError, match="only one modality"):
        record(given_models.deaf(), pairs, pairs, given_models.CLASSES)


def test_the_command(root: Path, tmp_path: Path, gazeshift: Command) -> None:
    baseline = tmp_path / "guard.json"
    same = ["guard", f"{HERE}:make", "--data", root, "--baseline", baseline]
    code, out, _ = gazeshift(*same)
    assert (code, "nothing to compare with yet" in out) == (0, True)
    assert json.loads(baseline.read_text())["format"] == "gazeshift-guard-1"
    code, out, _ = gazeshift(*same)
    assert (code, "FAILED" in out, "passed: " in out) == (0, False, True)
    code, out, err = gazeshift("guard", f"{HERE}:reads_more", "--data", root, "--baseline", baseline)
    assert (code, "FAILED: the answer rests more on the text" in out) == (1, True)
    assert "Traceback" not in err
    code, out, _ = gazeshift("guard", f"{HERE}:reads_more", "--data", root, "--baseline", baseline, "--json")
    assert any(change["worse"] for change in json.loads(out)["changes"])
    recorded = json.loads(baseline.read_text())
    recorded["measures"]["mask_excess"] = dict.fromkeys(recorded["measures"]["mask_excess"])
    baseline.write_text(json.dumps(recorded))
    code, out, _ = gazeshift(*same, "--json")
    told = {each["measure"]: each for each in json.loads(out, parse_constant=pytest.fail)["changes"]}
    assert (code, told["mask_excess"]["verdict"], told["text_share"]["worse"]) == (0, "skipped", False)
    (tmp_path / "wrong.json").write_text("[]")
    code, _, err = gazeshift("guard", f"{HERE}:make", "--data", root, "--baseline", tmp_path / "wrong.json")
    assert (code, "is not the record of a guard" in err) == (2, True)
    code, _, err = gazeshift("guard", f"{HERE}:make", "--data", root, "--baseline", tmp_path / "no" / "where.json")
    assert (code, "does not exist" in err) == (2, True)


def test_maps_of_a_data_set_by_a_given_model(root: Path, tmp_path: Path, gazeshift: Command) -> None:
    code, out, _ = gazeshift(
        "maps", f"{HERE}:make", "--data", root, "--out", tmp_path / "maps", "--method", "occlusion"
    )
    assert (code, "14 maps of 14 images" in out) == (0, True)
    two = [part for name in given_models.CLASSES[:2] for part in ("--target", name)]
    code, out, _ = gazeshift("maps", f"{HERE}:make", "--data", root, "--out", tmp_path / "two", *two)
    assert (code, "28 maps of 14 images" in out) == (0, True)
    code, _, err = gazeshift(
        "maps", f"{HERE}:make", "--data", root, "--out", tmp_path / "c", *two, "--target", "predicted"
    )
    assert (code, err.count("\n"), "predicted" in err) == (2, 2, True)  # and that the user's code runs
    code, _, err = gazeshift("maps", f"{HERE}:make", "--data", root, "--out", tmp_path / "b", "--compile")
    assert (code, "for models trained here" in err) == (2, True)


def test_a_guard_measures_a_model_that_cuts_pictures_where_it_looks(pairs: list[Pair]) -> None:
    """The thing is outside what the model sees in some of the pairs: its map has nothing there."""
    found = record(given_models.middle(), pairs, pairs, given_models.CLASSES).measures["mask_excess"]
    masks = {pair.key: _mask(pair) for pair in pairs if found[pair.key] is not None}
    outside = [key for key, mask in masks.items() if not mask[12:36, 12:36].any()]
    assert len(masks) > 5
    assert all((found[key] or 0) <= 0 for key in outside)
    model = given_models.middle()
    for pair in [pair for pair in pairs if pair.key in masks][:4]:
        raw = np.maximum(gs.explain(model, decode(pair.image), [pair.text]).raw[0], 0)
        whole = np.zeros((48, 48))
        whole[12:36, 12:36] = np.kron(raw / raw.sum(), np.ones((4, 4))) / 16
        place = pairs.index(pair)
        others = sorted({(place + 1 + step * len(pairs) // 8) % len(pairs) for step in range(8)} - {place})
        elsewhere = [(whole * mask).sum() for mask in map(_mask, (pairs[other] for other in others)) if mask.any()]
        expected = (whole * _mask(pair)).sum() - np.mean(elsewhere)
        assert found[pair.key] == pytest.approx(expected, abs=0.01)  # the guard reads masks at 224 pixels


def _mask(pair: Pair) -> np.ndarray:
    """The object that the text refers to, on the picture's own pixels; nothing where there is none."""
    referred = next((each.index for each in pair.objects if each.referred), 0)
    return (np.asarray(Image.open(pair.objects[0].shapes[0].source)) == referred) & (referred > 0)
