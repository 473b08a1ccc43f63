"""The command: a table for people, JSON for machines, exit code 1 where something is not as expected."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gazeshift.cli.main import run
from gazeshift.instrument import run as runner
from gazeshift.instrument.expectations import EXPECTATIONS
from gazeshift.instrument.rows import ROWS
from gazeshift.instrument.worlds import WORLDS


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """``command(found, *arguments)``: run on rows that only say what they are told."""

    def call(found: dict[str, float], *arguments: str) -> int:
        rows = {"colour": replace(ROWS["colour"], measure=lambda lab: found)}
        monkeypatch.setattr(runner, "ROWS", rows)
        monkeypatch.setattr(sys, "argv", ["gazeshift", "instrument", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        return ended.value.code or 0

    return call


GOOD = {
    e.quantity: float("nan") if e.or_undefined else (e.at_least if e.at_least is not None else e.at_most)
    for e in EXPECTATIONS["colour"]
}


def test_as_expected_is_exit_code_0_and_every_quantity_is_printed(command, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert command(GOOD, "--quick") == 0
    printed = capsys.readouterr()
    for expectation in EXPECTATIONS["colour"]:
        line = next(line for line in printed.out.splitlines() if f" {expectation.quantity} " in line)
        assert str(expectation) in line
        assert line.rstrip().endswith("ok")
    assert "as expected" in printed.err
    assert "undefined" in printed.out


def test_one_miss_is_exit_code_1_and_is_named(command, capsys, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    assert command({**GOOD, "accuracy": 0.5}, "--quick", "--out", str(out)) == 1
    printed = capsys.readouterr().out
    assert "MISSED" in printed
    assert "Not as expected: text necessary (colour)" in printed
    record = json.loads(out.read_text())
    assert record["as_expected"] is False
    (row,) = record["rows"]
    assert [check["quantity"] for check in row["checks"] if not check["as_expected"]] == ["accuracy"]
    assert row["found"]["accuracy"] == [0.5]
    assert row["found"]["eigen-cam: shift-faithfulness"] == [None]
    assert list(tmp_path.iterdir()) == [out]


def test_every_seed_must_be_as_expected(command, capsys, monkeypatch) -> None:
    worse = iter([GOOD, {**GOOD, "lift": 0.0}])

    class Found(dict):
        """Says something else to each seed."""

    monkeypatch.setattr(runner, "Lab", lambda *arguments: next(worse))
    rows = {"colour": replace(ROWS["colour"], measure=lambda lab: lab)}
    monkeypatch.setattr(runner, "ROWS", rows)
    results = runner.run_instrument("oracle", (0, 1))
    assert [check.expectation.quantity for check in results[0].checks if not check.met] == ["lift"]
    assert results[0].found["lift"] == (2.0, 0.0)


def test_json_is_all_that_is_printed(command, capsys) -> None:
    assert command(GOOD, "--quick", "--json") == 0
    assert json.loads(capsys.readouterr().out)["world"] == "oracle"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("--only", "colours"), "Did you mean 'colour'"), (("--out", "no/such/file.json"), "no folder")],
)
def test_wrong_use_is_one_line_and_exit_code_2(command, capsys, arguments, says) -> None:
    assert command(GOOD, *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_only_what_a_trained_trunk_must_show_is_not_asked_of_the_oracle() -> None:
    assert not WORLDS["oracle"].trains_trunk
    assert any(e.trunk for checks in EXPECTATIONS.values() for e in checks)
