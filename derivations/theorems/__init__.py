"""Derives what holds beyond one term: the paper's equations, dense blocks, gates, stacks."""
