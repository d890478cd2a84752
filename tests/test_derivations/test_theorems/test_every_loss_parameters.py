"""Gradients of weights: judged, broken, and held against explicit layers."""

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.book.proof_chain import missing
from derivations.checker.check import check
from derivations.theorems.every_loss_parameters import TANGENT_LEAST, TANGENT_MOST, theorems
from derivations.worlds.attaining_worlds import examples
from derivations.worlds.printed_worlds import attains

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


def test_bounds_are_said_by_steps_and_attained():
    theorem = THEOREMS["every_loss.parameters"]
    assert [bound.id for bound in theorem.bounds] == [
        "every_loss.parameters.lower",
        "every_loss.parameters.upper",
    ]
    assert missing(theorem.proved, check(theorem.derivation)) == []
    found = examples(theorem.derivation, [bound.expr for bound in theorem.bounds])
    for bound, example in zip(theorem.bounds, found, strict=True):
        assert attains(theorem.derivation, bound.expr, example)
        assert example.gain > 0
        assert bound.of == r"\partial L / \partial W"


def after(theorem: str, rule: str) -> sp.Expr:
    return step_of(THEOREMS[theorem], rule).after


BROKEN = {
    "ends are exchanged": ("every_loss.parameters", "operator norm", {"after": TANGENT_LEAST}),
    "and below": ("every_loss.parameters", "least singular value", {"after": TANGENT_MOST}),
    "the kernel is doubled": (
        "every_loss.parameters",
        "Θ_W = T_W T_Wᵀ",
        {"after": 2 * after("every_loss.parameters", "Θ_W = T_W T_Wᵀ")},
    ),
    "one Gram matrix for two": (
        "every_loss.grams",
        "two Gram matrices",
        {
            "after": sp.Trace(
                sp.MatMul(*after("every_loss.grams", "two Gram matrices").arg.args[:1])
            )
        },
    ),
    "the length of one sample": (
        "every_loss.grams",
        "one sample, ‖h‖ = 1",
        {"after": 2 * after("every_loss.grams", "one sample, ‖h‖ = 1")},
    ),
    "⟨∂L/∂W, W⟩ has a factor": (
        "every_loss.euler",
        "⟨∂L/∂W, W⟩ = ⟨∂L/∂u, u⟩",
        {"after": 2 * after("every_loss.euler", "⟨∂L/∂W, W⟩ = ⟨∂L/∂u, u⟩")},
    ),
    "the ratio of layers has a lower end": (
        "every_loss.layer_ratio",
        "operator norm",
        {"relation": ">="},
    ),
    "layer 1 sees nothing": (
        "every_loss.layer_ratio",
        "layer 1 sees it",
        {"after": -after("every_loss.layer_ratio", "layer 1 sees it")},
    ),
    "the entropy is counted twice": (
        "every_loss.fixup",
        "⟨p − e_y, z⟩ = ℓ − H(p)",
        {"after": after("every_loss.fixup", "⟨p − e_y, z⟩ = ℓ − H(p)") + 1},
    ),
    "Cauchy–Schwarz with a factor": (
        "every_loss.fixup",
        "Cauchy–Schwarz, v = ∂L/∂θ",
        {"after": 2 * sp.Symbol("t", nonnegative=True)},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


def test_samples_that_add_up_do_not_cancel():
    theorem = THEOREMS["every_loss.batch_of_weights"]
    (right,) = theorem.derivation.steps
    g, h = sorted(right.before.atoms(sp.MatrixSymbol), key=str)
    doubled = sp.MatMul(2, g, sp.Transpose(h))
    assert outcomes_with(theorem, right.rule, before=doubled) == [False, False]


@pytest.mark.parametrize("seed", range(20))
def test_weights_of_an_explicit_network(seed):
    """z = V ρ(W x): T_W, its bounds, both Gram matrices, ⟨∂L/∂W, W⟩, and Fixup's bound."""
    draw = np.random.default_rng(seed)
    count, m, n, batch = 3, 6, 4, 5
    v, w = draw.standard_normal((count, m)), draw.standard_normal((m, n))
    x, labels = draw.standard_normal((n, batch)), draw.integers(0, count, batch)
    u = w @ x
    z = v @ np.maximum(u, 0)
    grown = np.exp(z - z.max(0))
    p = grown / grown.sum(0)
    a = p - np.eye(count)[labels].T
    g = (u > 0) * (v.T @ a)
    gradient = g @ x.T
    assert (gradient**2).sum() == pytest.approx(np.trace(g.T @ g @ x.T @ x))
    assert (gradient * w).sum() == pytest.approx((g * u).sum())
    loss = -np.log(p[labels, np.arange(batch)])
    entropy = -(p * np.log(p)).sum(0)
    # Both layers are positively homogeneous sets.
    assert (gradient * w).sum() == pytest.approx((loss - entropy).sum())
    assert np.linalg.norm(gradient) >= abs((loss - entropy).sum()) / np.linalg.norm(w) - 1e-12
    one = 0
    tangent = np.stack([np.outer((u[:, one] > 0) * v[k], x[:, one]).ravel() for k in range(count)])
    ends = np.linalg.svd(tangent, compute_uv=False)
    size = np.linalg.norm(np.outer(g[:, one], x[:, one]))
    assert ends[-1] * np.linalg.norm(a[:, one]) <= size * (1 + 1e-9) + 1e-12
    assert size <= ends[0] * np.linalg.norm(a[:, one]) * (1 + 1e-9)
    assert size == pytest.approx(np.linalg.norm(g[:, one]) * np.linalg.norm(x[:, one]))
