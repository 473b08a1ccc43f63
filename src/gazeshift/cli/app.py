"""``gazeshift app``: opens models and pictures, and serves the page about them."""

import ipaddress
import os
import secrets
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import typer

from gazeshift.app.house import House
from gazeshift.cli.opening import open_model
from gazeshift.data.sources import load_pairs
from gazeshift.errors import UsageError
from gazeshift.models.addresses import Address

DEMO = Path("runs/plates")
"""What ``make demo`` makes."""

DEMO_STUDY = Path("configs/plates.yaml")

DEMO_MODELS = ("image-only", "early-fusion")


def serve(
    addresses: Sequence[Address], root: str | None, *, host: str, port: int, token: str | None, browser: bool
) -> None:
    """Serve the page until it is interrupted.

    Raises:
        UsageError: an address that others can reach, without a token; no models; a port in use.
        GazeshiftError: a model or data that cannot be opened.
    """
    token = _token(host, token)
    if not addresses:
        addresses, root = _demo(), root or str(DEMO / "plates")
    server = _server_module()
    pairs = () if root is None else load_pairs(root, optional={"text"}).pairs
    house = House.of([open_model(address) for address in addresses], pairs)
    with server.start(house, host=host, port=port, token=token) as running:
        typer.echo(f"the page is at {running.address}  (end it with Ctrl-C)")
        if browser:
            webbrowser.open(running.address)
        running.wait()


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


def _demo() -> list[Address]:
    """The demo's models, trained now if there are none."""
    folders = [DEMO / "models" / name / "seed-0" for name in DEMO_MODELS]
    if not all(folder.is_dir() for folder in folders):
        if not DEMO_STUDY.is_file():
            raise UsageError(
                f"name a model: gazeshift app MODEL --data ROOT. (Without one, the demo's models in {DEMO} are taken, and there are none.)"
            )
        typer.echo(f"no models in {DEMO}: making the demo's, which takes a few minutes ...", err=True)
        from gazeshift.cli.study import run_study_command

        if code := run_study_command(DEMO_STUDY, DEMO, [], quiet=True):
            raise typer.Exit(code)
    return [Address(str(folder)) for folder in folders]


def _server_module():
    """The server, which needs the extra."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = (
        "False"  # asked when Gradio is imported: nothing here tells another host anything
    )
    try:
        from gazeshift.app import server
    except ModuleNotFoundError as error:
        raise UsageError(f"the page needs Gradio ({error.name} is missing): pip install 'gazeshift[app]'.") from None
    return server
