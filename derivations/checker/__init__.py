"""Judges every step in at least two independent ways, and imports none of the rules, theorems and
laws that it judges."""
