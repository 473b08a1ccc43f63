"""Plates as a test of the instrument: settings whose right answer is known, expected against found."""

from gazeshift.instrument.run import RowResult, run_instrument

__all__ = ["RowResult", "run_instrument"]
