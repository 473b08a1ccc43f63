"""How far a run is, by a clock of the test's own."""

import json
from pathlib import Path

import pytest

from gazeshift.engine.status import EVERY, STALLED, Status


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_rate_and_time_to_go_count_what_this_run_does(tmp_path: Path, clock: Clock) -> None:
    status = Status(tmp_path / "status.json", 100, clock=clock)
    assert (status.rate, status.eta) == (None, None)
    status.shard(20, 2, reused=True)
    clock.now += 10
    for _ in range(3):
        status.images(10)
    status.shard(30, 1, reused=False)
    assert (status.rate, status.eta) == (3.0, 50 / 3)
    status.write("running")
    told = json.loads((tmp_path / "status.json").read_text())
    del told["updated"]
    assert told == {
        "state": "running",
        "pairs": 100,
        "done": 50,
        "of_earlier_runs": 20,
        "failed": 3,
        "shards": 2,
        "images_per_second": 3.0,
        "seconds_to_go": 17,
        "seconds": 10.0,
    }


def test_without_a_total_nobody_knows_how_long(tmp_path: Path, clock: Clock) -> None:
    status = Status(tmp_path / "status.json", None, clock=clock)
    clock.now += 1
    status.images(5)
    assert (status.rate, status.eta) == (5.0, None)


def test_a_stall_is_said_once_and_again_after_it_was_over(tmp_path: Path, clock: Clock) -> None:
    said: list[str] = []
    status = Status(tmp_path / "status.json", 100, said.append, clock=clock)
    status.images(7)
    for seconds, times in ((STALLED, 0), (1, 1), (STALLED, 1)):
        clock.now += seconds
        status.look()
        assert len(said) == times
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "stalled"
    assert said[0].startswith("no image has been done for 10 minutes (7 are)")
    status.images(1)
    clock.now += EVERY
    status.look()
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "running"
    clock.now += STALLED + 1
    status.look()
    assert len(said) == 2


def test_the_file_is_not_written_at_every_look(tmp_path: Path, clock: Clock) -> None:
    status = Status(tmp_path / "status.json", 100, clock=clock)
    status.look()
    (tmp_path / "status.json").unlink()
    clock.now += EVERY / 2
    status.look()
    assert not (tmp_path / "status.json").exists()
    clock.now += EVERY
    status.look()
    assert (tmp_path / "status.json").exists()
