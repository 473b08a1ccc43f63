"""What must stand beside a text of which a model reads less than a person does."""

CUT = "The text is longer than the model reads: words past its limit are not read, and show no effect."
"""What must stand beside words that a model never saw."""

UNREAD = "The tokenizer knows no piece of the text: to the model it says as much as any other unknown text."
"""What must stand beside a text in a script or language that a tokenizer was not made for."""
