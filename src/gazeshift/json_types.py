"""Names for mappings that nobody here knows more of."""

from typing import Any

Json = dict[str, Any]
"""A JSON object, as it was parsed or as it is to be written."""

Options = dict[str, Any]
"""Keyword arguments for a library, which alone knows what they may be."""
