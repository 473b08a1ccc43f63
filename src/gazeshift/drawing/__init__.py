"""From arrays to pictures: overlays, words in colour, numbers for people."""
