"""The paper's claims as tests: the contrasts were fixed before any result; verdicts follow from intervals."""
