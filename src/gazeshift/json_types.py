"""Names for mappings of unknown content."""

from typing import Any

Json = dict[str, Any]
"""A JSON object, as parsed or as it will be written."""

Options = dict[str, Any]
"""Keyword arguments passed on to a library."""
