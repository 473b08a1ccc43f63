"""A hub on this machine: as much of the Hugging Face hub's HTTP interface as its own client needs to create, commit to and read models."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_owner"  # noqa: S105  of a hub that nobody else can reach


@dataclass
class Repository:
    """Files by commit, and the commit of each branch."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"0" * 40: {}})
    branches: dict[str, str] = field(default_factory=lambda: {"main": "0" * 40})
    messages: list[str] = field(default_factory=list)

    def at(self, revision: str) -> str | None:
        """The commit of a branch, or a commit itself."""
        revision = self.branches.get(revision, revision)
        return revision if revision in self.commits else None

    def files(self, branch: str = "main") -> dict[str, bytes]:
        return self.commits[self.branches[branch]]

    def commit(self, branch: str, lines: list[dict[str, Any]]) -> str:
        files = dict(self.files(branch))
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        sha = hashlib.sha1(f"{branch} {len(self.commits)}".encode(), usedforsecurity=False).hexdigest()
        self.commits[sha], self.branches[branch] = files, sha
        return sha


@dataclass
class Hub:
    """The server's contents and where it answers.

    Attributes:
        read_only: repositories to which the owner of the token may not write.
        asked: the path of every request.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    read_only: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Tests say enough."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self._path()
        writing = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(branch|preupload|commit)/([^/]+)", path)
        if not self._owner:
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif writing is None:
            self._refuse(404, "", f"{path}: unknown")
        elif writing[1] in self.hub.read_only:
            self._refuse(403, "", "you have no write access")
        else:
            WRITING[writing[2]](self, writing[1], unquote(writing[3]), body)

    def branch(self, name: str, branch: str, body: bytes) -> None:
        branches = self.hub.repositories[name].branches
        if branch in branches:
            return self._refuse(409, "", "Reference already exists")
        branches[branch] = branches["main"]
        return self._json({})

    def preupload(self, name: str, branch: str, body: bytes) -> None:
        files = [file["path"] for file in json.loads(body)["files"]]
        self._json({"files": [{"path": file, "uploadMode": "regular", "shouldIgnore": False} for file in files]})

    def commit(self, name: str, branch: str, body: bytes) -> None:
        sha = self.hub.repositories[name].commit(branch, [json.loads(line) for line in body.splitlines()])
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha})

    def do_GET(self) -> None:
        path = self._path()
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+?)(?:/(revision|tree)/([^/]+))?", path)
        resolved = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = api or resolved
        name = found[1] if found else ""
        repository = self.hub.repositories.get(name)
        if found is None or repository is None or (repository.private and not self._owner):
            return self._refuse(404 if self._owner else 401, "RepoNotFound", "Repository not found")
        if repository.gated and not self._owner:
            return self._refuse(403, "GatedRepo", "Access to this model is restricted")
        revision = (found[3] if api else found[2]) or "main"
        sha = repository.at(unquote(revision))
        if sha is None:
            return self._refuse(404, "RevisionNotFound", "Invalid rev id")
        files = repository.commits[sha]
        if resolved:
            return self._file(sha, files, unquote(resolved[3]))
        if api and api[2] == "tree":
            return self._json(
                [{"type": "file", "path": file, "size": len(data), "oid": _oid(data)} for file, data in files.items()]
            )
        return self._json({"id": name, "sha": sha, "siblings": [{"rfilename": file} for file in files]})

    def do_HEAD(self) -> None:
        self.do_GET()

    @property
    def _owner(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _path(self) -> str:
        path = urlsplit(self.path).path
        self.hub.asked.append(path)
        return path

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.hub.repositories:
            return self._send(409, json.dumps({"error": "exists", "url": f"{self.hub.url}/{name}"}).encode(), {})
        self.hub.repositories[name] = Repository(
            private=asked.get("visibility") == "private" or asked.get("private") is True
        )
        return self._json({"url": f"{self.hub.url}/{name}"})

    def _file(self, sha: str, files: dict[str, bytes], name: str) -> None:
        if name not in files:
            return self._refuse(404, "EntryNotFound", "Entry not found")
        return self._send(200, files[name], {"ETag": f'"{_oid(files[name])}"', "X-Repo-Commit": sha})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._send(status, json.dumps({"error": message}).encode(), {"Content-Type": "application/json", **headers})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


WRITING = {"branch": _Handler.branch, "preupload": _Handler.preupload, "commit": _Handler.commit}


def _oid(data: bytes) -> str:
    """Git's name of a file's contents."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
