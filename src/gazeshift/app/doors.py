"""Who may come in: requests to this host only, with the token where there is one, of bounded size; and what the page may load."""

import hmac
from collections.abc import Collection, Mapping
from http.cookies import CookieError, SimpleCookie
from types import MappingProxyType
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""What a request to this machine may call it. Another name is a page of another host that had its name point here."""

REPORTS = "/report/"
"""Reports of small studies."""

OPEN = ("/page/", "/api/", REPORTS)
"""What may be asked for besides the page itself."""

SCRIPTS = ("call/gaze", "info", "queue/join", "queue/data", "heartbeat/", "startup-events")
"""Of Gradio's own routes those by which scripts ask (``gradio_client``), and the one by which it knows that it runs. Closed are the rest:
files, uploads, monitoring, logins, a page of its own.
"""

STARTED = "/gradio_api/startup-events"
"""By which Gradio asks itself whether it runs, without a token: it tells nothing."""

COOKIE = "gazeshift"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load: nothing of another host, and no script that stands in the page."""

POLICIES: Mapping[str, str] = MappingProxyType(
    {
        REPORTS: "sandbox allow-downloads; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }
)
"""By how a path begins: what may be loaded there instead. A report is one file with its own styles and pictures; texts of others stand in
it, so it runs no script, and belongs to no host, not even to this one.
"""


class Doors:
    """Middleware in front of every route, Gradio's own included.

    Args:
        app: what is behind them.
        hosts: names that requests may use for this host; None for any, which only a token may allow.
        token: what a request must carry, once in its address (``?token=``) and then as a cookie; None on loopback.
        most: bytes of a request's body.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None, token: str | None, most: int) -> None:
        self.app, self.hosts, self.token, self.most = app, hosts, token, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it in one line."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        refusal = self._refusal(scope)
        if refusal is not None:
            return await refusal(scope, receive, send)
        return await self.app(scope, self._bounded(receive), self._guarded(send, policy_of(scope["path"])))

    def _refusal(self, scope: Scope) -> PlainTextResponse | RedirectResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.hosts is not None and host.rsplit(":", 1)[0] not in self.hosts:
            return PlainTextResponse("This page answers only to requests to its own host.", 403)
        if (refusal := self._of_another(scope, headers)) or self.token is None or scope["path"] == STARTED:
            return refusal
        return self._without_token(scope, headers)

    def _of_another(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return PlainTextResponse("This page answers only to itself.", 403)
        if not _is_open(scope["path"]):
            return PlainTextResponse("There is nothing here.", 404)
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > self.most:
            return PlainTextResponse("The request is too large.", 413)
        return None

    def _without_token(self, scope: Scope, headers: Headers) -> PlainTextResponse | RedirectResponse | None:
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if self._is_token(given):
            answer = RedirectResponse(scope["path"], 303)
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict")
            return answer
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        if cookie is not None and self._is_token(cookie.value):
            return None
        return PlainTextResponse("This page needs its token: open the address that gazeshift app printed.", 401)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self.token or "").encode())

    def _bounded(self, receive: Receive) -> Receive:
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:  # sent in pieces, without saying how much
                return {"type": "http.disconnect"}
            return message

        return bounded

    def _guarded(self, send: Send, policy: str) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = policy
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cross-origin-resource-policy"] = "same-origin"
            await send(message)

        return guarded


def policy_of(path: str) -> str:
    """What a page at a path may load.

    Example:
        >>> policy_of("/") == POLICY, policy_of("/report/x/report.html").startswith("sandbox")
        (True, True)
    """
    return next((policy for start, policy in POLICIES.items() if path.startswith(start)), POLICY)


def _is_open(path: str) -> bool:
    return (
        path in ("/", "/config")
        or path.startswith(OPEN)
        or path.startswith(tuple(f"/gradio_api/{name}" for name in SCRIPTS))
    )
