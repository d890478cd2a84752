"""Derives gradients, bounds and laws of network blocks symbolically; torch is never imported."""
