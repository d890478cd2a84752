"""Derives exact laws for random weights, and how gradients change with depth at initialisation."""
