"""One dense step: each theorem is judged, broken, and held against explicit matrices."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with

from derivations.algebra.letters import DEVIATION, squared, squared_norm
from derivations.algebra.quantities import BRANCH_GAIN
from derivations.algebra.steps import Certificate
from derivations.theorems.dense_step import BRANCH_FROBENIUS, dense_step, theorems

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


BROKEN = {
    "the branch is subtracted from JᵀJ": (
        "dense.tangents",
        "blocks",
        lambda s: {"after": sp.MatAdd(sp.Identity(s.n), -squared(s.branch))},
    ),
    "JᵀJ loses its identity": ("dense.tangents", "blocks", lambda s: {"after": squared(s.branch)}),
    "the branch counts twice": (
        "dense.tangents",
        "relative to ‖v‖",
        lambda s: {"after": 1 + 2 * BRANCH_GAIN**2},
    ),
    "tangents shrink": ("dense.tangents", "drop t² ≥ 0", lambda s: {"relation": "<="}),
    "tangents grow by the branch": (
        "dense.tangents",
        "drop t² ≥ 0",
        lambda s: {"after": 1 + BRANCH_GAIN},
    ),
    "the kernel has the wrong sign": (
        "dense.kernel",
        "K is in the kernel",
        lambda s: {
            "before": sp.MatMul(
                sp.Transpose(s.jacobian),
                sp.BlockMatrix([[sp.Identity(s.k)], [sp.Transpose(s.branch)]]),
            )
        },
    ),
    "the kernel forgets to transpose": (
        "dense.kernel",
        "the kernel is in K: g = K g_F wherever Jᵀg = 0",
        lambda s: {"after": sp.MatMul(s.kernel, s.g_f)},
    ),
    "the kernel's columns are twice as long": (
        "dense.kernel",
        "K has k independent columns",
        lambda s: {"after": 2 * sp.Identity(s.k)},
    ),
    "a vector of the kernel is as short as its top": (
        "dense.kernel",
        "Ku is not 0: it is no shorter than u",
        lambda s: {"after": squared(s.notation.free("u", "k"))},
    ),
    "the kernel passes 1": (
        "dense.kernel",
        "the gain at g = Ku",
        lambda s: {"after": sp.Integer(1)},
    ),
    "the Frobenius norm counts k": (
        "dense.frobenius",
        "trace of the blocks",
        lambda s: {"after": s.k + squared_norm(s.branch)},
    ),
    "the Frobenius norm loses N": (
        "dense.frobenius",
        "trace of the blocks",
        lambda s: {"after": squared_norm(s.branch)},
    ),
    "the Frobenius norm tends to N": (
        "dense.frobenius",
        "vanishing branch",
        lambda s: {"after": s.n},
    ),
    "the Frobenius norm does not let go of the branch": (
        "dense.frobenius",
        "vanishing branch",
        lambda s: {"after": sp.sqrt(s.n + BRANCH_FROBENIUS**2)},
    ),
    "the mean has ν for ν²": (
        "dense.expected",
        "E tr(Jᵀ ggᵀ J) = tr(Jᵀ E[ggᵀ] J)",
        lambda s: {"after": DEVIATION * (s.n + squared_norm(s.branch))},
    ),
    "the mean is that of the whole signal": (
        "dense.expected",
        "E tr(Jᵀ ggᵀ J) = tr(Jᵀ E[ggᵀ] J)",
        lambda s: {"after": DEVIATION**2 * (s.n + s.k)},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, change = BROKEN[name]
    theorem = THEOREMS[theorem]
    step = dense_step_of(theorem)
    assert outcomes_with(theorem, rule, **change(step)) == [False, False]


def dense_step_of(theorem):
    """The letters of the theorem's own notation: equal names are equal symbols."""
    step = dense_step()
    assert all(
        symbol in theorem.derivation.notation.meanings
        for symbol in (step.jacobian, step.branch, step.g_f, step.g_y)
    )
    return step


def test_a_bound_without_its_certificate_is_not_proved():
    assert outcomes_with(THEOREMS["dense.tangents"], "drop t² ≥ 0", certificates=()) == [
        False,
        True,
    ]
    wrong = (Certificate(((BRANCH_GAIN,),), 2),)
    assert outcomes_with(THEOREMS["dense.tangents"], "drop t² ≥ 0", certificates=wrong) == [
        False,
        True,
    ]


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """J_F (k, n) and J (k + n, n), of drawn shapes and sizes, tall and wide, large and small."""
    draw = np.random.default_rng(seed)
    k, n = draw.integers(1, 7, size=2)
    branch = draw.standard_normal((k, n)) * 10.0 ** draw.integers(-3, 3)
    return branch, np.vstack([branch, np.eye(n)]), draw


@pytest.mark.parametrize("seed", range(30))
def test_tangents_and_singular_values_of_explicit_matrices(seed):
    branch, jacobian, draw = drawn(seed)
    n = branch.shape[1]
    v = draw.standard_normal(n)
    assert np.linalg.norm(jacobian @ v) ** 2 == pytest.approx(
        np.linalg.norm(v) ** 2 + np.linalg.norm(branch @ v) ** 2
    )
    of_branch = np.zeros(n)
    values = np.linalg.svd(branch, compute_uv=False)
    of_branch[: len(values)] = values
    assert np.linalg.svd(jacobian, compute_uv=False) == pytest.approx(np.sqrt(1 + of_branch**2))


@pytest.mark.parametrize("seed", range(30))
def test_the_kernel_of_explicit_matrices(seed):
    branch, jacobian, draw = drawn(seed)
    k, n = branch.shape
    kernel = np.vstack([np.eye(k), -branch.T])
    assert np.abs(jacobian.T @ kernel).max() <= 1e-12 * max(1, np.abs(branch).max())
    assert np.linalg.matrix_rank(kernel) == k == (k + n) - np.linalg.matrix_rank(jacobian)
    signal = kernel @ draw.standard_normal(k)
    assert np.linalg.norm(jacobian.T @ signal) <= 1e-12 * np.linalg.norm(signal)


@pytest.mark.parametrize("seed", range(10))
def test_the_mean_over_an_exact_law(seed):
    """All sign vectors ±ν have E[ggᵀ] = ν²I: the mean is a finite sum, in fractions."""
    draw = np.random.default_rng(seed)
    k, n = (int(size) for size in draw.integers(1, 4, size=2))
    branch = [
        [Fraction(int(a), int(b)) for a, b in zip(*draw.integers(1, 9, size=(2, n)), strict=True)]
        for _ in range(k)
    ]
    nu, total = Fraction(3, 7), Fraction(0)
    for g in product((nu, -nu), repeat=k + n):
        pulled = [sum(branch[r][c] * g[r] for r in range(k)) + g[k + c] for c in range(n)]
        total += sum(entry**2 for entry in pulled)
    assert total / 2 ** (k + n) == nu**2 * (n + sum(entry**2 for row in branch for entry in row))


def test_the_mean_of_a_correlated_signal_is_another():
    """The condition matters: with all entries of g equal, E‖Jᵀg‖² = ν²‖Jᵀ1‖²."""
    jacobian = np.vstack([[[2.0]], np.eye(1)])
    assert np.linalg.norm(jacobian.T @ np.ones(2)) ** 2 == 9 != 1 + 4
