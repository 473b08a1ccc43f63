"""A page that is being looked at, and the server behind it."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from gazeshift.app.house import House
from gazeshift.app.small.workshop import Workshop

try:
    from playwright.sync_api import expect
except ModuleNotFoundError:  # the fixture of the browser skips, and says so
    expect = None

READER, SILENT = "early-fusion", "image-only"


class Serving:
    """A server in a thread of its own: playwright's event loop runs in this one, where Gradio's could not start.

    Attributes:
        address: of the page, with its token.
    """

    def __init__(self, house: House, host: str = "127.0.0.1", token: str | None = None) -> None:
        from gazeshift.app.server import start  # noqa: PLC0415  where there is no Gradio, the tests skip

        self._context: AbstractContextManager[Any] = start(house, host=host, port=0, token=token, workshop=Workshop({}))
        self._thread = ThreadPoolExecutor(1)
        self.address: str = self._thread.submit(self._context.__enter__).result().address

    def close(self) -> None:
        """End it; again does nothing."""
        if self._thread is not None:
            self._thread.submit(self._context.__exit__, None, None, None).result()
            self._thread.shutdown()
            self._thread = None

    def __enter__(self) -> "Serving":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Looking:
    """One opened page.

    Attributes:
        context: of the browser; of this page alone.
        page: playwright's.
        asked: addresses of all requests.
        expected: part of what the browser may write to its console, for a test in which a request fails.
        wrong: what went wrong and was not expected: scripts that failed, dialogs that opened, errors in the console.
    """

    def __init__(self, context: Any, address: str, expected: str = "") -> None:
        self.context, self.home, self.expected = context, address, expected
        self.page = context.new_page()
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._console)
        self.page.goto(address)

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        replaced = "status of 409" in message.text  # a newer question took its place: as it should be
        expected = bool(self.expected) and self.expected in message.text
        if message.type in ("error", "warning") and not (replaced or expected):
            self.wrong.append(f"console: {message.text}")

    def check_nothing_went_wrong(self) -> None:
        """No dialog, no failed script, and no request to another host than the page's own."""
        assert not self.wrong, self.wrong
        abroad = [
            url
            for url in self.asked
            if not url.startswith(("data:", "blob:")) and urlsplit(url).netloc != urlsplit(self.home).netloc
        ]
        assert not abroad, abroad

    def model(self, name: str = READER) -> Any:
        """The panel of a model."""
        return self.page.locator("article.model", has=self.page.get_by_role("heading", name=name, exact=True))

    def drawn(self, name: str = READER, **marks: str) -> Any:
        """The panel of a model, once it has drawn what is named: ``drawn(after="a red pie")``."""
        panel = self.model(name)
        for mark, value in marks.items():
            expect(panel).to_have_attribute(f"data-{mark}", value)
        expect(panel).not_to_have_attribute("aria-busy", "true")
        return panel

    def ready(self) -> "Looking":
        """Once every model has drawn its first picture."""
        for name in (SILENT, READER):
            self.model(name).locator(".numbers dd").first.wait_for()
            self.drawn(name)
        return self

    def choose(self, place: int) -> str:
        """Choose a picture of the list, and wait until all have drawn it; its name."""
        button = self.page.locator("#samples button").nth(place)
        button.click()
        name = str(button.get_attribute("data-picture"))
        for model in (SILENT, READER):
            self.drawn(model, picture=name)
        return name

    def type(self, text: str, where: str = "after") -> None:
        """Type a text in place of what is there, and wait until all have drawn it."""
        self.page.locator(f"#{where}").fill(text)
        for model in (SILENT, READER):
            self.drawn(model, **{where: text})

    def open_table(self) -> None:
        """Open the table of words and regions of the model that reads, and wait until it is there."""
        self.model(READER).locator(".words summary").click()
        self.model(READER).locator(".words tbody tr").first.wait_for()

    def pixels(self, place: int, name: str = READER) -> str:
        """A digest of what is painted on a model's canvas: 0 before, 1 after, 2 the difference."""
        painted = self.model(name).locator(".maps canvas").nth(place).evaluate("canvas => canvas.toDataURL()")
        assert len(painted) > 200
        return hashlib.sha256(painted.encode()).hexdigest()

    def numbers(self, name: str = READER) -> list[str]:
        """The numbers of a model."""
        return [str(each) for each in self.model(name).locator(".numbers dd").all_inner_texts()]
