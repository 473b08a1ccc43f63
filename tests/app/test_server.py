"""The routes, as a browser or a script asks them: what is answered, and what is refused in a sentence."""

from collections.abc import Iterator

import pytest

from gazeshift.app.asked import MAX_TEXT, MAX_TEXTS
from gazeshift.app.doors import LOOPBACK, POLICY, Doors
from gazeshift.app.house import House
from gazeshift.pairs import Pair

pytest.importorskip("gradio", reason="the page's server needs Gradio")

from starlette.testclient import TestClient

from gazeshift.app.server import FILES, make_server


@pytest.fixture
def page(house: House) -> Iterator[TestClient]:
    server = make_server(house)
    server.add_middleware(Doors, hosts=LOOPBACK, token=None, most=100_000)
    with TestClient(server, base_url="http://127.0.0.1:7860") as client:
        yield client


def test_the_page_and_its_files_come_from_here_and_load_nothing_else(page: TestClient) -> None:
    answer = page.get("/")
    assert answer.headers["content-security-policy"] == POLICY
    for name, kind in FILES.items():
        part = page.get(f"/page/{name}")
        assert part.status_code == 200
        assert part.headers["content-type"].startswith(kind)
        assert "http://" not in part.text.replace("http://www.w3.org", "")
        assert "https://" not in part.text
    assert "https://" not in answer.text
    assert page.get("/page/server.py").status_code == 400
    assert page.get("/page/..%2Fserver.py").status_code in (400, 404)


def test_samples_are_found_and_listed_in_parts(page: TestClient, pairs: list[Pair]) -> None:
    everything = page.get("/api/samples").json()
    assert everything["total"] == sum(pair.split == "test" for pair in pairs)
    label = pairs[0].label
    found = page.get("/api/samples", params={"label": label}).json()
    assert {sample["label"] for sample in found["samples"]} == {label}
    assert page.get("/api/samples", params={"start": 3}).json()["samples"] == everything["samples"][3:]
    assert page.get("/api/samples", params={"start": -1}).status_code == 400
    assert page.get("/api/thumbnail", params={"picture": "pair-0"}).headers["content-type"] == "image/jpeg"


def test_a_gaze_through_the_door(page: TestClient) -> None:
    models = page.get("/api/house").json()["models"]
    body = {"picture": "pair-0", "model": models[1]["name"], "texts": ["<script>alert(1)</script>", "red"]}
    found = page.post("/api/gaze", json=body).json()
    assert found["looks"][0]["text"] == body["texts"][0]  # as data; what shows it escapes it
    assert len(found["looks"][0]["mass"] or []) in (0, found["rows"] * found["columns"])
    assert page.get("/api/view", params={"picture": "pair-0", "model": body["model"]}).content[:2] == b"\xff\xd8"


def test_files_are_named_and_regions_and_comparisons_are_plain_data(page: TestClient, pairs: list[Pair]) -> None:
    names = [model["name"] for model in page.get("/api/house").json()["models"]]
    scene = {"picture": "pair-0", "models": names, "texts": ["a", "b"]}
    found = page.post("/api/export/npz", json=scene)
    assert found.headers["content-disposition"] == 'attachment; filename="gazeshift.npz"'
    assert found.headers["content-type"] == "application/octet-stream"
    for wrong in ({"models": []}, {"texts": ["a"]}, {"texts": ["a", "b", "c"]}, {"models": ["x"] * 17}, {"path": "/"}):
        assert page.post("/api/export/npz", json={**scene, **wrong}).status_code == 400
    assert page.post("/api/export/exe", json=scene).status_code == 400
    regions = page.get("/api/regions", params={"picture": "pair-0", "model": names[0]}).json()
    assert regions == {"seen": [], "unseen": []}  # these pairs come without masks
    sides = {"one": {"model": names[0]}, "other": {"model": names[1], "text": "{text}!"}}
    (row,) = page.post("/api/apart", json={"pictures": ["pair-0"], **sides}).json()
    assert row["other"]["text"] == f"{pairs[0].text}!"
    assert page.post("/api/apart", json={"pictures": [f"pair-{n % 5}" for n in range(9)], **sides}).status_code == 400


WRONG: list[dict[str, object]] = [
    {"texts": ["x" * (MAX_TEXT + 1)]},
    {"texts": []},
    {"texts": ["a"] * (MAX_TEXTS + 1)},
    {"texts": [3]},
    {"texts": "a"},
    {"picture": "/etc/passwd"},
    {"picture": ""},
    {"model": "nobody"},
    {"method": "no-cam"},
    {"target": "no class"},
    {"more": 1},
    {"target": "label", "picture": "dropped-0"},
]


@pytest.mark.parametrize("change", WRONG)
def test_wrong_input_is_refused_in_a_sentence(page: TestClient, change: dict[str, object]) -> None:
    model = page.get("/api/house").json()["models"][1]["name"]
    answer = page.post("/api/gaze", json={"picture": "pair-0", "model": model, "texts": ["a"], **change})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert "Traceback" not in answer.text


def test_a_dropped_file_is_checked(page: TestClient, pairs: list[Pair]) -> None:
    name = page.post("/api/drop", content=pairs[0].image).json()["picture"]  # type: ignore[arg-type]
    assert page.get("/api/thumbnail", params={"picture": name}).status_code == 200
    assert page.post("/api/drop", content=b"not a picture").status_code == 422
    assert page.post("/api/drop", content=b"x" * 100_001).status_code == 413


def test_other_hosts_and_other_pages_are_refused(page: TestClient) -> None:
    assert page.get("/", headers={"host": "evil.example"}).status_code == 403
    assert page.get("/", headers={"host": "evil.example:7860"}).status_code == 403
    assert page.get("/", headers={"host": "localhost:7860"}).status_code == 200
    assert page.post("/api/drop", content=b"x", headers={"origin": "http://evil.example"}).status_code == 403
    assert page.post("/api/gaze", json={}, headers={"origin": "http://127.0.0.1:7860"}).status_code == 400


def test_with_a_token_nothing_is_answered_without_it(house: House) -> None:
    server = make_server(house)
    server.add_middleware(Doors, hosts=None, token="a long secret", most=100_000)
    with TestClient(server, base_url="http://any.example") as client:
        for path in ("/", "/page/app.js", "/api/house", "/gradio_api/info"):
            assert client.get(path).status_code == 401
            assert client.get(path, params={"token": "wrong"}).status_code == 401
        assert client.get("/", params={"token": "a long secret"}).status_code == 200  # a cookie from here on
        assert client.get("/api/house").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/openapi.json",
        "/monitoring",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/upload",
        "/static/x",
        "/config",
        "/login",
        "/pagex",
    ],
)
def test_of_gradio_nothing_is_open_but_its_interface_for_scripts(page: TestClient, path: str) -> None:
    for ask in (page.get, page.post):
        assert ask(path).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"NaN", b"[" * 40_000, b"\xff\xfe", b'{"picture":NaN}'])
def test_a_body_that_is_no_request_is_refused_in_a_sentence(page: TestClient, body: bytes) -> None:
    answer = page.post("/api/gaze", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"].partition(":")[0].strip()


def test_what_is_not_there_is_said_in_a_sentence(page: TestClient) -> None:
    assert page.get("/api/nothing").json()["error"]


def test_a_body_in_pieces_that_is_too_large_is_refused_in_a_sentence(page: TestClient) -> None:
    answer = page.post("/api/drop", content=(b"x" * 1000 for _ in range(200)))
    assert answer.status_code == 413
    assert "too large" in answer.json()["error"]
