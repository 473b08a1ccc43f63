"""``summary.json``: what is written is what is read, files of older runs are read, and every fault is one line."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import gazeshift as gs
from gazeshift.atomic import write_json
from gazeshift.claims.verdict import Contrast, Verdict
from gazeshift.errors import DataError
from gazeshift.measures import Figure
from gazeshift.records import read_record
from gazeshift.runs.summary import SCHEMA, DataFacts, Summary, Threshold

FIGURE = {"mean": 0.5, "interval": [0.25, 0.75], "n": 40, "seeds": 2, "left_out": 1}
OLD = {
    "title": "Plates",
    "headline": ["The text raises accuracy."],
    "accuracy": {"seer": {"test": FIGURE}, "reader": {"test": FIGURE, "validation": FIGURE}},
    "gap": {"reader": FIGURE},
    "maps": {"seer": {"centre_bias": FIGURE}},
    "edits": {"seer": {"paraphrase": {"js_bits": {**FIGURE, "mean": None, "interval": None}}}},
    "claims": {
        "C0": {"claim": "It does.", "verdict": "supported", "effect": 0.2, "interval": [0.1, 0.3], "supports": []},
        "C4": {
            "claim": "Both.",
            "verdict": "undecided",
            "decided_by": "C4a",
            "parts": {"C4a": {"claim": "One.", "verdict": "undecided"}},
        },
    },
    "checks": [{"name": "accuracy (seed 0)", "wanted": ">= 0.5", "found": "0.6", "passed": True}],
    "data": {"ceiling": {"test": 0.58}, "chance": 0.125},
}
numbers = st.floats(allow_nan=False, allow_infinity=False)
figures = st.builds(
    Figure,
    mean=st.none() | numbers,
    interval=st.none() | st.tuples(numbers, numbers),
    n=st.integers(0, 10**6),
    seeds=st.integers(1, 99),
    left_out=st.integers(0, 99),
)
measured = st.dictionaries(st.text(min_size=1, max_size=5), figures, max_size=3)
by_model = st.dictionaries(st.sampled_from(["a", "b"]), measured)
verdicts = st.builds(
    Verdict,
    claim=st.text(),
    verdict=st.sampled_from(["supported", "not supported", "undecided", "not testable"]),
    effect=st.none() | numbers,
    interval=st.none() | st.tuples(numbers, numbers),
    supports=st.lists(st.builds(Contrast, name=st.text(), effect=st.none() | numbers), max_size=2).map(tuple),
)
summaries = st.builds(
    Summary,
    schema_version=st.just(SCHEMA),
    headline=st.lists(st.text()).map(tuple),
    accuracy=by_model,
    gap=measured,
    gap_to_text=measured,
    maps=by_model,
    masks=by_model,
    edits=st.dictionaries(st.sampled_from(["a", "b"]), by_model),
    model_checks=st.dictionaries(st.sampled_from(["a", "b"]), by_model),
    claims=st.dictionaries(st.sampled_from(["C0", "C1"]), verdicts),
    checks=st.lists(st.builds(Threshold), max_size=2).map(tuple),
    data=st.builds(DataFacts, chance=st.none() | numbers),
)


def written(folder: Path, content: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "summary.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


@given(summaries)
def test_what_is_written_is_what_is_read(summary: Summary) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "summary.json"
        write_json(path, summary.model_dump(mode="json"))
        assert read_record(path, Summary) == summary


def test_a_run_of_before_the_schema_is_read(tmp_path: Path) -> None:
    summary = gs.read_summary(written(tmp_path / "run", OLD))
    assert summary.schema_version == 1
    assert summary.models["reader"].gap == Figure(0.5, (0.25, 0.75), 40, 2, 1)
    assert summary.models["seer"].edits["paraphrase"]["js_bits"].mean is None
    assert [part.name for part in summary.claims["C4"].tested] == ["C4a"]
    assert summary.claims["C0"].primary == Contrast(name="C0", effect=0.2, interval=(0.1, 0.3), needed="primary")
    assert summary.passed
    assert summary.data.ceiling == {"test": 0.58}


def test_the_figures_of_a_model_are_those_of_the_sections(tmp_path: Path) -> None:
    summary = gs.read_summary(written(tmp_path / "run", OLD))
    for name, model in summary.models.items():
        assert model.accuracy == summary.accuracy[name]
        assert model.maps == summary.maps.get(name, {})
    with pytest.raises(DataError, match="no model 'fusion' in this study; there are seer, reader"):
        summary.model("fusion")


def test_results_are_frozen(tmp_path: Path) -> None:
    summary = gs.read_summary(written(tmp_path / "run", OLD))
    with pytest.raises(ValidationError):
        summary.title = "other"
    with pytest.raises(ValidationError):
        summary.claims["C0"].verdict = "undecided"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_in_a_file_is_none(tmp_path: Path, number: str) -> None:
    text = json.dumps(OLD).replace("0.25", number).replace("0.2,", f"{number},")
    summary = gs.read_summary(written(tmp_path / "run", text))
    assert summary.accuracy["seer"]["test"].interval is None
    assert summary.claims["C0"].effect is None


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in OLD.items() if name != key}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (without("accuracy"), "no key 'accuracy'"),
        (without("headline"), "no key 'headline'"),
        ({**OLD, "gap": {"seer": 0.5}}, "'gap.seer': not a figure"),
        ({**OLD, "maps": {"seer": {"centre_bias": {"mean": 1}}}}, "'maps.seer.centre_bias': not a figure"),
        ({**OLD, "edits": []}, "'edits': "),
        ({**OLD, "claims": {"C0": {"claim": "x", "verdict": "perhaps"}}}, "'claims.C0.verdict': "),
        ({**OLD, "schema_version": SCHEMA + 1}, "from a newer gazeshift"),
        ([], "a list, not an object"),
        ("{", "not valid JSON"),
    ],
)
def test_every_fault_is_one_line_that_names_file_and_key(tmp_path: Path, content: object, said: str) -> None:
    run = written(tmp_path / "run", content)
    with pytest.raises(DataError) as caught:
        gs.read_summary(run)
    assert str(run / "summary.json") in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_run_and_an_unfinished_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such run folder"):
        gs.read_summary(tmp_path / "none")
    with pytest.raises(DataError, match=r"summary\.json is missing: the run is unfinished"):
        gs.read_summary(tmp_path)
