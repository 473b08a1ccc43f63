"""Regions of pictures: where the things are that labels and texts name."""
