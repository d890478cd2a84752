"""Applies Jacobians without forming them: batched operators, their spectra and norms."""
