"""Stored maps of any number: written as they are drawn, measured in one pass and in bounded memory. Reading needs no torch."""
