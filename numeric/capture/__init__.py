"""Reads the blocks of a recorded model: cuts, terms, kinds, and each block's own numbers."""
