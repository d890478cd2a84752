"""Eq. (6): concrete l against explicit matrices, and its meaning when ∂L/∂H is a vector."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.letters import LAYERS, squared
from derivations.algebra.quantities import BRANCH_GAIN, COSINE, SIGMA_MAX, TOTAL_GAIN
from derivations.algebra.steps import Certificate, Derivation
from derivations.checker.check import check
from derivations.errors import InputError
from derivations.theorems.equation6 import (
    CASES,
    IN_BRANCH,
    IN_STATE,
    THROUGH_BRANCH,
    special_case,
    theorems,
)
from derivations.theorems.equations import BRANCH_SLOPES, SIGNAL_SIZE, equations

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


W = step_of(THEOREMS["eq6.attained"], "w is an eigenvector").after.args[0]
LOST = step_of(THEOREMS["eq6.lost"], "a signal that is lost").before


def flipped(pulled: sp.MatMul) -> sp.MatMul:
    """(J)ᵀ(u, −Aᵀu) with (u, Aᵀu) in its place."""
    adjoint, signal = pulled.args
    top, bottom = signal.blocks
    return sp.MatMul(adjoint, sp.BlockMatrix([[top], [-bottom]]))


BROKEN = {
    "the law of cosines has the wrong sign": (
        "eq6.ceiling",
        "law of cosines",
        {"after": IN_STATE**2 - 2 * COSINE * IN_STATE * THROUGH_BRANCH + THROUGH_BRANCH**2},
    ),
    "the signal's parts do not add up": ("eq6.ceiling", "Pythagoras", {"after": 1 + IN_STATE**2}),
    "the branch is applied to the state": (
        "eq6.ceiling",
        "relative to ‖g_F‖",
        {"after": BRANCH_GAIN * IN_STATE},
    ),
    "the ceiling loses the skip": (
        "eq6.ceiling",
        "drop a square",
        {"after": SIGMA_MAX, "certificates": (Certificate(((SIGMA_MAX - TOTAL_GAIN,),)),)},
    ),
    "the ceiling is a floor": ("eq6.ceiling", "drop a square", {"relation": ">="}),
    "the printed lower bound, last term read as 1": (
        "eq6.never",
        "Lagrange identity, drop a square",
        {"relation": ">="},
    ),
    "the shortfall counts twice": (
        "eq6.ceiling",
        "Lagrange identity",
        {"before": TOTAL_GAIN**2 + 2 * (SIGMA_MAX * IN_STATE - IN_BRANCH) ** 2},
    ),
    "the eigenvalue forgets the skip": (
        "eq6.attained",
        "w is an eigenvector",
        {"after": sp.MatMul(W, squared(W))},
    ),
    "the eigenvalue is doubled": (
        "eq6.attained",
        "gain at g = Jw",
        {"after": 2 * step_of(THEOREMS["eq6.attained"], "gain at g = Jw").after},
    ),
    "the lost signal has the wrong sign": (
        "eq6.lost",
        "a signal that is lost",
        {"before": flipped(LOST)},
    ),
    "the lost signal forgets its state": (
        "eq6.lost",
        "it is not 0",
        {"after": step_of(THEOREMS["eq6.lost"], "it is not 0").after.args[0]},
    ),
    "one slice of the signal is forgotten": (
        "eq6.root_mean_square",
        "l = 5",
        {"after": step_of(THEOREMS["eq6.root_mean_square"], "l = 2").after},
    ),
    "a special case has l + 1 skips": (
        "eq6.special_cases",
        "l = 17",
        {"after": step_of(THEOREMS["eq6.special_cases"], "l = 17").after + SIGNAL_SIZE**2},
    ),
    "a special case is that of the next l": (
        "eq6.special_cases",
        "l = 64",
        {"after": special_case(63)[0].after},
    ),
    "a special case bounds by 2l": (
        "eq6.special_cases",
        "l = 264: drop Σ b² ≥ 0",
        {
            "after": step_of(THEOREMS["eq6.special_cases"], "l = 264: drop Σ b² ≥ 0").after
            + 264 * SIGNAL_SIZE**2
        },
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_is_rejected(name):
    theorem, rule, changes = BROKEN[name]
    assert not all(outcomes_with(THEOREMS[theorem], rule, **changes))


def test_a_true_ceiling_needs_its_certificate():
    assert outcomes_with(THEOREMS["eq6.ceiling"], "drop a square", certificates=()) == [False, True]
    assert outcomes_with(
        THEOREMS["eq6.never"], "Lagrange identity, drop a square", certificates=()
    ) == [False, True]


def test_every_width_is_a_case():
    assert set(range(1, 65)) <= set(CASES)
    assert max(CASES) == 264
    with pytest.raises(InputError):
        special_case(0)


def test_the_special_cases_are_those_of_the_symbolic_formula():
    equation = next(e for e in equations() if (e.id, e.reading) == ("eq6", "scalar"))
    for layers in (1, 5, 64):
        relation, bound = special_case(layers)
        assert relation.after == equation.derivation.steps[0].after.xreplace(
            {LAYERS: sp.Integer(layers)}
        )
        assert bound.after == (equation.result.after**2).xreplace({LAYERS: sp.Integer(layers)})


def loops(
    expr: sp.Expr,
    values: dict[sp.Basic, int],
    entry: Callable[[sp.Indexed, dict[sp.Basic, int]], int],
) -> int:
    """An expression by plain loops over all of its indices."""
    if isinstance(expr, sp.Sum):
        *within, (index, low, high) = expr.limits
        inner = sp.Sum(expr.function, *within) if within else expr.function
        first, last = loops(low, values, entry), loops(high, values, entry)
        return sum(loops(inner, values | {index: k}, entry) for k in range(first, last + 1))
    if isinstance(expr, sp.Indexed):
        return entry(expr, values)
    if isinstance(expr, sp.Integer):
        return int(expr)
    if isinstance(expr, sp.Symbol):
        return values[expr]
    parts = [loops(part, values, entry) for part in expr.args]
    if isinstance(expr, sp.Pow):
        return parts[0] ** parts[1]
    return sum(parts) if isinstance(expr, sp.Add) else int(np.prod(parts, dtype=object))


def assert_is_norm_of_matrix(layers: int, seed: int) -> None:
    """Both sides of a special case against ‖G · ∂H/∂x‖² of the explicit (l + 1, l) matrix of Eq.
    (5).
    """
    draw = random.Random(seed)
    matrix = np.array(
        [[draw.randint(-9, 9) for _ in range(layers)] for _ in range(layers + 1)], dtype=object
    )
    for j in range(layers):
        matrix[j, j] = 1
        matrix[j, j + 1 :] = 0
    scale = draw.randint(1, 9)

    def entry(indexed: sp.Indexed, values: dict[sp.Basic, int]) -> int:
        indices = [
            int(index.xreplace({k: sp.Integer(v) for k, v in values.items()}))
            for index in indexed.indices
        ]
        return int(
            matrix[layers, indices[0]]
            if indexed.base == BRANCH_SLOPES
            else matrix[indices[0], indices[1]]
        )

    relation, bound = special_case(layers)
    explicit = int((scale * matrix).flatten() @ (scale * matrix).flatten())
    assert loops(relation.before, {SIGNAL_SIZE: scale}, entry) == explicit
    assert loops(relation.after, {SIGNAL_SIZE: scale}, entry) == explicit
    assert loops(bound.after, {SIGNAL_SIZE: scale}, entry) == scale**2 * (
        int(matrix[layers] @ matrix[layers]) + layers
    )


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 7, 12])
def test_special_cases_against_explicit_matrices(layers):
    assert_is_norm_of_matrix(layers, seed=layers)


@pytest.mark.slow
@pytest.mark.parametrize("layers", CASES)
def test_every_special_case_against_an_explicit_matrix(layers):
    assert_is_norm_of_matrix(layers, seed=layers)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    k, n = draw.integers(1, 6), draw.integers(2, 7)
    return draw.standard_normal((k, n)) * 10.0 ** draw.integers(-2, 3), draw.standard_normal(k + n)


def squared_gain(branch: np.ndarray, g: np.ndarray) -> float:
    k = len(branch)
    return float(np.linalg.norm(branch.T @ g[:k] + g[k:]) ** 2 / np.linalg.norm(g) ** 2)


@pytest.mark.parametrize("seed", range(40))
def test_the_ceiling_holds_for_explicit_matrices(seed):
    branch, g = drawn(seed)
    k, sigma = len(branch), np.linalg.norm(branch, 2)
    for signal in (g, np.concatenate([branch @ g[k:], g[k:]]), np.concatenate([0 * g[:k], g[k:]])):
        shares = (
            np.linalg.norm(signal[:k]) / np.linalg.norm(signal),
            np.linalg.norm(signal[k:]) / np.linalg.norm(signal),
        )
        ceiling = 1 + sigma**2 - (sigma * shares[1] - shares[0]) ** 2
        assert squared_gain(branch, signal) <= ceiling * (1 + 1e-12)
        assert squared_gain(branch, signal) < np.linalg.norm(branch) ** 2 + branch.shape[1]


@pytest.mark.parametrize("seed", range(40))
def test_the_last_term_read_as_1_holds_at_the_top_of_rank_one_only(seed):
    branch, g = drawn(seed)
    k = len(branch)
    u, w = g[:k] / np.linalg.norm(g[:k]), g[k:]
    rank_one = np.outer(u, w)
    top = np.concatenate([rank_one @ w, w])
    assert squared_gain(rank_one, top) == pytest.approx(1 + np.linalg.norm(rank_one) ** 2)
    off = top + 0.1 * np.linalg.norm(top) * np.concatenate([u, 0 * w])
    assert squared_gain(rank_one, off) < 1 + np.linalg.norm(rank_one) ** 2
    if np.linalg.matrix_rank(branch) > 1:
        jacobian = np.vstack([branch, np.eye(branch.shape[1])])
        assert np.linalg.norm(jacobian, 2) ** 2 < 1 + np.linalg.norm(branch) ** 2


def test_the_smallest_case_by_hand():
    """l = 1, a = 1, g = (1, 0): ‖∂L/∂x‖² = 1, although the printed bound asks for 2."""
    assert squared_gain(np.array([[1.0]]), np.array([1.0, 0.0])) == 1 < 2


@pytest.mark.parametrize("seed", range(20))
def test_dependent_inputs_lose_signals_too(seed):
    branch, g = drawn(seed)
    k, n = branch.shape
    dependence = np.tril(np.random.default_rng(seed).standard_normal((n, n)), -1) + np.eye(n)
    jacobian = np.vstack([branch, dependence])
    lost = np.concatenate([g[:k], -np.linalg.solve(dependence.T, branch.T @ g[:k])])
    assert np.linalg.norm(jacobian.T @ lost) <= 1e-9 * np.linalg.norm(lost) * np.linalg.norm(
        jacobian
    )


def test_a_frobenius_norm_bounds_only_the_image_of_its_own_signal():
    """Without the step that relates ‖J_Fᵀg_F‖ to ‖g_F‖, no ceiling with ‖J_F‖_F follows."""
    derivation = THEOREMS["eq6.never"].derivation
    steps = tuple(step for step in derivation.steps if step.rule != "relative to ‖g_F‖")
    judged = {
        outcome.step.rule: outcome.ok
        for outcome in check(Derivation("x", derivation.notation, steps, derivation.quantities))
    }
    assert not judged["Cauchy–Schwarz"]
    assert not judged["Lagrange identity, drop a square"]
    assert judged["drop a square"]
