"""Small studies through the door: what is answered, what is refused, and that a study that ends leaves nothing running."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gazeshift.app.doors import LOOPBACK, POLICIES, POLICY, REPORTS, Doors
from gazeshift.app.house import House
from gazeshift.app.small import running as module
from gazeshift.app.small import workshop as workshops
from gazeshift.app.small.workshop import Workshop
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair

pytest.importorskip("gradio", reason="the page's server needs Gradio")

from starlette.testclient import TestClient

from gazeshift.app.server import make_server, start

SLEEP = "import time; time.sleep(600)"
TABLE = b"image,text,label,split\n0.png,a red bowl,soup,train\n1.png,a blue bowl,pie,test\n2.png,a cup,pie,test\n"


@pytest.fixture
def workshop(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = Workshop.of(house, [Address("models/one"), Address("models/two")])
    yield found
    found.close()
    assert not list(tmp_path.iterdir())  # whatever happened, nothing is left


@pytest.fixture
def page(house: House, workshop: Workshop) -> Iterator[TestClient]:
    server = make_server(house, workshop)
    server.add_middleware(Doors, hosts=LOOPBACK, token=None, most=100_000)
    with TestClient(server, base_url="http://127.0.0.1:7860") as client:
        yield client


def runs(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """In place of a study, some other program runs."""
    monkeypatch.setattr(module, "command", lambda file, run: [sys.executable, "-c", program])


def opened(page: TestClient, pairs: list[Pair]) -> str:
    """A study with its table and two of three pictures."""
    study = str(page.post("/api/small/open").json()["study"])
    files: dict[str, Any] = {"pairs.csv": TABLE, "0.png": pairs[0].image, "1.png": pairs[1].image}
    for name, content in files.items():
        answer = page.post("/api/small/drop", params={"study": study, "name": name}, content=content)
        assert answer.status_code == 200
    return study


def begin(page: TestClient, study: str, changes: dict[str, object] | None = None) -> dict[str, Any]:
    models = page.get("/api/small/offer").json()["models"]
    asked = {"study": study, "models": models, "edits": ["paraphrase"], **(changes or {})}
    return dict(page.post("/api/small/start", json=asked).json())


def status(page: TestClient, study: str) -> dict[str, Any]:
    return dict(page.post("/api/small/status", json={"study": study}).json())


def process_of(workshop: Workshop, study: str) -> "subprocess.Popen[bytes]":
    running = workshop._studies[study].running
    assert running is not None
    return running._process


def test_files_are_counted_and_wrong_ones_refused_in_a_sentence(page: TestClient, pairs: list[Pair]) -> None:
    study = opened(page, pairs)
    for name in ("../x.png", "a/b.png", ".hidden.png", "", "x.png", "x.txt"):
        answer = page.post("/api/small/drop", params={"study": study, "name": name}, content=b"not a picture")
        assert answer.status_code in (400, 422)
        assert set(answer.json()) == {"error"}
    assert page.post("/api/small/drop", params={"study": "x", "name": "a.csv"}, content=TABLE).status_code == 400
    large = page.post("/api/small/drop", params={"study": study, "name": "a.csv"}, content=b"x" * 100_001)
    assert large.status_code == 413
    found = status(page, study)
    assert (found["state"], found["table"], found["pictures"]) == ("gathering", True, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"models": ["nobody"]}, "unknown model"),
        ({"models": []}, "at least one model"),
        ({"edits": []}, "edits"),
        ({"edits": ["no-edit"]}, "unknown changed text"),
        ({"edits": ["column:text"]}, "unknown changed text"),
        ({"pictures": 0}, "pictures"),
        ({"pictures": 10_000}, "pictures"),
        ({"out": "elsewhere"}, "out"),
        ({"study": "nobody"}, "no such study"),
    ],
)
def test_what_cannot_be_studied_is_refused(
    page: TestClient, pairs: list[Pair], change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, "raise AssertionError")
    assert said in begin(page, opened(page, pairs), change)["error"]
    assert not page.get("/api/small/offer").json()["busy"]


def test_a_table_that_cannot_be_used_is_named_without_the_servers_folders(page: TestClient, workshop: Workshop) -> None:
    study = page.post("/api/small/open").json()["study"]
    assert "no table yet" in begin(page, study)["error"]
    for content in (b"image,text,label\na.png,b,c\n", b"image,text,label\n../../etc/passwd,b,c\n", b"\x00\x01,\xff"):
        page.post("/api/small/drop", params={"study": study, "name": "t.csv"}, content=content)
        error = begin(page, study)["error"]
        assert error.startswith("pairs.csv: ")
        assert str(workshop._root) not in error


def test_one_study_at_a_time_and_a_stopped_one_can_begin_again(
    page: TestClient, workshop: Workshop, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, SLEEP)
    first, second = opened(page, pairs), opened(page, pairs)
    found = begin(page, first)
    assert (found["state"], found["done"], found["now"], found["missing"]) == ("running", 0, "data", 1)
    assert found["total"] == len(workshop._studies[first].running.steps)  # type: ignore[union-attr]
    process = process_of(workshop, first)
    assert page.get("/api/small/offer").json()["busy"]
    assert "running on this server already" in begin(page, second)["error"]
    assert "running on this server already" in begin(page, first)["error"]
    kept = page.post("/api/small/drop", params={"study": first, "name": "t.csv"}, content=TABLE)
    assert "stop it" in kept.json()["error"]
    workshop._studies[first].run.path.mkdir()  # half of a run
    assert page.post("/api/small/stop", json={"study": second}).json()["state"] == "gathering"  # ends nobody else's
    assert status(page, first)["state"] == "running"
    found = page.post("/api/small/stop", json={"study": first}).json()
    assert (found["state"], found["table"], found["pictures"]) == ("gathering", True, 2)
    assert process.returncode is not None
    assert not workshop._studies[first].run.path.exists()
    assert begin(page, second)["state"] == "running"


def test_a_study_that_fails_says_its_own_sentence(
    page: TestClient, workshop: Workshop, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = opened(page, pairs)
    folder = workshop._studies[study].folder
    said = f"warning: something\ngazeshift: {folder}/study.yaml: models.one: is nothing.\n"
    runs(monkeypatch, f"import sys; sys.stderr.write({said!r}); sys.exit(2)")
    begin(page, study)
    process_of(workshop, study).wait()
    found = status(page, study)
    assert (found["state"], found["error"]) == ("failed", "study.yaml: models.one: is nothing.")
    assert "not finished" in page.get(f"/report/{study}/report.html").json()["error"]
    runs(monkeypatch, "import os; os.abort()")
    begin(page, study)
    process_of(workshop, study).wait()
    assert "exit code" in status(page, study)["error"]


def test_a_server_that_ends_ends_the_study(
    house: House, workshop: Workshop, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, SLEEP)
    with start(house, host="127.0.0.1", port=0, token=None, workshop=workshop) as running:
        with TestClient(running.server, base_url="http://127.0.0.1:7860") as client:
            study = opened(client, pairs)
            assert begin(client, study)["state"] == "running"
        process = process_of(workshop, study)
        assert process.poll() is None
    assert process.returncode is not None


def test_only_some_studies_are_kept_and_never_the_one_that_runs_is_forgotten(
    page: TestClient, workshop: Workshop, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, SLEEP)
    first = opened(page, pairs)
    begin(page, first)
    others = [page.post("/api/small/open").json()["study"] for _ in range(workshops.KEPT + 1)]
    assert status(page, first)["state"] == "running"
    assert "no such study" in status(page, others[0])["error"]
    assert status(page, others[-1])["state"] == "gathering"
    assert (
        len({first, *others, *(one[:8] for one in others)}) == 2 * len(others) + 1
    )  # nothing that could be counted up


@pytest.mark.parametrize("path", ["x/report.html", "x/..%2Freport.html", "..%2F..%2Fetc/passwd", "/report.html", "x"])
def test_unknown_reports_are_not_there(page: TestClient, path: str) -> None:
    answer = page.get(f"/report/{path}")
    assert answer.status_code in (400, 404)
    assert answer.headers["content-security-policy"] == POLICIES[REPORTS]
    assert page.get("/api/small/offer").headers["content-security-policy"] == POLICY


def test_a_page_without_a_workshop_offers_nothing(house: House) -> None:
    with TestClient(make_server(house), base_url="http://127.0.0.1:7860") as client:
        assert client.get("/api/small/offer").status_code == 404
