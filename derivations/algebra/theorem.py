"""States the results that are about no single block: stacks, architectures, laws.

A `Theorem` is a derivation and the step of it that says the result; `check.py` judges its steps
like any other.
"""
