"""From arrays to pictures: overlays, words in colour, numbers as people read them."""
