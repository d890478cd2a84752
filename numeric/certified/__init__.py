"""Certifies gains and bounds for the stored tensors: every number is an enclosure, rounding
included."""
