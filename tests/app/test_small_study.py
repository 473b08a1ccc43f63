"""The whole path: files in, a report out, with the numbers that the command finds in the same study."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gazeshift.app.doors import LOOPBACK, Doors
from gazeshift.app.house import House
from gazeshift.app.small.workshop import Workshop
from gazeshift.models import Classifier, save
from gazeshift.models.addresses import Address
from gazeshift.study.load import read_study
from gazeshift.study.outlook import outlook, seconds_of_steps

from .conftest import pair_of

pytest.importorskip("gradio", reason="the page's server needs Gradio")

from starlette.testclient import TestClient

from gazeshift.app.server import make_server

PAIRS = [pair_of(index, "train" if index % 3 == 0 else "test") for index in range(12)]


def table() -> bytes:
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["image", "text", "label", "split"])
    rows.writerows([f"images/{n}.png", pair.text, pair.label, pair.split] for n, pair in enumerate(PAIRS))
    rows.writerow(["images/lost.png", "a lost picture", PAIRS[0].label, "train"])
    return file.getvalue().encode()


@pytest.mark.slow
def test_a_study_from_the_page_is_the_study_of_the_command(
    build: Callable[..., Classifier], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of both processes: sums in another order are other sums
    saved = build("early-fusion", size=32)
    save(saved, tmp_path / "model")
    house = House.of([saved], [])
    workshop = Workshop.of(house, [Address(str(tmp_path / "model"))])
    server = make_server(house, workshop)
    server.add_middleware(Doors, hosts=LOOPBACK, token=None, most=100_000)
    with TestClient(server, base_url="http://127.0.0.1:7860") as page:
        try:
            _whole_path(page, workshop, tmp_path)
        finally:
            workshop.close()


def _whole_path(page: TestClient, workshop: Workshop, tmp_path: Path) -> None:
    name = page.post("/api/small/open").json()["study"]
    files: dict[str, Any] = {"pairs.csv": table(), **{f"{n}.png": pair.image for n, pair in enumerate(PAIRS)}}
    for file, content in files.items():
        page.post("/api/small/drop", params={"study": name, "name": file}, content=content)
    models = page.get("/api/small/offer").json()["models"]
    asked = {"study": name, "models": models, "edits": ["paraphrase", "other-class"], "train": True}
    assert page.post("/api/small/start", json=asked).json()["state"] == "running"
    study = workshop._studies[name]
    assert study.running is not None
    study.running._process.wait()
    found = page.post("/api/small/status", json={"study": name}).json()
    assert (found["state"], found["error"], found["missing"]) == ("done", None, 1)
    assert found["done"] == found["total"]
    assert set(seconds_of_steps(study.run)) == set(outlook(read_study(study.folder / "study.yaml")))

    command = [
        sys.executable,
        "-m",
        "gazeshift",
        "study",
        str(study.folder / "study.yaml"),
        "--out",
        str(tmp_path / "run"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    by_command = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert page.get(f"/report/{name}/summary.json").json() == by_command
    assert found["found"]["sentences"] == by_command["headline"]
    assert found["found"]["edits"] == asked["edits"]
    rows = {row["model"]: row for row in found["found"]["rows"]}
    assert {"early-fusion", "trained-image-only", "trained-early-fusion"} <= set(rows)
    for model, row in rows.items():
        assert row["accuracy"] == by_command["accuracy"][model]["test"]["mean"]
        own = by_command["edits"].get(model)
        assert row["moved"] == [own and own[edit]["js_distance"]["mean"] for edit in asked["edits"]]
    assert rows["early-fusion"]["accuracy"] is None  # its classes are not those of the table
    assert rows["trained-early-fusion"]["accuracy"] is not None

    report = page.get(f"/report/{name}/report.html")
    assert report.content == study.run.report.read_bytes()
    assert report.headers["content-security-policy"].startswith("sandbox allow-downloads; default-src 'none';")
    assert "allow-scripts" not in report.headers["content-security-policy"]
    assert b"<script" not in report.content
    assert page.get(f"/report/{name}/edits.csv").headers["content-type"].startswith("text/csv")
    for other in ("study.yaml", "run.json", ".lock", "..%2Fdata%2Fpairs.csv", "cache"):
        assert page.get(f"/report/{name}/{other}").status_code in (400, 404)
    assert page.get(f"/report/{name[:-1]}/report.html").status_code == 400
