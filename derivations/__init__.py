"""Derives gradients, bounds and laws of network blocks symbolically. Import from the modules; torch
is never imported."""
