"""Draws conclusions from records alone: correlations, slopes, survival of gradients, summaries."""
