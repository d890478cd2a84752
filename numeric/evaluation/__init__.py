"""Puts numbers into derived formulas: terms run as torch modules, and bounds evaluated at real
activations."""
