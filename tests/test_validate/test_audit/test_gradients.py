"""The second evaluation of counterexamples: by autograd, in float64, and agreed upon."""

import math
import random
from fractions import Fraction

import pytest
import torch

from derivations.algebra.blocks import DENSE
from derivations.errors import ViolationError
from validate.audit.counterexample_search import square
from validate.audit.gradients import agree, gradient, linear


def test_gradients_of_vectors_are_jacobians_transposed_times_signals():
    generator = random.Random(3)
    a = [[Fraction(generator.randint(-3, 3), 2) for _ in range(3)] for _ in range(2)]
    g = [Fraction(generator.randint(-3, 3)) for _ in range(5)]
    exact = [g[2 + j] + sum(a[i][j] * g[i] for i in range(2)) for j in range(3)]
    assert gradient(DENSE.term, {"F": linear(*a)}, [Fraction(1)] * 3, g) == [
        float(number) for number in exact
    ]


def test_disagreement_is_a_violation():
    assert agree("x", 1.0, 1.0 + 1e-15) == 1.0
    for seen in (1.0 + 1e-9, math.nan, math.inf):
        with pytest.raises(ViolationError, match="autograd gives"):
            agree("x", seen, 1.0)


def test_float64_is_used():
    assert linear([Fraction(1, 3)])(torch.ones(1, 1, dtype=torch.float64)).dtype == torch.float64
    assert square((Fraction(3), Fraction(4))) == 25
