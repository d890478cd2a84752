"""Judges the paper's claims, a file for each group, named for its first claim."""
