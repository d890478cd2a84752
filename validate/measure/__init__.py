"""Measures with autograd alone, and imports nothing of the predictions that it judges."""
