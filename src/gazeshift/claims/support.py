"""What speaks for a claim: its own contrast and those beside it."""

from dataclasses import dataclass

import numpy as np

from gazeshift.claims.tables import Cells
from gazeshift.claims.verdict import Needed


@dataclass(frozen=True)
class Support:
    """A further contrast.

    Attributes:
        name: a short name.
        sentence: what is contrasted; above 0 supports the claim.
        cells: its cell means.
        unit: unit of the contrast; empty if it is the claim's own.
        needed: ``sign``: the claim holds only if this mean is above 0; ``interval``: only if this interval is; ``null``: only if this
            effect is shown to lie within ``margin`` of 0; ``no``: never.
        margin: in the contrast's own unit; None: the claim's.
    """

    name: str
    sentence: str
    cells: Cells
    needed: Needed = "no"
    unit: str = ""
    margin: float | None = None


@dataclass(frozen=True)
class Evidence:
    """The evidence for a claim: ``missing`` says in a sentence why it cannot be tested, or is empty."""

    primary: Cells
    supports: tuple[Support, ...] = ()
    missing: str = ""
    notes: tuple[str, ...] = ()


def nothing(why: str, supports: tuple[Support, ...] = ()) -> Evidence:
    """No evidence, and why; contrasts beside the claim's own may be known all the same."""
    return Evidence(Cells(np.full((1, 1), np.nan), np.zeros(1, int)), supports, why)
