"""The paper's claims as tests: what is contrasted was written down before any result; verdicts follow from intervals."""

from gazeshift.study.claims.judge import judge
from gazeshift.study.claims.register import CLAIMS, Claim
from gazeshift.study.claims.tables import Tables

__all__ = ["CLAIMS", "Claim", "Tables", "judge"]
