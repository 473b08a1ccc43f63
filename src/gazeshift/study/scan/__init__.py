"""Stored maps of any number, measured in one pass and in bounded memory. Nothing here needs torch."""

from gazeshift.study.scan.measure import MEASURES
from gazeshift.study.scan.scan import Scanned, scan
from gazeshift.study.scan.write import scan_files

__all__ = ["MEASURES", "Scanned", "scan", "scan_files"]
