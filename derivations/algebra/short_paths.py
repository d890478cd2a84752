"""Counts the short paths of Veit, Wilber & Belongie 2016 (arXiv:1605.06431): 5–17 of 54 blocks.

A residual stack has one path for every subset of its blocks, the branches that it runs through.
"""

from math import comb

import sympy as sp

BLOCK_COUNT = 54
SHORTEST, LONGEST = 5, 17
PUBLISHED_SHARE = sp.Rational(4537, 10**6)
"""The share of the short paths, as printed."""


def short_share() -> sp.Rational:
    """The share of the short paths among all 2^54, exactly."""
    count = sum(comb(BLOCK_COUNT, length) for length in range(SHORTEST, LONGEST + 1))
    return sp.Rational(count, 2**BLOCK_COUNT)
