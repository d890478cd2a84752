"""Bounds how much layers in sequence can stretch together, everywhere or near a point."""
