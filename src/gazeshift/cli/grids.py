"""Grids on the command line: rows x columns."""

from gazeshift.errors import UsageError


def grid_of(given: str, option: str) -> tuple[int, int]:
    """Rows and columns of a grid such as ``2x3``.

    Args:
        given: what was typed.
        option: for the message.

    Raises:
        UsageError: it is not two whole numbers with an x between them.

    Example:
        >>> grid_of("2x3", "--grid")
        (2, 3)
    """
    rows, _, columns = given.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal()):
        raise UsageError(f"{option} {given}: give rows x columns, for example 3x3.")
    return int(rows), int(columns)
