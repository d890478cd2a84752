"""Judges every step in at least two independent ways, and imports nothing that it judges."""
