"""Bounds for every loss and for shift-invariant ones: judged, broken, attained, seen in losses."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.quantities import GAIN
from derivations.book.proof_chain import missing
from derivations.checker.check import check
from derivations.rules.bound_types import BoundingTheorem
from derivations.theorems.every_loss import theorems
from derivations.theorems.every_loss_pencil import REACHED_LEAST, REACHED_MOST
from derivations.worlds.attaining_worlds import examples
from derivations.worlds.printed_worlds import attains

THEOREMS = named(theorems())
BOUNDING = [name for name, each in THEOREMS.items() if isinstance(each, BoundingTheorem)]


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


def test_the_bounds_have_their_names():
    ids = [bound.id for name in BOUNDING for bound in THEOREMS[name].bounds]
    assert ids == [
        f"every_loss.{name}.{side}"
        for name in ("all", "shift_invariant")
        for side in ("lower", "upper")
    ]


@pytest.mark.parametrize("name", BOUNDING)
def test_bounds_are_said_by_steps_and_attained(name):
    theorem = THEOREMS[name]
    assert missing(theorem.proved, check(theorem.derivation)) == []
    found = examples(theorem.derivation, [bound.expr for bound in theorem.bounds])
    for bound, example in zip(theorem.bounds, found, strict=True):
        assert example is not None, bound.id
        assert attains(theorem.derivation, bound.expr, example), bound.id
        (other,) = set(theorem.bounds) - {bound}
        assert not attains(theorem.derivation, other.expr, example), bound.id
        assert bound.holds_for == bound.signals != ""
        assert bound.certainty == "exact"
        assert {each.symbol for each in bound.left} == bound.limit.free_symbols != set()


@pytest.mark.parametrize("name", BOUNDING)
def test_a_bound_that_no_step_says_is_missing(name):
    theorem = THEOREMS[name]
    changed = replace(theorem.bounds[0], expr=2 * REACHED_LEAST)
    broken = replace(theorem, bounds=(changed,))
    assert [each.what for each in missing(broken.proved, check(theorem.derivation))] == [
        f"bound {changed.id}",
        f"limit of {changed.id}",
    ]


@pytest.mark.parametrize("name", BOUNDING)
@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("operator norm", {"after": REACHED_LEAST}),
        ("operator norm", {"relation": ">="}),
        ("least singular value", {"after": REACHED_MOST}),
        ("QᵀQ = I", {"after": 2 * GAIN}),
    ],
)
def test_a_broken_step_fails_both_ways(name, rule, changes):
    assert outcomes_with(THEOREMS[name], rule, **changes) == [False, False]


def test_a_signal_of_a_shift_invariant_loss_is_orthogonal_to_1():
    theorem = THEOREMS["every_loss.shift_invariant"]
    right = step_of(theorem, "∂L/∂z is orthogonal to 1")
    whole = sp.MatMul(right.before.args[0], right.before.args[-1].args[-1])
    assert outcomes_with(theorem, right.rule, before=whole) == [False, False]


def test_a_label_that_moves_the_other_way():
    theorem = THEOREMS["every_loss.soft_labels"]
    right = step_of(theorem, "cross-entropy at the label q = p − ηa")
    assert outcomes_with(theorem, right.rule, after=-right.after) == [False, False]


def signals_of_losses(z: np.ndarray, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """∂L/∂z of shift-invariant losses, by central differences."""
    count = len(z)
    target = draw.dirichlet(np.ones(count))
    label = int(draw.integers(count))

    def softmax(at: np.ndarray) -> np.ndarray:
        grown = np.exp(at - at.max())
        return grown / grown.sum()

    losses = {
        "soft labels": lambda at: -target @ np.log(softmax(at)),
        "focal": lambda at: -((1 - softmax(at)[label]) ** 2) * np.log(softmax(at)[label]),
        "brier": lambda at: ((softmax(at) - target) ** 2).sum(),
        "distillation": lambda at: -target @ np.log(softmax(at / 4)),
        "margin": lambda at: np.maximum(0, 1 + np.delete(at, label) - at[label]).sum(),
    }
    steps = np.eye(count) * 1e-5
    return {
        name: np.array([(loss(z + step) - loss(z - step)) / 2e-5 for step in steps])
        for name, loss in losses.items()
    }


@pytest.mark.parametrize("seed", range(20))
def test_losses_keep_their_bounds_and_soft_labels_attain_them(seed):
    draw = np.random.default_rng(seed)
    logits, m, n = 4, 6, 5
    to_h, jacobian = draw.standard_normal((logits, m)), draw.standard_normal((m, n))
    z = draw.standard_normal(logits)
    across = np.linalg.svd(np.ones((1, logits)))[2][1:].T
    q, _ = np.linalg.qr(to_h.T @ across)
    _, ends, right = np.linalg.svd(jacobian.T @ q)
    for name, a in signals_of_losses(z, draw).items():
        assert abs(a.sum()) < 1e-7, name
        if np.abs(a).max() < 1e-9:  # a margin that is kept sends nothing
            continue
        g = to_h.T @ a
        gain = np.linalg.norm(jacobian.T @ g) / np.linalg.norm(g)
        assert ends[-1] - 1e-5 <= gain <= ends[0] + 1e-5, name
    p = np.exp(z) / np.exp(z).sum()
    for end, b in ((ends[0], right[0]), (ends[-1], right[-1])):
        a = across @ np.linalg.solve(q.T @ to_h.T @ across, b)
        label = p - 0.5 * p.min() / np.abs(a).max() * a
        assert label.min() > 0
        assert label.sum() == pytest.approx(1)
        g = to_h.T @ (p - label)
        assert np.linalg.norm(jacobian.T @ g) / np.linalg.norm(g) == pytest.approx(end)
