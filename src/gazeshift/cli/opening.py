"""The model that a command names, and the options that say how a published one is asked."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

import typer

from gazeshift.models import Classifier
from gazeshift.models.adapters.given import Given
from gazeshift.models.addresses import Address, Question


def address_of(
    model: str, as_: str | None, classes: Sequence[str] | None, prompt: str | None, trust_remote_code: bool
) -> Address:
    """What a command line says about its model."""
    return Address(model, Question(as_, tuple(classes or ()), prompt, trust_remote_code))


def open_model(address: Address) -> Classifier | Given:
    """Open a model, and say so where that runs code of the user's or of the model's folder."""
    if address.runs_code:
        whose = "code of the model's folder" if address.question.trust_remote_code else "your own code"
        typer.echo(f"{address.at}: runs {whose}.", err=True)
    if not address.runs_code:
        return address.open()
    with redirect_stdout(sys.stderr):  # what that code prints is not a result of ours
        return address.open()
