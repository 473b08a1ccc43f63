"""gazeshift: how a text acts on what an image classifier looks at."""
