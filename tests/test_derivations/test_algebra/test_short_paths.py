"""The short paths of a published network, counted one subset of the blocks after another."""

from collections import Counter
from itertools import combinations

import sympy as sp

from derivations.algebra import short_paths
from derivations.algebra.short_paths import PUBLISHED_SHARE, short_share


def test_the_share_rounds_to_the_published_one():
    assert f"{float(short_share()):.6f}" == f"{float(PUBLISHED_SHARE):.6f}" == "0.004537"


def test_the_share_counts_subsets(monkeypatch):
    """Eight blocks, whose 256 subsets can be listed; 2 to 3 are short."""
    monkeypatch.setattr(short_paths, "BLOCK_COUNT", 8)
    monkeypatch.setattr(short_paths, "SHORTEST", 2)
    monkeypatch.setattr(short_paths, "LONGEST", 3)
    lengths = Counter(k for k in range(9) for _ in combinations(range(8), k))
    assert short_share() == sp.Rational(lengths[2] + lengths[3], sum(lengths.values()))
