"""Norms: the Jacobian and its bound are judged, broken, attained, and held against a real norm."""

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.book.proof_chain import missing
from derivations.checker.check import check
from derivations.theorems.normalization import SCALE, theorem_of_scale, theorems
from derivations.worlds.attaining_worlds import examples
from derivations.worlds.printed_worlds import attains

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


def test_the_bound_is_said_by_a_step_and_attained():
    theorem = theorem_of_scale()
    assert missing(theorem.proved, check(theorem.derivation)) == []
    (bound,) = theorem.bounds
    assert (bound.id, bound.side, bound.certainty) == ("norm.scale.upper", "upper", "exact")
    assert bound.holds_for == "every backward signal"
    (example,) = examples(theorem.derivation, [bound.expr])
    assert example is not None
    assert attains(theorem.derivation, bound.expr, example)


def after(theorem: str, rule: str) -> sp.Expr:
    return step_of(THEOREMS[theorem], rule).after


ENTRY, LIMIT = "one entry along x + ϵq", "divided by ϵ"
BROKEN = {
    "an entry moves alone": (
        "norm.jacobian",
        ENTRY,
        {"after": 2 * after("norm.jacobian", ENTRY)},
    ),
    "the deviation stays": (
        "norm.jacobian",
        LIMIT,
        {"after": sp.Symbol("p_i", real=True) / sp.Symbol("s", positive=True)},
    ),
    "x has no mean": (
        "norm.jacobian",
        "so the two come one after the other",
        {"after": 2 * after("norm.jacobian", "so the two come one after the other")},
    ),
    "what is along u is counted twice": (
        "norm.scale",
        "Pythagoras, u taken away",
        {"after": after("norm.scale", "Pythagoras, u taken away") + 1},
    ),
    "what is smoothed is taken away, too": (
        "norm.scale",
        "Pythagoras, kkᵀ taken away",
        {
            "after": after("norm.scale", "Pythagoras, kkᵀ taken away").subs(
                sp.Symbol("e_3", nonnegative=True), 0
            )
        },
    ),
    "a norm shrinks every signal": (
        "norm.scale",
        "what is taken away does not lengthen",
        {"after": SCALE / 2},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


@pytest.mark.parametrize("seed", range(10))
def test_the_jacobian_of_an_explicit_norm_is_as_said_and_its_bound_is_attained(seed):
    draw = np.random.default_rng(seed)
    n, smooth = 6, float(draw.uniform(0, 2))
    x, w = draw.standard_normal(n), draw.standard_normal(n)
    w[:4] = np.abs(w).max()  # four, for two directions are taken away

    def norm(v: np.ndarray) -> np.ndarray:
        return w * (v - v.mean()) / np.sqrt(v.var() + smooth)

    s = np.sqrt(x.var() + smooth)
    u, k = np.full(n, n**-0.5), (x - x.mean()) / (s * np.sqrt(n))
    said = np.diag(w) @ (np.eye(n) - np.outer(u, u) - np.outer(k, k)) / s
    moved = [(norm(x + 1e-6 * e) - norm(x - 1e-6 * e)) / 2e-6 for e in np.eye(n)]
    assert np.allclose(np.stack(moved, 1), said, atol=1e-7)
    bound = np.abs(w).max() / s
    assert np.linalg.norm(said, 2) <= bound * (1 + 1e-12)
    # A signal of the largest weights that has no part along u and k.
    g = np.linalg.svd(np.stack([u, k])[:, :4])[2][-1]
    pulled = said.T @ np.concatenate([g, np.zeros(n - 4)])
    assert np.linalg.norm(pulled) == pytest.approx(bound, rel=1e-12)
