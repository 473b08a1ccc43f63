"""``gazeshift app``: opens models and pictures, and serves the page about them."""

import ipaddress
import os
import secrets
import signal
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, ModuleType

import typer

from gazeshift.app.house import House
from gazeshift.app.small.workshop import Workshop
from gazeshift.app.studies import open_study
from gazeshift.cli.models import tell_kinds
from gazeshift.cli.opening import open_model
from gazeshift.data.findings import count_kinds
from gazeshift.data.sources import load_pairs
from gazeshift.errors import UsageError
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair
from gazeshift.runs.folder import RunFolder

DEMO = Path("runs/plates")
"""What ``make demo`` makes."""

DEMO_STUDY = Path("configs/plates.yaml")


def serve(
    addresses: Sequence[Address],
    root: str | None,
    study: Path | None,
    *,
    host: str,
    port: int,
    token: str | None,
    browser: bool,
) -> None:
    """Serve the page until it is interrupted.

    Raises:
        UsageError: an address that others can reach, without a token; no models; a port in use.
        GazeshiftError: a model or data that cannot be opened.
    """
    token, server = _token(host, token), _server_module()
    if not addresses and study is None:
        _make_demo()
        study = DEMO
    opened = None if study is None else open_study(study)
    pairs = _pairs(root) if root is not None else [] if opened is None else opened.pairs
    addresses = addresses or [Address(str(folder)) for folder in (opened.models if opened else ())]
    house = House.of(
        [open_model(address) for address in addresses],
        pairs,
        opened.findings if opened else None,
        addresses=addresses,
        root=root or (opened.root if opened else None),
    )
    workshop = Workshop.of(house, addresses)
    _end_whole()
    with server.start(house, host=host, port=port, token=token, workshop=workshop) as running:
        typer.echo(f"the page is at {running.address}  (end it with Ctrl-C)")
        if browser:
            webbrowser.open(running.address)
        running.wait()


def _pairs(root: str) -> Sequence[Pair]:
    """The pairs of some data; what is left out, and that only a part is shown, is said."""
    found = load_pairs(root, optional={"text"})
    tell_kinds(root, count_kinds([each for each in found.findings if each.kind != "missing text"]))
    tested = sum(pair.split == "test" for pair in found.pairs)
    if 0 < tested < len(found.pairs):
        typer.echo(f"{root}: the page shows the {tested:,} test pairs of {len(found.pairs):,}", err=True)
    return found.pairs


def _end_whole() -> None:
    """Let a kill, or a terminal that is closed, end the page like Ctrl-C: a study that runs ends with it, and dropped files go."""
    for number in [signal.SIGTERM] if os.name == "nt" else [signal.SIGTERM, signal.SIGHUP]:
        if signal.getsignal(number) is signal.SIG_DFL:  # what nohup ignores stays ignored
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _token(host: str, token: str | None) -> str | None:
    """The token that requests need: any host but loopback needs one, and gets one if none is named."""
    if token is not None and len(token) < 8:
        raise UsageError("--token: give at least 8 characters, or leave it out and one is drawn.")
    return token if token is not None or is_loopback(host) else secrets.token_urlsafe(16)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which no other machine can reach.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _make_demo() -> None:
    """The demo's study, made now if there is none."""
    if RunFolder(DEMO).summary.is_file():
        return
    if not DEMO_STUDY.is_file():
        raise UsageError(
            f"name a model: gazeshift app MODEL --data ROOT. (Without one, the demo in {DEMO} is shown, and there is none.)"
        )
    typer.echo(f"no study in {DEMO}: making the demo's, which takes a few minutes ...", err=True)
    from gazeshift.cli.study import run_study_command

    if code := run_study_command(DEMO_STUDY, DEMO, [], quiet=True):
        raise typer.Exit(code)


def _server_module() -> ModuleType:
    """The server, which needs the extra."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = (
        "False"  # asked when Gradio is imported: nothing here tells another host anything
    )
    try:
        from gazeshift.app import server
    except ModuleNotFoundError as error:
        raise UsageError(f"the page needs Gradio ({error.name} is missing): pip install 'gazeshift[app]'.") from None
    return server
