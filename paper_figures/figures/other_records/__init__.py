"""Figures from what is no run: published numbers, the verdicts, simulated laws."""
