"""The routes of small studies."""

import mimetypes
from typing import Annotated, Any

from fastapi import Query, Request, Response
from gradio import Server
from starlette.concurrency import run_in_threadpool

from gazeshift.app.ready import READY
from gazeshift.app.small.asked import MAX_EXPLAINED, MAX_MODELS, AskSmall, StartSmall
from gazeshift.app.small.status import Status
from gazeshift.app.small.workshop import Workshop

CHOSEN = ("paraphrase", "colour", "same-class", "other-class")
"""Changed texts that the page proposes: two that should move nothing, two that may."""


def add_small_studies(server: Server, workshop: Workshop) -> None:
    """Add the routes to a server."""

    @server.get("/api/small/offer")
    def offer() -> dict[str, Any]:
        return {
            "models": list(workshop.models),
            "edits": READY,
            "chosen": CHOSEN,
            "busy": workshop.busy,
            "most": {"models": MAX_MODELS, "pictures": MAX_EXPLAINED},
        }

    @server.post("/api/small/open")
    def open_one() -> dict[str, str]:
        return {"study": workshop.open()}

    @server.post("/api/small/drop")
    async def drop(
        request: Request, study: Annotated[str, Query(max_length=64)], name: Annotated[str, Query(max_length=300)]
    ) -> Status:
        return await run_in_threadpool(workshop.keep, study, name, await request.body())

    @server.post("/api/small/start")
    def start(asked: StartSmall) -> Status:
        return workshop.start(asked)

    @server.post("/api/small/status")
    def status(asked: AskSmall) -> Status:
        return workshop.status(asked.study)

    @server.post("/api/small/stop")
    def stop(asked: AskSmall) -> Status:
        return workshop.stop(asked.study)

    @server.get("/report/{study}/{name}")
    def report(study: str, name: str) -> Response:
        file = workshop.page(study, name)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Response(file.read_bytes(), media_type=kind)
