"""How commands print texts, names and paths from outside: unchanged, except that nothing in them controls the terminal."""

import re
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from gazeshift.drawing.numbers import clipped

_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters (escape sequences, line breaks), marks that reverse the writing direction, lone surrogates."""


def terminal(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """A console that prints ``:pizza:`` literally and does not colour numbers."""
    return Console(stderr=stderr, soft_wrap=soft_wrap, highlight=False, emoji=False)


def plain(text: str) -> str:
    r"""A text on one line, with everything that would control a terminal escaped.

    Example:
        >>> print(plain("two\nlines, \x1b[31mred"))
        two\nlines, \x1b[31mred
    """
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def literal(text: str) -> Text:
    """The same where rich would look for markup.

    Example:
        >>> literal("[red]:pizza:").plain
        '[red]:pizza:'
    """
    return Text(plain(text))


def tell_missing(out: Path, missing: str, instead: str = "") -> None:
    """Say on standard error which characters of a picture no font on this machine has.

    Args:
        out: the picture.
        missing: the characters.
        instead: another way out, after "Install a font for it".
    """
    if missing:
        typer.echo(
            f"{out}: no font on this machine has {clipped(missing, 40)}; they are drawn as squares. "
            f"Install a font for it{instead or '.'}",
            err=True,
        )
