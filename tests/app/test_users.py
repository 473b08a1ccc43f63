"""Twenty people at once, each with pictures and texts of their own: everybody is served, and nobody another's maps."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gazeshift.app.house import House
from gazeshift.models import Classifier
from gazeshift.pairs import Pair

pytest.importorskip("gradio", reason="the page's server needs Gradio")

import httpx

from gazeshift.app.gaze import gaze
from gazeshift.app.server import start

USERS, ROUNDS = 20, 2
PATIENCE = 120


def about(model: Classifier, number: int, turn: int, shown: list[Pair]) -> tuple[int, dict[str, Any]]:
    """Which of the pictures a user asks about, and what; no two ask the same."""
    place = (number + turn) % len(shown)
    texts = [f"plate {number} of apple pie", f"red tomato ketchup {number} with {'edamame ' * (turn + 1)}"]
    return place, {"picture": f"pair-{place}", "model": model.name, "texts": texts}


@pytest.mark.slow
def test_twenty_at_once_are_all_served_and_none_with_anothers_maps(
    build: Callable[..., Classifier], pairs: list[Pair]
) -> None:
    models = [build("early-fusion", size=32, seed=8), build("late-fusion", size=32, seed=3)]
    shown = [pair for pair in pairs if pair.split == "test"]
    gate = threading.Barrier(USERS)

    def user(number: int, address: str) -> list[tuple[int, int, httpx.Response]]:
        model, found = number % len(models), []
        with httpx.Client(
            base_url=address, timeout=PATIENCE, trust_env=False, headers={"x-page": f"user {number}"}
        ) as client:
            for turn in range(ROUNDS):
                gate.wait(PATIENCE)
                _, asked = about(models[model], number, turn, shown)
                found.append((number, turn, client.post("/api/gaze", json=asked)))
        return found

    with (
        start(House.of(models, pairs), host="127.0.0.1", port=0, token=None) as running,
        ThreadPoolExecutor(USERS) as pool,
    ):
        served = [
            each for found in pool.map(lambda number: user(number, running.address), range(USERS)) for each in found
        ]
    assert [answer.status_code for _, _, answer in served] == [200] * (USERS * ROUNDS)
    different = set()
    for number, turn, answer in served:
        model = models[number % len(models)]
        place, asked = about(model, number, turn, shown)
        alone = gaze(model, shown[place].image, asked["texts"], "predicted", None, "default")
        compare(answer.json(), alone.model_dump(mode="json"))
        different.add(answer.text)
    assert len(different) == USERS * ROUNDS


def compare(found: Any, expected: Any) -> None:
    """The same structure, words and numbers. (The server's threads may sum in another order.)"""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected:
            compare(found[name], expected[name])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            compare(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    else:
        assert found == expected
