"""Finds worlds that attain bounds, and computes them again from what is printed."""
