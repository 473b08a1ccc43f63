"""The report: one HTML page and CSV tables with the same numbers, built only from a run folder."""

from typing import TYPE_CHECKING

from gazeshift.lazy import on_demand

if TYPE_CHECKING:
    from gazeshift.report.files import write

__all__ = ["write"]

# Callers that draw a single map need not wait for pandas and the page's other imports.
__getattr__ = on_demand(__name__, {"write": "gazeshift.report.files"})
