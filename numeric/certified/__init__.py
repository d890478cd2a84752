"""Certifies gains and bounds for the stored tensors, rounding included."""
