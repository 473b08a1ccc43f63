"""Plates as a test of the instrument: settings whose right answer is known, expected against found."""
