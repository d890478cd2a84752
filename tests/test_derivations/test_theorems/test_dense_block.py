"""The dense architecture: its adjoint recurrence and paths, against explicit matrices."""

from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.doubling import doubled
from derivations.algebra.letters import LAYERS
from derivations.errors import InputError
from derivations.theorems.dense_block import (
    LONGEST_CHAIN,
    LONGEST_EXPANSION,
    chain_of_steps,
    paths,
    theorems,
)

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


def test_every_chain_and_every_length_is_there():
    assert {f"architecture.adjoint_{l}" for l in range(1, 6)} <= set(THEOREMS)
    assert LONGEST_CHAIN == 5
    rules = {step.rule for step in THEOREMS["architecture.paths"].derivation.steps}
    assert {f"their number, l = {l}" for l in range(2, 9)} <= rules
    assert LONGEST_EXPANSION == 8


def without(sum_: sp.MatAdd, index: int) -> sp.Expr:
    return sp.MatAdd(*(term for k, term in enumerate(sum_.args) if k != index))


CHAIN = "architecture.adjoint_3"
RIGHT = step_of(THEOREMS[CHAIN], "total gradient of x_0").after
PATHS = step_of(THEOREMS["architecture.paths"], "paths from x_8 to x_4").after
R = sp.IndexedBase("r", real=True)
BROKEN = {
    **{
        f"term {k} of a total gradient is dropped": (
            CHAIN,
            "total gradient of x_0",
            {"after": without(RIGHT, k)},
        )
        for k in range(len(RIGHT.args))
    },
    "a total gradient counts a term twice": (
        CHAIN,
        "total gradient of x_0",
        {"after": sp.MatAdd(*RIGHT.args, RIGHT.args[0])},
    ),
    "a total gradient is half": (CHAIN, "total gradient of x_0", {"after": RIGHT / 2}),
    "the gradient is that of the state after": (
        CHAIN,
        "reverse mode through step 1",
        {"before": step_of(THEOREMS[CHAIN], "reverse mode through step 2").before},
    ),
    "one step forgets its branch": (
        "architecture.adjoint",
        "one step",
        {"after": step_of(THEOREMS["architecture.adjoint"], "one step").after.args[0]},
    ),
    "the sum telescopes to the wrong end": (
        "architecture.adjoint",
        "telescoping sum",
        {"after": R[0] - R[LAYERS - 1]},
    ),
    "the sum telescopes with the wrong sign": (
        "architecture.adjoint",
        "telescoping sum",
        {"after": R[LAYERS] - R[0]},
    ),
    "the paths double once too often": (
        "architecture.path_count",
        "P(l) = Σ_{j<l} P(j), P(0) = 1",
        {"before": sp.Integer(2) ** LAYERS},
    ),
    "the direct path is not counted": (
        "architecture.path_count",
        "P(l) = Σ_{j<l} P(j), P(0) = 1",
        {
            "after": step_of(
                THEOREMS["architecture.path_count"], "P(l) = Σ_{j<l} P(j), P(0) = 1"
            ).after
            - 1
        },
    ),
    "a path is missing": (
        "architecture.paths",
        "paths from x_8 to x_4",
        {"after": without(PATHS, 3)},
    ),
    "a path runs backwards": (
        "architecture.paths",
        "paths from x_8 to x_4",
        {
            "after": sp.MatAdd(
                *PATHS.args[:-1],
                sp.MatMul(*reversed(PATHS.args[-1].args[:-1]), PATHS.args[-1].args[-1]),
            )
        },
    ),
    "the number of paths is 2^l": (
        "architecture.paths",
        "their number, l = 8",
        {"after": sp.Integer(256)},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


@pytest.mark.parametrize("layers", [0, 6, -1])
def test_a_chain_of_another_length_is_refused(layers):
    with pytest.raises(InputError, match="steps"):
        chain_of_steps(layers)


def test_the_paths_are_all_there_once():
    counts = [1]
    for layers in range(1, 13):
        counts.append(sum(counts))
        found = list(paths(layers, 0))
        assert len(set(found)) == len(found) == counts[layers] == doubled(sp.Integer(layers))
        assert all(
            path[0] == 0 and path[-1] == layers and all(a < b for a, b in pairwise(path))
            for path in found
        )


@pytest.mark.parametrize("seed", range(12))
def test_the_recurrence_against_the_product_of_explicit_steps(seed):
    """The slow twin: ∂L/∂y_i by multiplying the whole matrices (J_j; I)ᵀ, in integers, for drawn
    widths.
    """
    draw = np.random.default_rng(seed)
    layers = int(draw.integers(1, 7))
    widths = draw.integers(1, 4, size=layers + 1).tolist()
    branches = {
        j: draw.integers(-3, 4, size=(widths[j], sum(widths[:j]))) for j in range(1, layers + 1)
    }  # acts on (x_{j−1}, …, x_0)
    g = draw.integers(-5, 6, size=sum(widths))

    def slot(column: np.ndarray, i: int, state: int) -> np.ndarray:
        start = sum(widths[i + 1 : state + 1])
        return column[start : start + widths[i]]

    states = {layers: g}
    for j in range(layers, 0, -1):
        states[j - 1] = np.vstack([branches[j], np.eye(sum(widths[:j]), dtype=int)]).T @ states[j]
    totals: dict[int, np.ndarray] = {}
    for i in range(layers, -1, -1):
        slopes = {j: slot(branches[j].T, i, j - 1).T for j in range(i + 1, layers + 1)}
        totals[i] = slot(g, i, layers) + sum(slopes[j].T @ totals[j] for j in slopes)
        assert (totals[i] == slot(states[i], i, i)).all()
    assert (totals[0] == states[0]).all()


@pytest.mark.parametrize("layers", range(1, 9))
def test_the_path_sum_against_the_recurrence(layers):
    draw = np.random.default_rng(layers)
    slopes = {
        (j, i): draw.integers(-2, 3, size=(3, 3)).astype(object)
        for j in range(layers + 1)
        for i in range(j)
    }
    h = draw.integers(-5, 6, size=3).astype(object)
    totals = {layers: h}
    for i in range(layers - 1, -1, -1):
        totals[i] = sum(slopes[j, i].T @ totals[j] for j in range(i + 1, layers + 1))
    along = np.zeros(3, dtype=object)
    for path in paths(layers, 0):
        product = h
        for i, j in reversed(list(pairwise(path))):
            product = slopes[j, i].T @ product
        along = along + product
    assert (along == totals[0]).all()
