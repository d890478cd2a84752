"""Derives what holds beyond one term: the paper's equations, dense steps and blocks, gates, and
stacks."""
