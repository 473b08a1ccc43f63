"""A study's output: where everything is in its folder, and the typed contents of its two JSON files."""
