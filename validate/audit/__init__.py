"""Adjudicates the paper's claims C1–C25: evidence is computed, and a function of it gives each
verdict."""
