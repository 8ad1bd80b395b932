"""Scores against truth, and the bounds to compare them with."""
