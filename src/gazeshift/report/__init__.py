"""The report: one HTML page and CSV tables with the same numbers, built only from a run folder."""

from typing import TYPE_CHECKING

from gazeshift.lazy import on_demand

if TYPE_CHECKING:
    from gazeshift.report.files import write

__all__ = ["write"]

# Whoever draws a single map from here need not wait for pandas and all that a page is made of.
__getattr__ = on_demand(__name__, {"write": "gazeshift.report.files"})
