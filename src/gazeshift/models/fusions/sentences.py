"""What a fusion's structure means for its maps, in words that reports show."""

ADDITIVE = (
    "The logits are a function of the image plus a function of the text: for a fixed class the text cannot move the map; "
    "only the predicted class can switch."
)
PRODUCT = "Image and text are multiplied: the text re-weights the image's channels for every class, and it can switch the predicted class."
GRID = "The text meets the image cell by cell: it can move the map of a fixed class, and it can switch the predicted class."
