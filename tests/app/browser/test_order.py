"""Of two questions sent at once the server may take the older for the newer: the page still shows the newer."""

from collections.abc import Callable
from typing import Any

from tests.app.browser.looking import READER, Looking


def test_a_question_that_was_taken_for_an_older_one_is_asked_again(look: Callable[..., Looking]) -> None:
    page = look().ready()
    refused: list[str] = []

    def once(route: Any) -> None:
        if refused:
            route.fallback()
            return
        refused.append(route.request.url)
        route.fulfill(status=409, json={"error": "superseded"})

    page.page.route("**/api/gaze", once)
    page.type("apple pie")
    assert len(refused) == 1
    page.model(READER).locator(".said .word").nth(1).wait_for()
