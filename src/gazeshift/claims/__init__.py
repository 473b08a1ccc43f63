"""The paper's claims as tests: what is contrasted was written down before any result; verdicts follow from intervals."""

from gazeshift.claims.judge import judge
from gazeshift.claims.register import CLAIMS, Claim
from gazeshift.claims.tables import Tables

__all__ = ["CLAIMS", "Claim", "Tables", "judge"]
