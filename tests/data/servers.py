"""Servers on loopback: an S3 one that moto runs, and a web server that answers range requests as the usual ones do."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "food"


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment(endpoint).items():
                patch.setenv(name, value)
            client = boto3.client("s3", endpoint_url=endpoint)
            client.create_bucket(Bucket=BUCKET)
            client.close()
            forget()
            yield endpoint
    finally:
        forget()
        server.stop()


def environment(endpoint: str) -> dict[str, str]:
    """What tells the S3 libraries where their server is, and who asks."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "word",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }


def forget() -> None:
    """Let fsspec open its file systems anew, with the environment of now."""
    for scheme in ("s3", "http"):
        fsspec.get_filesystem_class(scheme).clear_instance_cache()


def upload(endpoint: str, folder: Path, prefix: str) -> str:
    """A folder's files in the bucket, and their address."""
    client = boto3.client("s3", endpoint_url=endpoint)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), BUCKET, f"{prefix}/{path.relative_to(folder).as_posix()}")
    client.close()
    return f"s3://{BUCKET}/{prefix}"


class Ranges(SimpleHTTPRequestHandler):
    """The standard library's file server, with ranges, and without its log; remembers the ranges asked for."""

    ranges = True
    asked: list[str]

    def __init__(self, *arguments: Any, asked: list[str], **named: Any) -> None:
        self.asked = asked
        super().__init__(*arguments, **named)

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        self.asked.append(self.headers.get("Range", ""))
        if not found or not self.ranges or not path.is_file():
            super().do_GET()
            return
        content = path.read_bytes()
        start, end = int(found[1]), min(int(found[2] or len(content)), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        self.wfile.write(content[start : end + 1])


class Whole(Ranges):
    """A server that ignores ranges."""

    ranges = False


@contextmanager
def web_server(folder: Path, handler: type[Ranges] = Ranges) -> Iterator[tuple[str, list[str]]]:
    """The address of a web server on a folder, and the ranges that it was asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder), asked=asked))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
