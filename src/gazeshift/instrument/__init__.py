"""Plates as a test of the instrument: settings whose right answer is known, expected against found."""

from gazeshift.instrument.expectations import EXPECTATIONS, Expectation
from gazeshift.instrument.rows import ROWS
from gazeshift.instrument.run import Check, RowResult, run_instrument
from gazeshift.instrument.settings import SETTINGS, Setting
from gazeshift.instrument.worlds import WORLDS, World

__all__ = [
    "EXPECTATIONS",
    "ROWS",
    "SETTINGS",
    "WORLDS",
    "Check",
    "Expectation",
    "RowResult",
    "Setting",
    "World",
    "run_instrument",
]
