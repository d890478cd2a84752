"""Draws the figures, one file each, from records and terms."""
