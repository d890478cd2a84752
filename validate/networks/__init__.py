"""Builds the networks that are trained and those that the paper compares; counts their cost."""
