"""Adjudicates the paper's claims C1–C25: a function of computed evidence gives each verdict."""
