"""The command: a table for people, JSON for machines, exit code 1 where something is not as expected."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gazeshift.instrument import run as runner
from gazeshift.instrument.expectations import EXPECTATIONS
from gazeshift.instrument.rows import ROWS
from gazeshift.instrument.worlds import WORLDS
from tests.conftest import Command

Instrument = Callable[..., tuple[int, str, str]]


@pytest.fixture
def instrument(gazeshift: Command, monkeypatch: pytest.MonkeyPatch) -> Instrument:
    """``instrument(found, *arguments)``: the command on rows that only say what they are told."""

    def call(found: dict[str, float], *arguments: object) -> tuple[int, str, str]:
        rows = {"colour": replace(ROWS["colour"], measure=lambda lab: found)}
        monkeypatch.setattr(runner, "ROWS", rows)
        return gazeshift("instrument", *arguments, columns=140)

    return call


GOOD = {
    e.quantity: float("nan") if e.or_undefined else (e.at_least if e.at_least is not None else e.at_most)
    for e in EXPECTATIONS["colour"]
}


def test_as_expected_is_exit_code_0_and_every_quantity_is_printed(instrument: Instrument) -> None:
    code, out, err = instrument(GOOD, "--quick")
    assert code == 0
    for expectation in EXPECTATIONS["colour"]:
        line = next(line for line in out.splitlines() if f" {expectation.quantity} " in line)
        assert str(expectation) in line
        assert line.rstrip().endswith("ok")
    assert "as expected" in err
    assert "undefined" in out


def test_one_miss_is_exit_code_1_and_is_named(instrument: Instrument, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    code, printed, _ = instrument({**GOOD, "accuracy": 0.5}, "--quick", "--out", file)
    assert code == 1
    assert "MISSED" in printed
    assert "Not as expected: text necessary (colour)" in printed
    record = json.loads(file.read_text())
    assert record["as_expected"] is False
    (row,) = record["rows"]
    assert [check["quantity"] for check in row["checks"] if not check["as_expected"]] == ["accuracy"]
    assert row["found"]["accuracy"] == [0.5]
    assert row["found"]["eigen-cam: shift-faithfulness"] == [None]
    assert list(tmp_path.iterdir()) == [file]


def test_every_seed_must_be_as_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    worse = iter([GOOD, {**GOOD, "lift": 0.0}])

    class Found(dict):
        """Says something else to each seed."""

    monkeypatch.setattr(runner, "Lab", lambda *arguments: next(worse))
    rows = {"colour": replace(ROWS["colour"], measure=lambda lab: lab)}
    monkeypatch.setattr(runner, "ROWS", rows)
    results = runner.run_instrument("oracle", (0, 1))
    assert [check.expectation.quantity for check in results[0].checks if not check.met] == ["lift"]
    assert results[0].found["lift"] == (2.0, 0.0)


def test_json_is_all_that_is_printed(instrument: Instrument) -> None:
    code, out, _ = instrument(GOOD, "--quick", "--json")
    assert code == 0
    assert json.loads(out)["world"] == "oracle"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("--only", "colours"), "Did you mean 'colour'"), (("--out", "no/such/file.json"), "does not exist")],
)
def test_wrong_use_is_one_line_and_exit_code_2(instrument: Instrument, arguments: tuple[str, ...], says: str) -> None:
    code, _, error = instrument(GOOD, *arguments)
    assert code == 2
    assert says in error
    assert error.count("\n") == 1


def test_only_what_a_trained_trunk_must_show_is_not_asked_of_the_oracle() -> None:
    assert not WORLDS["oracle"].trains_trunk
    assert any(e.trunk for checks in EXPECTATIONS.values() for e in checks)
