"""Runs what a user gives: watched, with nothing left behind, and sample by sample."""
