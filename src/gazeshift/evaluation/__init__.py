"""Evaluate a trained model: maps under changed texts, checks, information."""
