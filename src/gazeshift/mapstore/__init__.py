"""Stored maps of any number, measured in one pass and in bounded memory. Nothing here needs torch."""

from gazeshift.mapstore.measure import MEASURES
from gazeshift.mapstore.scan import Scanned, scan
from gazeshift.mapstore.write import scan_files

__all__ = ["MEASURES", "Scanned", "scan", "scan_files"]
