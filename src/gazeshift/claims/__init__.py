"""The paper's claims as tests: what is contrasted was written down before any result; verdicts follow from intervals."""
