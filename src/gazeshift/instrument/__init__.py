"""Plates as a test of the instrument: settings with a known right answer, expected against found."""

from gazeshift.instrument.run import RowResult, run_instrument

__all__ = ["RowResult", "run_instrument"]
