"""The evidence for each claim: its primary contrast, the contrasts that must agree with it, and others worth seeing. One dict of them."""

from collections.abc import Callable
from dataclasses import replace

from gazeshift.claims.looking import centre_bias, localisation
from gazeshift.claims.modifiers import matters_more, widens
from gazeshift.claims.moving import follows, moves_when_it_should
from gazeshift.claims.register import CLAIMS
from gazeshift.claims.support import Evidence, Support, nothing
from gazeshift.claims.tables import Cells, Tables


def accuracy(tables: Tables) -> Evidence:
    """C0."""

    def gap(first: str, second: str) -> Cells:
        return tables.difference(tables.test(first), tables.test(second), "correct")

    return Evidence(
        gap("fusion", "image"),
        (
            Support("over text only", "accuracy of early fusion minus text only", gap("fusion", "text")),
            Support("late fusion", "accuracy of late fusion minus image only", gap("late", "image")),
            Support("head alone", "accuracy of image MLP minus image only (linear)", gap("mlp", "image")),
            Support(
                "empty-text control", "accuracy of early fusion minus its empty-text control", gap("fusion", "constant")
            ),
            Support(
                "shuffled-text control",
                "accuracy of early fusion minus its shuffled-text control",
                gap("fusion", "shuffled"),
            ),
        ),
    )


EVIDENCE: dict[str, Callable[[Tables], Evidence]] = {
    "C0": accuracy,
    "C1": centre_bias,
    "C2": localisation,
    "C3": follows,
    "C4a": widens,
    "C4b": matters_more,
    "C5": moves_when_it_should,
}


def evidence_for(claim: str, tables: Tables) -> Evidence:
    """The evidence for a claim, with the same contrast for every other model that could play one of its roles."""
    wanted = CLAIMS[claim].roles
    if why := tables.roles.unfit(wanted):
        return nothing(why)
    others = [(other, tables.roles[role]) for role in wanted for other in tables.roles.others.get(role, ())]
    found = EVIDENCE[claim](tables)
    return replace(found, supports=(*found.supports, *(_instead(claim, tables, *pair) for pair in others)))


def _instead(claim: str, tables: Tables, other: str, first: str) -> Support:
    """A claim's own contrast with another model of the same kind instead of the first."""
    found = EVIDENCE[claim](replace(tables, roles=tables.roles.preferring(other)))
    return Support(f"with {other}", f"the same contrast with {other} instead of {first}", found.primary)
