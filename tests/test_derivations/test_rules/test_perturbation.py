"""Bounds of ‖v + w‖: where they are attained, and that explicit matrices obey them."""

import numpy as np
import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    LAMBDA,
    LEAST,
    MOST,
    MU,
    RATIO,
    SIGMA_MAX,
    SIGMA_MIN,
)
from derivations.rules.bound_types import Bound
from derivations.rules.bounds import bounds

SINGULAR = {"singular.min.lower", "singular.max.upper"}


def of(name: str) -> dict[str, Bound]:
    return {bound.id: bound for bound in bounds(notation_of(BLOCKS[name], "operator")).bounds}


def value(bound: Bound, branch: sp.Matrix, g: sp.Matrix) -> sp.Expr:
    """A residual bound for an explicit branch, by SymPy's exact singular values and eigenvalues."""
    operator = branch if bound.theorem == "residual" else branch + sp.eye(2)
    w = branch.T * g
    t, inner = w.norm() / g.norm(), (g.T * w)[0]
    eigenvalues = [sp.re(e) for e in ((branch + branch.T) / 2).eigenvals()]
    known = {
        BRANCH_GAIN: t,
        COSINE: inner / (g.norm() * w.norm()) if w.norm() != 0 else 0,
        SIGMA_MAX: max(operator.singular_values()),
        SIGMA_MIN: min(operator.singular_values()),
        MU: min(eigenvalues),
        LAMBDA: max(eigenvalues),
        MOST: max((branch + sp.eye(2)).singular_values()),
        LEAST: min((branch + sp.eye(2)).singular_values()),
    }
    return sp.nsimplify(bound.expr.subs(known))


@pytest.mark.parametrize(
    "tau", [sp.Rational(0), sp.Rational(1, 3), sp.Rational(1), sp.Rational(5, 2)]
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_multiples_of_the_identity_attain_the_residual_bounds(tau, sign):
    """J_F = −τI attains the lower ends (for every τ, those with σ_min − 1), J_F = +τI the upper
    ones.
    """
    branch, g = sign * tau * sp.eye(2), sp.Matrix([3, 4])
    gain = (g + branch.T * g).norm() / g.norm()
    attained = {
        key
        for key, bound in of("residual").items()
        if bound.theorem != "norms" and value(bound, branch, g) == gain
    }
    expected = {"residual.cosine_law.equal", "residual.numerical_range.lower", *SINGULAR}
    expected |= (
        {"residual.triangle.lower", "residual.uniform.lower"} if sign < 0 or tau == 0 else set()
    )
    expected |= (
        {"residual.triangle.upper", "residual.uniform.upper"} if sign > 0 or tau == 0 else set()
    )
    expected |= {"residual.alignment.lower"} if tau == 0 or (sign < 0 and tau == 1) else set()
    expected |= {"residual.alignment_with_t.lower"} if sign < 0 or tau == 0 else set()
    assert attained == expected


def test_the_alignment_bound_is_attained_at_its_minimum_over_t():
    """t = −c: for g = (1, 0) and J_Fᵀg = (−1/2, 1/2), c = −1/√2 but t = 1/√2 = −c, so γ = √(1 − c²)
    = 1/√2.
    """
    branch = sp.Matrix([[-1, 1], [0, 0]]) / 2
    g = sp.Matrix([1, 0])
    assert (
        value(of("residual")["residual.alignment.lower"], branch, g)
        == (g + branch.T * g).norm()
        == 1 / sp.sqrt(2)
    )


def test_a_skip_alone_guarantees_nothing():
    branch, g = -sp.eye(2), sp.Matrix([1, 2])
    lower = {
        key: value(bound, branch, g)
        for key, bound in of("residual").items()
        if bound.side == "lower" and bound.theorem != "norms"
    }
    assert set(lower.values()) == {0}
    assert len(lower) == 6
    assert (g + branch.T * g).norm() == 0


def known(v: np.ndarray, w: np.ndarray) -> dict[sp.Symbol, float]:
    """What the lemma speaks of: t and c."""
    lengths = np.linalg.norm(v), np.linalg.norm(w)
    return {
        BRANCH_GAIN: lengths[1] / lengths[0],
        COSINE: float(v @ w / (lengths[0] * lengths[1])) if lengths[1] else 0.0,
    }


def assert_obeyed(name: str, theorem: str, gain: float, at: dict[sp.Symbol, float]) -> None:
    """Every bound of the theorem at these numbers, up to rounding: relative to 1 + t, as large as
    what cancels; by squares, since a root loses half of its digits where it vanishes.
    """
    found = [bound for bound in of(name).values() if bound.theorem == theorem]
    assert len(found) >= 5
    slack = 1e-13 * (1 + at[BRANCH_GAIN]) ** 2
    for bound in found:
        value = float(sp.N(bound.expr.subs(at)))
        if bound.side != "upper":
            assert gain**2 >= value**2 - slack, bound.id
        if bound.side != "lower":
            assert gain**2 <= value**2 + slack * max(1, value), bound.id


def drawn(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    scale = 10.0 ** draw.integers(-2, 2)
    branch, *others = (draw.standard_normal(shape) for shape in shapes)
    return [scale * branch, *others]


@pytest.mark.parametrize("seed", range(20))
def test_explicit_residual_blocks_obey_their_bounds(seed):
    branch, g = drawn(seed, (4, 4), (4,))
    if seed % 4 == 0:  # a branch that almost cancels the skip
        branch = -np.eye(4) + 1e-3 * branch
    values = np.linalg.svd(branch, compute_uv=False)
    symmetric = np.linalg.eigvalsh((branch + branch.T) / 2)
    at = known(g, branch.T @ g) | {
        SIGMA_MAX: values[0],
        SIGMA_MIN: values[-1],
        MU: symmetric[0],
        LAMBDA: symmetric[-1],
    }
    gain = np.linalg.norm(g + branch.T @ g) / np.linalg.norm(g)
    assert_obeyed("residual", "residual", gain, at)


@pytest.mark.parametrize("seed", range(10))
def test_explicit_projections_obey_the_bounds_relative_to_what_they_pass_on(seed):
    branch, projection, g = drawn(seed, (3, 5), (3, 5), (3,))
    v, w = projection.T @ g, branch.T @ g
    gain = np.linalg.norm(v + w) / np.linalg.norm(v)
    assert_obeyed("projection", "shortcut", gain, known(v, w))


@pytest.mark.parametrize("seed", range(10))
def test_explicit_dense_steps_obey_the_bounds_relative_to_the_old_state(seed):
    branch, g_f, g_y = drawn(seed, (2, 5), (2,), (5,))
    at = known(g_y, branch.T @ g_f) | {
        RATIO: np.linalg.norm(g_f) / np.linalg.norm(g_y),
        SIGMA_MAX: np.linalg.norm(branch, 2),
    }
    gain = np.linalg.norm(g_y + branch.T @ g_f) / np.linalg.norm(g_y)
    assert_obeyed("dense", "dense", gain, at)


def test_conditions_name_the_signal_that_must_not_vanish():
    for name, condition in (
        ("residual", "g ≠ 0"),
        ("post_activation", "D_relu g ≠ 0"),
        ("projection", "W_sᵀ g ≠ 0"),
        ("dense", "g_y ≠ 0"),
    ):
        found = bounds(notation_of(BLOCKS[name], "operator")).structural
        assert {bound.conditions for bound in found.bounds} == {(condition,)}, name
