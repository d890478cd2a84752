"""Stacks: gains, bounds and paths; judged, broken, and held against explicit matrices."""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.letters import LAYERS
from derivations.algebra.steps import Certificate
from derivations.errors import InputError
from derivations.theorems.stacks import (
    DenseCounterexample,
    dense_counterexample,
    path_expansion,
    theorems,
)

THEOREMS = named(theorems())
K = sp.Symbol("k", integer=True, nonnegative=True)
N = sp.IndexedBase("n", positive=True)
GAINS = sp.symbols("gamma_1:4", nonnegative=True)
LEAST, MOST = sp.symbols("s_1 s_2", nonnegative=True), sp.symbols("S_1 S_2", nonnegative=True)


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


EXPANSION = step_of(THEOREMS["stack.paths"], "L = 4").after
BROKEN = {
    "a gain is left out": (
        "stack.telescoping",
        "telescoping product",
        {"after": GAINS[0] * GAINS[1]},
    ),
    "the gains are added": ("stack.telescoping", "telescoping product", {"after": sum(GAINS)}),
    "the product ends one block early": (
        "stack.telescoping_l",
        "telescoping product",
        {"after": N[0] / N[LAYERS - 1]},
    ),
    "the product is inverted": (
        "stack.telescoping_l",
        "telescoping product",
        {"after": N[LAYERS] / N[0]},
    ),
    "lower bounds are added": (
        "stack.uniform",
        "uniform lower bounds multiply",
        {
            "after": LEAST[0] + LEAST[1],
            "certificates": (Certificate(((GAINS[0] - LEAST[0],), (GAINS[1] - LEAST[1],))),),
        },
    ),
    "the upper bound is a lower one": (
        "stack.uniform",
        "uniform lower bounds multiply",
        {
            "after": MOST[0] * MOST[1],
            "certificates": (
                Certificate(((GAINS[0] - MOST[0], GAINS[1]), (MOST[0], GAINS[1] - MOST[1]))),
            ),
        },
    ),
    "≥ for ≤": ("stack.uniform", "uniform upper bounds multiply", {"relation": ">="}),
    "the slice that is lost is kept": (
        "stack.dense",
        "Pythagoras",
        {"after": step_of(THEOREMS["stack.dense"], "Pythagoras").after.args[0]},
    ),
    "a step passes its slice on twice": (
        "stack.dense",
        "two steps whose branches vanish",
        {"after": 2 * step_of(THEOREMS["stack.dense"], "two steps whose branches vanish").after},
    ),
    "a path is missing": ("stack.paths", "L = 4", {"after": sp.MatAdd(*EXPANSION.args[:-1])}),
    "a path is met in the wrong order": (
        "stack.paths",
        "L = 4",
        {"after": sp.MatAdd(*EXPANSION.args[:-1], sp.MatMul(*reversed(EXPANSION.args[-1].args)))},
    ),
    "paths of length 2 are counted twice": (
        "stack.paths",
        "paths of length 0…4",
        {"after": sp.Integer(22)},
    ),
    "Pascal's rule with the wrong neighbour": (
        "stack.path_counts",
        "Pascal's rule: the last block is left out or not",
        {"after": sp.binomial(LAYERS, K) + sp.binomial(LAYERS, K + 1)},
    ),
    "paths that skip every block are not counted": (
        "stack.path_counts",
        "sum over the lengths",
        {"after": 2**LAYERS - 1},
    ),
    "the share starts at length 4": (
        "stack.published_share",
        "share of the paths",
        {"before": sp.Sum(sp.binomial(54, K), (K, 4, 17)) / 2**54},
    ),
    "the share ends at length 16": (
        "stack.published_share",
        "share of the paths",
        {"before": sp.Sum(sp.binomial(54, K), (K, 5, 16)) / 2**54},
    ),
    "the share is of 53 blocks": (
        "stack.published_share",
        "share of the paths",
        {"before": sp.Sum(sp.binomial(53, K), (K, 5, 17)) / 2**53},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


def test_a_share_beside_the_published_one_does_not_agree():
    rule = "agrees with the published share to its last digit"
    right = step_of(THEOREMS["stack.published_share"], rule)
    beside = sp.Rational(46, 10**4) - sp.Rational(4537, 10**6)
    certificate = Certificate(((right.after - beside,),))
    assert outcomes_with(
        THEOREMS["stack.published_share"], rule, before=beside, certificates=(certificate,)
    ) == [False, False]


def test_a_product_of_bounds_needs_its_certificate():
    assert outcomes_with(
        THEOREMS["stack.uniform"], "uniform lower bounds multiply", certificates=()
    ) == [False, True]
    negative = Certificate(((GAINS[0] - LEAST[0], GAINS[1]), (GAINS[1] - LEAST[1], -LEAST[0])))
    assert outcomes_with(
        THEOREMS["stack.uniform"], "uniform lower bounds multiply", certificates=(negative,)
    ) == [False, True]


@pytest.mark.parametrize("seed", range(20))
def test_gains_and_bounds_of_explicit_stacks(seed):
    draw = np.random.default_rng(seed)
    depth, widths = int(draw.integers(1, 9)), draw.integers(2, 6, size=10)
    jacobians = [draw.standard_normal((widths[i + 1], widths[i])) for i in range(depth)]
    signals = [draw.standard_normal(widths[depth])]
    for jacobian in reversed(jacobians):
        signals.insert(0, jacobian.T @ signals[0])
    norms = [np.linalg.norm(g) for g in signals]
    gains = [norms[i] / norms[i + 1] for i in range(depth)]
    total = norms[0] / norms[-1]
    assert np.prod(gains) == pytest.approx(total, rel=1e-12)
    least = [
        np.linalg.svd(j, compute_uv=False)[-1] if j.shape[0] <= j.shape[1] else 0.0
        for j in jacobians
    ]
    most = [np.linalg.norm(j, 2) for j in jacobians]
    assert np.prod(least) * (1 - 1e-12) <= total <= np.prod(most) * (1 + 1e-12)


def test_the_counterexample_is_the_smallest_and_refutes_with_explicit_matrices():
    found = dense_counterexample()
    (a, b, c), g = found.slopes, np.array(found.signal, dtype=float)
    first, second = np.array([[a], [1.0]]), np.array([[b, c], [1.0, 0.0], [0.0, 1.0]])
    middle = second.T @ g
    gradient = first.T @ middle
    bounds = [
        1 - np.linalg.norm([[b, c]], 2) * abs(g[0]) / np.linalg.norm(g[1:]),
        1 - abs(a) * abs(middle[0]) / abs(middle[1]),
    ]
    assert min(bounds) > 0
    assert np.linalg.norm(gradient) < np.prod(bounds) * np.linalg.norm(g[1:]) - 0.1
    assert gradient[0] == found.gradient
    assert str(found.slopes) in THEOREMS["stack.dense"].statement
    smaller = [
        DenseCounterexample(numbers[:3], numbers[3:])
        for numbers in product((-2, -1, 0, 1, 2), repeat=6)
        if sum(map(abs, numbers)) < sum(map(abs, (*found.slopes, *found.signal)))
    ]
    assert not any(candidate.refutes() for candidate in smaller)


def test_the_exact_comparison_agrees_with_floating_point():
    """On all small integers where the two sides are not within rounding of each other."""
    met = {True: 0, False: 0}
    for numbers in product((-2, -1, 0, 1, 3), repeat=6):
        candidate = DenseCounterexample(numbers[:3], numbers[3:])
        (a, b, c), (g2, g1, g0), (p, q) = candidate.slopes, candidate.signal, candidate.pulled
        base = np.hypot(g1, g0)
        if q == 0 or base == 0:
            assert not candidate.refutes()
            continue
        promised = max(0.0, 1 - abs(a * p) / abs(q)) * max(0.0, base - np.hypot(b, c) * abs(g2))
        gap = promised - abs(candidate.gradient)
        if abs(gap) > 1e-9:
            assert candidate.refutes() == (gap > 0), candidate
            met[gap > 0] += 1
    assert min(met.values()) > 50


def test_one_dense_step_alone_has_no_counterexample():
    """4(a) itself holds: where the second step is trivial (b = c = g_1 = 0), nothing refutes it."""
    for a, g2, g0 in product(range(-4, 5), repeat=3):
        assert not DenseCounterexample((a, 0, 0), (g2, 0, g0)).refutes()


def test_a_search_that_finds_nothing_says_so():
    with pytest.raises(InputError, match="no counterexample"):
        dense_counterexample(largest=1)


@pytest.mark.parametrize("depth", range(1, 9))
def test_the_expansion_of_explicit_matrices(depth):
    draw = np.random.default_rng(depth)
    matrices = [draw.integers(-2, 3, size=(3, 3)).astype(object) for _ in range(depth)]
    whole = np.eye(3, dtype=int).astype(object)
    for matrix in matrices:
        whole = (np.eye(3, dtype=int).astype(object) + matrix) @ whole
    total = np.zeros((3, 3), dtype=object)
    for k in range(depth + 1):
        for chosen in combinations(matrices, k):
            product_ = np.eye(3, dtype=int).astype(object)
            for matrix in chosen:
                product_ = matrix @ product_
            total = total + product_
    assert (whole == total).all()
    symbols = [sp.MatrixSymbol(f"J_{i}", 3, 3) for i in range(depth)]
    assert [len(words) for words in path_expansion(symbols)] == [
        comb(depth, k) for k in range(depth + 1)
    ]


def test_the_published_share():
    share = Fraction(sum(comb(54, k) for k in range(5, 18)), 2**54)
    assert THEOREMS["stack.published_share"].result.after == sp.Rational(
        share.numerator, share.denominator
    )
    assert f"{100 * float(share):.4f}" == "0.4537"
