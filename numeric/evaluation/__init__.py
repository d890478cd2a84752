"""Puts numbers into derived formulas, at real activations."""
