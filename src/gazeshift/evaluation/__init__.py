"""A model is asked a question, and what it answers is measured: maps under changed texts, checks, information."""
