"""Caveats for texts of which a model reads less than a person does."""

CUT = "The text is longer than the model reads: words past its limit are not read, and show no effect."
"""The caveat for words that a model never saw."""

UNREAD = "The tokenizer knows no piece of the text: to the model, all such texts are the same."
"""The caveat for a text in a script or language that the tokenizer does not cover."""
