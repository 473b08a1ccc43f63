"""The page's server as it runs: on a port of its own, for scripts that speak Gradio's protocol."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import islice

import pytest

from gazeshift.app.house import House
from gazeshift.app.turns import WAITING
from gazeshift.errors import UsageError

pytest.importorskip("gradio", reason="the page's server needs Gradio")

import httpx

from gazeshift.app.server import Running, _usable_port, start


@pytest.fixture
def running(house: House) -> Iterator[Running]:
    with start(house, host="127.0.0.1", port=0, token=None) as found:
        yield found


def test_scripts_get_what_the_page_gets(running: Running) -> None:
    with httpx.Client(base_url=running.address, timeout=60, trust_env=False) as client:
        model = client.get("/api/house").json()["models"][1]["name"]
        assert "/gaze" in client.get("/gradio_api/info").json()["named_endpoints"]
        asked = {"data": ["pair-0", model, ["a", "b"], "predicted", "default"]}
        event = client.post("/gradio_api/call/gaze", json=asked).json()["event_id"]
        lines = client.get(f"/gradio_api/call/gaze/{event}").text.splitlines()
        (data,) = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        assert (
            data[0] == client.post("/api/gaze", json={"picture": "pair-0", "model": model, "texts": ["a", "b"]}).json()
        )


def test_it_starts_with_a_token_and_answers_with_it_alone(house: House) -> None:
    with start(house, host="127.0.0.1", port=0, token="a long secret") as found:
        bare, _, token = found.address.partition("?")
        assert httpx.get(bare, trust_env=False).status_code == 401
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{bare}?{token}", follow_redirects=True).status_code == 200
            assert client.get(f"{bare}api/house").status_code == 200


def test_a_port_in_use_is_named(running: Running, house: House) -> None:
    port = httpx.URL(running.address).port
    assert port
    with pytest.raises(UsageError, match=f"port {port}"), start(house, host="127.0.0.1", port=port, token=None):
        pass


def test_with_a_token_it_starts_and_answers_to_nobody_else(house: House) -> None:
    with (
        start(house, host="127.0.0.1", port=0, token="a long secret") as found,
        httpx.Client(base_url=str(httpx.URL(found.address).join("/")), trust_env=False) as client,
    ):
        assert client.get("/api/house").status_code == 401
        assert client.get("/", params={"token": "a long secret"}, follow_redirects=True).status_code == 200
        assert client.get("/api/house").status_code == 200


@pytest.mark.parametrize("host", ["192.0.2.1", "nobody.invalid"])
def test_an_address_of_another_machine_is_named_and_not_the_port(house: House, host: str) -> None:
    with pytest.raises(UsageError, match=f"--host {host}: .* no address of this machine"):
        _usable_port(host, 0)


@pytest.mark.slow
def test_while_as_many_wait_as_may_the_page_is_still_sent_and_more_are_refused(running: Running, house: House) -> None:
    more = 5
    with ExitStack() as stack, httpx.Client(base_url=running.address, timeout=60, trust_env=False) as client:
        pool = stack.enter_context(ThreadPoolExecutor(WAITING + more))
        asked = {"picture": "pair-0", "model": next(iter(house.models)), "texts": ["a"]}

        def ask(page: str) -> httpx.Response:
            return httpx.post(
                f"{running.address}api/gaze", json=asked, headers={"x-page": page}, timeout=120, trust_env=False
            )

        with house.turns.turn("somebody who takes long"):
            answers = [pool.submit(ask, str(number)) for number in range(WAITING + more)]
            refused = [each.result() for each in islice(as_completed(answers), more + 1)]
            assert client.get("/").status_code == client.get("/api/samples").status_code == 200
        assert {answer.status_code for answer in refused} == {429}
        assert sorted(each.result().status_code for each in answers) == [200] * (WAITING - 1) + [429] * (more + 1)
