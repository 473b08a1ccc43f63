"""What a page about other people's captions must not do, and what it says when its server has gone."""

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from gazeshift.app.house import House
from tests.app.browser.looking import READER, Looking, Serving, expect

# FastAPI hides this warning from itself, in a way that another thread can undo: that of a server that answers at the same time.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning")

SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script> \"'><svg onload=alert(3)>"


GONE = "The server does not answer. Is gazeshift app still running?"


def test_a_script_in_a_text_is_a_text(look: Callable[..., Looking]) -> None:
    page = look().ready()
    page.type(SCRIPT, "before")
    page.type(f"{SCRIPT} skewer")
    page.model(READER).locator(".said .word").first.wait_for()
    assert page.model(READER).locator(".said").inner_text() == f"{SCRIPT} skewer"
    page.page.locator("#all").click()
    page.model(READER).locator(".strip figure").first.wait_for()
    assert page.model(READER).locator(".strip q").first.inner_text() == SCRIPT
    assert page.page.locator("main script, main svg, main img[src=x]").count() == 0


def test_every_request_is_to_the_page_itself(look: Callable[..., Looking], serving: Serving) -> None:
    page = look().ready()
    page.choose(2)
    page.type("apple pie")
    page.model(READER).locator(".said .word").first.wait_for()
    asked = {urlsplit(url).netloc for url in page.asked if not url.startswith(("data:", "blob:"))}
    assert asked == {urlsplit(serving.address).netloc}
    assert asked.pop().startswith("127.0.0.1:")


def test_a_server_that_has_gone_is_said_in_words(look: Callable[..., Looking], studied: House) -> None:
    with Serving(studied) as gone:
        page = look(gone.address, expected="ERR_CONNECTION_REFUSED").ready()
        gone.close()
        page.page.locator("#after").fill("is anybody there?")
        expect(page.model(READER).locator(".error")).to_have_text(GONE)
        expect(page.model(READER)).not_to_have_attribute("aria-busy", "true")
        page.page.locator("#search").fill("pie")
        expect(page.page.locator("#told")).to_have_text(GONE)


def own_address() -> str:
    """An address of this machine that is not loopback; where it has none, the test skips."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation; nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_by_another_address_the_token_opens_the_page_and_it_works(look: Callable[..., Looking], studied: House) -> None:
    """By http and another address than loopback a browser offers less to scripts: no crypto.randomUUID, for one."""
    with Serving(studied, own_address(), "a long secret") as served:
        bare = served.address.partition("?")[0]
        assert httpx.get(bare, trust_env=False).status_code == 401
        page = look(served.address, expected="ERR_CONNECTION_REFUSED").ready()  # once the test is over
        assert page.page.evaluate("window.isSecureContext") is False
        assert "token" not in page.page.url
        page.type("apple pie")
        page.choose(1)
        locked = look(bare, expected="Failed to load resource")
        assert locked.page.locator("body").inner_text().startswith("This page needs its token")
