"""The page's server: Gradio's, with a page of our own and few routes. Every route's input is checked here, whoever sends it."""

import asyncio
import errno
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from gradio import Server
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gazeshift.app.asked import Ask, AskApart, AskEdits, AskScene, AskWords
from gazeshift.app.compare import Apart
from gazeshift.app.doors import LOOPBACK, Doors
from gazeshift.app.export import EXPORTS
from gazeshift.app.findings import AskFindings
from gazeshift.app.gaze import Gaze
from gazeshift.app.house import House
from gazeshift.app.pictures import MAX_BYTES
from gazeshift.app.regions import Outlines
from gazeshift.app.small.routes import add_small_studies
from gazeshift.app.small.workshop import Workshop
from gazeshift.app.turns import WAITING, SupersededError, TooManyError
from gazeshift.app.words import Words
from gazeshift.errors import GazeshiftError, UsageError
from gazeshift.registry import lookup

T = TypeVar("T")

FILES: Mapping[str, str] = MappingProxyType(
    {
        "app.css": "text/css",
        "app.js": "text/javascript",
        "common.js": "text/javascript",
        "compare.js": "text/javascript",
        "drawing.js": "text/javascript",
        "edits.js": "text/javascript",
        "export.js": "text/javascript",
        "regions.js": "text/javascript",
        "run.css": "text/css",
        "run.js": "text/javascript",
        "study.js": "text/javascript",
        "table.js": "text/javascript",
        "tokens.js": "text/javascript",
        "words.js": "text/javascript",
    }
)
"""Files of the page besides itself, by name, with their media types."""

PER_PAGE = 60
"""Samples listed at a time."""

FREE = 40
"""Threads for requests that wait for no turn, such as the page and its pictures."""

Page = Annotated[str, Header(alias="x-page", max_length=64)]


def make_server(house: House, workshop: Workshop | None = None) -> Server:
    """The server of a page about some models and pictures, not started yet; with a workshop, small studies can be run from it."""
    server: Server = _in_a_loop(lambda: Server(title="gazeshift", docs_url=None, redoc_url=None, openapi_url=None))
    _errors(server)
    _page(server)
    _pictures(server, house, small=workshop is not None)
    _gaze(server, house)
    _more(server, house)
    if workshop is not None:
        add_small_studies(server, workshop)
    return server


@asynccontextmanager
async def _with_threads(app: object) -> AsyncIterator[None]:
    """A thread for everyone who may wait for a turn, and some more: else those who wait would keep the page itself from being sent."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = max(limiter.total_tokens, WAITING + FREE)
    yield


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        address: of the page, with its token.
        server: what answers.
    """

    address: str
    server: Server

    def wait(self) -> None:
        """Until it is interrupted."""
        self.server.get_blocks().block_thread()


@contextmanager
def start(
    house: House, *, host: str, port: int, token: str | None, workshop: Workshop | None = None
) -> Iterator[Running]:
    """Serve the page while the context lasts.

    Args:
        house: what the page is about.
        host: address to listen at.
        port: 0 for any free one.
        token: what requests must carry; None on loopback only.
        workshop: where small studies are run; closed at the end.

    Raises:
        UsageError: the port is in use, or the address is not this machine's.
    """
    port, server = _usable_port(host, port), make_server(house, workshop)
    named = f"[{host}]" if ":" in host else host
    server.add_middleware(Doors, hosts={*LOOPBACK, named} if token is None else None, token=token, most=MAX_BYTES)
    _in_a_loop(
        lambda: server.launch(
            server_name=host,
            server_port=port,
            quiet=True,
            prevent_thread_lock=True,
            share=False,
            show_error=False,
            app_kwargs={"lifespan": _with_threads},
        )
    )
    try:
        yield Running(f"http://{named}:{port}/" + (f"?token={token}" if token else ""), server)
    finally:
        if workshop is not None:
            workshop.close()
        server.get_blocks().close(verbose=False)


def _in_a_loop(work: Callable[[], T]) -> T:
    """Work in a running event loop: where none runs, Gradio makes one for every lock, and closes none of them."""

    async def done() -> T:
        return work()

    return asyncio.run(done())


def _usable_port(host: str, port: int) -> int:
    """The port, or any free one in place of 0.

    Raises:
        UsageError: it is in use or may not be used, or the host is not this machine. (Gradio would look
            for it with a socket that it does not close.)
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UsageError(f"port {port} at {host} is in use: choose another with --port.") from None
            if error.errno == errno.EACCES:
                raise UsageError(
                    f"port {port} needs rights that you do not have: choose one above 1023 with --port."
                ) from None
            raise UsageError(
                f"--host {host}: that is no address of this machine (give 127.0.0.1, or 0.0.0.0 for all of them)."
            ) from None
        return int(probe.getsockname()[1])


def _page(server: Server) -> None:
    folder = files("gazeshift.app") / "page"

    @server.get("/")
    def page() -> Response:
        return Response((folder / "index.html").read_bytes(), media_type="text/html")

    @server.get("/page/{name}")
    def part(name: str) -> Response:
        kind = lookup(FILES, name, "file of the page")
        return Response((folder / name).read_bytes(), media_type=kind)


def _pictures(server: Server, house: House, *, small: bool) -> None:
    @server.get("/api/house")
    def contents() -> dict[str, Any]:
        models = [
            {
                "name": name,
                "classes": resident.model.classes,
                "reads": resident.model.reads_text,
                "sentence": resident.sentence,
            }
            for name, resident in house.models.items()
        ]
        labels = sorted({sample.label for sample in house.pictures.samples})
        study = None
        if house.findings is not None:
            study = {
                "models": house.findings.models,
                "edits": house.findings.edits,
                "measures": list(house.findings.measures),
            }
        regions = any(pair.has_regions for pair in house.pictures.pairs)
        return {
            "models": models,
            "methods": house.methods,
            "labels": labels,
            "study": study,
            "regions": regions,
            "small": small,
        }

    @server.get("/api/samples")
    def samples(
        search: Annotated[str, Query(max_length=200)] = "",
        label: Annotated[str, Query(max_length=300)] = "",
        start: Annotated[int, Query(ge=0)] = 0,
    ) -> dict[str, Any]:
        found = house.pictures.find(search, label)
        return {"total": len(found), "samples": [asdict(sample) for sample in found[start : start + PER_PAGE]]}

    @server.post("/api/findings")
    def found(asked: AskFindings) -> dict[str, Any]:
        total, rows = house.found(asked)
        return {
            "total": total,
            "rows": [{"picture": sample.picture, "own": sample.text, **row.model_dump()} for sample, row in rows],
        }

    @server.get("/api/thumbnail")
    def thumbnail(picture: Annotated[str, Query(max_length=300)]) -> Response:
        return Response(house.pictures.thumbnail(picture), media_type="image/jpeg")

    @server.get("/api/view")
    def view(picture: Annotated[str, Query(max_length=300)], model: Annotated[str, Query(max_length=300)]) -> Response:
        return Response(house.view(model, picture), media_type="image/jpeg")

    @server.post("/api/drop")
    async def drop(request: Request) -> dict[str, str]:
        return {"picture": house.pictures.drop(await request.body())}


def _gaze(server: Server, house: House) -> None:
    @server.post("/api/gaze")
    def look(asked: Ask, page: Page = "") -> Gaze:
        return house.gaze(asked, page)

    @server.post("/api/words")
    def words(asked: AskWords, page: Page = "") -> Words:
        return house.words(asked, page)

    @server.post("/api/edits")
    def edits(asked: AskEdits) -> list[dict[str, Any]]:
        return [asdict(one) for one in house.edits(asked)]

    @server.api(name="gaze")
    def gaze(
        picture: str, model: str, texts: list[str], target: str = "predicted", method: str = "default"
    ) -> dict[str, Any]:
        """The maps of a picture of the data by a model, for scripts: the same as the page gets."""
        asked = Ask(picture=picture, model=model, texts=tuple(texts), target=target, method=method)
        return json.loads(house.gaze(asked, "").model_dump_json())


def _more(server: Server, house: House) -> None:
    @server.get("/api/regions")
    def regions(
        picture: Annotated[str, Query(max_length=300)], model: Annotated[str, Query(max_length=300)]
    ) -> Outlines:
        return house.outlines(model, picture)

    @server.post("/api/apart")
    def compared(asked: AskApart, page: Page = "") -> list[Apart]:
        return house.apart(asked, page)

    @server.post("/api/export/{kind}")
    def export(kind: str, asked: AskScene, page: Page = "") -> Response:
        found = lookup(EXPORTS, kind, "kind of file")
        content = found.content(house.scene(asked, page))
        named = {"content-disposition": f'attachment; filename="gazeshift{found.ending}"'}
        return Response(content, media_type=found.media, headers=named)


def _errors(server: Server) -> None:
    """Whatever goes wrong is one sentence, in JSON."""

    @server.exception_handler(GazeshiftError)
    def refused(request: Request, error: GazeshiftError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 400 if isinstance(error, UsageError) else 422)

    @server.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse({"error": f"{where or 'the request'}: {first['msg']}"}, 400)

    @server.exception_handler(HTTPException)
    def unknown(request: Request, error: HTTPException) -> JSONResponse:
        # Clients of Gradio read "detail".
        return JSONResponse({"error": str(error.detail), "detail": error.detail}, error.status_code, error.headers)

    @server.exception_handler(ClientDisconnect)
    def cut_off(request: Request, error: ClientDisconnect) -> JSONResponse:
        return JSONResponse({"error": "The request is too large, or was not sent whole."}, 413)

    @server.exception_handler(SupersededError)
    def superseded(request: Request, error: SupersededError) -> JSONResponse:
        return JSONResponse({"error": "superseded"}, 409)

    @server.exception_handler(TooManyError)
    def too_many(request: Request, error: TooManyError) -> JSONResponse:
        return JSONResponse({"error": "Too many requests wait at the moment; try again in a few seconds."}, 429)
