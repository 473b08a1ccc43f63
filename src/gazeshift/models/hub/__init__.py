"""Models of the Hugging Face hub, with the processor that reads pictures and texts for them."""
