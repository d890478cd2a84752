"""Builds the networks that are trained, and those that the paper compares, and counts what they
cost."""
