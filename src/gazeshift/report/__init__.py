"""The report: one HTML page and CSV tables with the same numbers, made from a run folder and nothing else."""

from gazeshift.report.write import write

__all__ = ["write"]
