"""The squeeze-and-excitation gate: each theorem is judged, broken, and held against matrices."""

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.theorems.gates import theorems

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


def test_all_four_are_there():
    assert set(THEOREMS) == {
        "se.factorization",
        "se.factor_norm",
        "se.gate_slope",
        "se.pooling",
    }


FACTORED = step_of(THEOREMS["se.factorization"], "common factor J_F").after
(BRANCH,) = (addend for addend in FACTORED.args if isinstance(addend, sp.MatMul))
BROKEN = {
    "the factorization forgets the skip": (
        "se.factorization",
        "common factor J_F",
        {"after": BRANCH},
    ),
    "the gate's factor counts twice": (
        "se.factorization",
        "common factor J_F",
        {"after": sp.MatAdd(*FACTORED.args, BRANCH)},
    ),
    "pooling forgets the number of positions": (
        "se.pooling",
        "squares about m",
        {
            "before": step_of(THEOREMS["se.pooling"], "squares about m").before.subs(
                sp.Symbol("l", integer=True, positive=True), 1
            )
        },
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


def explicit(seed: int) -> dict[str, np.ndarray]:
    """A gate of 3 channels at 2 positions each, as matrices: u, s, P, W₁, D, W₂, S, B, J_F."""
    draw = np.random.default_rng(seed)
    channels, positions, hidden = 3, 2, 4
    size = channels * positions
    spread = np.kron(np.eye(channels), np.ones((positions, 1)))
    s = 1 / (1 + np.exp(-draw.standard_normal(channels)))
    return {
        "u": draw.standard_normal(size) * 10.0 ** draw.integers(-1, 2),
        "s": s,
        "P": spread.T / positions,
        "W_1": draw.standard_normal((hidden, channels)),
        "D_relu": np.diag(draw.integers(0, 2, size=hidden).astype(float)),
        "W_2": draw.standard_normal((channels, hidden)),
        "D_sigmoid": np.diag(s * (1 - s)),
        "B": spread,
        "J_F": draw.standard_normal((size, size)),
    }


@pytest.mark.parametrize("seed", range(20))
def test_the_factor_of_an_explicit_gate(seed):
    at = explicit(seed)
    inner = at["W_2"] @ at["D_relu"] @ at["W_1"] @ at["P"]
    factor = np.diag(at["B"] @ at["s"]) + np.diag(at["u"]) @ at["B"] @ at["D_sigmoid"] @ inner
    norms = [np.linalg.norm(at[name], 2) for name in ("W_2", "W_1", "P")]
    channels = np.linalg.norm(at["u"].reshape(3, 2), axis=1)
    most = at["s"].max() + (channels * at["s"] * (1 - at["s"])).max() * np.prod(norms)
    assert np.linalg.norm(factor, 2) <= most * (1 + 1e-12)
    slope = at["D_sigmoid"] @ inner @ at["J_F"]
    assert np.linalg.norm(slope, 2) <= np.prod(norms) * np.linalg.norm(at["J_F"], 2) / 4


@pytest.mark.parametrize("positions", [1, 2, 9])
def test_average_pooling_has_the_norm_of_its_theorem(positions):
    pooling = np.full((1, positions), 1 / positions)
    assert np.linalg.norm(pooling, 2) == pytest.approx(1 / np.sqrt(positions))
