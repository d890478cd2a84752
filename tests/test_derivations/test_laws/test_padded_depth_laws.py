"""Padding, projections, unequal norms: judged, broken, and held against drawn numbers."""

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with

from derivations.laws.depth_axioms import AXIOMS
from derivations.laws.gaussian_moments import RELU_KAPPA
from derivations.laws.open_depth_laws import INPUT_VARIANCE
from derivations.laws.padded_depth_laws import COSINE, KEPT, RADIUS, padded_depth_laws

THEOREMS = named(padded_depth_laws())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    theorem = THEOREMS[name]
    assert_proved(theorem)
    assert theorem.certainty == "law"
    assert any(axiom.id in theorem.setting for axiom in AXIOMS)


BROKEN = {
    "five neighbours": (
        "depth.padding",
        "mean of three neighbours",
        {"after": THEOREMS["depth.padding"].derivation.steps[0].after * sp.Rational(3, 5)},
    ),
    "one direction": ("depth.padding", "L layers, rows and columns", {"after": KEPT**2}),
    "a skip counts as a branch": (
        "depth.projection",
        "in front of the block, 1 behind its mask",
        {"after": 2 / (RELU_KAPPA * INPUT_VARIANCE)},
    ),
    "a large sample stays": ("depth.norms_apart", "of a large sample", {"after": sp.Integer(1)}),
    "norms are kept": ("depth.norms_apart", "r² behind a layer", {"after": RADIUS**2}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_step_fails_both_ways(case):
    name, rule, changes = BROKEN[case]
    assert outcomes_with(THEOREMS[name], rule, **changes) == [False, False]


@pytest.mark.parametrize("size", [2, 7, 14])
def test_padding_keeps_the_top_eigenvalue_of_neighbours(size):
    neighbours = (np.eye(size) + np.eye(size, k=1) + np.eye(size, k=-1)) / 3
    kept = float(KEPT.subs(COSINE, sp.cos(sp.pi / (size + 1))))
    assert kept == pytest.approx(np.linalg.eigvalsh(neighbours)[-1])


def test_a_sample_of_another_norm_leaves_a_layer_as_stated():
    rng = np.random.default_rng(12)
    step = THEOREMS["depth.norms_apart"].derivation.steps[0]
    z = np.maximum(rng.normal(size=2_000_000), 0)
    for r in (0.5, 1.0, 3.0):
        seen = np.mean((r * z - z.mean()) ** 2) / z.var()
        assert seen == pytest.approx(float(step.after.subs(RADIUS, r)), rel=0.01)
