"""The pencil of two boundaries: judged, broken, and held against explicit matrices."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.quantities import LEAST, MOST
from derivations.algebra.steps import Certificate
from derivations.checker.check import check
from derivations.theorems.every_loss_pencil import (
    LEAST_OF_PAIR,
    MOST_OF_PAIR,
    REACHED_LEAST,
    REACHED_MOST,
    reach,
    theorems,
)

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


def after(theorem: str, rule: str) -> sp.Expr:
    return step_of(THEOREMS[theorem], rule).after


GRAM = after("every_loss.pencil", "G_in = A_x A_xᵀ, A_x = A_H J")
MOST_OF, LEAST_OF = MOST_OF_PAIR, LEAST_OF_PAIR
BROKEN = {
    "a Gram matrix is doubled": (
        "every_loss.pencil",
        "G_in = A_x A_xᵀ, A_x = A_H J",
        {"after": 2 * GRAM},
    ),
    "J and Jᵀ are exchanged": (
        "every_loss.pencil",
        "chain rule",
        {"after": 2 * after("every_loss.pencil", "chain rule")},
    ),
    "Rᵀ R is R's length": (
        "every_loss.pencil",
        "G_out = A_H A_Hᵀ",
        {"after": 3 * after("every_loss.pencil", "G_out = A_H A_Hᵀ")},
    ),
    "a kernel that is not one": (
        "every_loss.kernel",
        "a is in the kernel of G_out",
        {
            "before": sp.MatMul(
                *step_of(THEOREMS["every_loss.kernel"], "a is in the kernel of G_out").before.args[
                    ::2
                ]
            )
        },
    ),
    "a lost signal is 0": (
        "every_loss.rank",
        "it arrives",
        {"after": sp.ZeroMatrix(1, 1)},
    ),
    "pair and product change places": (
        "every_loss.pair",
        "pair against product, above",
        {
            "relation": ">=",
            "certificates": (Certificate(((MOST_OF[0] - MOST_OF[1] * MOST_OF[2],),)),),
        },
    ),
    "a lower bound of the pair is a sum": (
        "every_loss.pair",
        "pair against product, below",
        {
            "after": LEAST_OF[1] + LEAST_OF[2],
            "certificates": (Certificate(((LEAST_OF[0] - LEAST_OF[1] - LEAST_OF[2],),)),),
        },
    ),
    "fewer signals have looser ends": (
        "every_loss.fewer",
        "no looser above",
        {"relation": ">=", "certificates": (Certificate(((REACHED_MOST - MOST,),)),)},
    ),
    "and below": (
        "every_loss.fewer",
        "no looser below",
        {"relation": "<=", "certificates": (Certificate(((LEAST - REACHED_LEAST,),)),)},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


def test_ends_need_the_step_at_every_b():
    """The order of ends rests on the step before it, which must have passed."""
    theorem = THEOREMS["every_loss.fewer"]
    steps = tuple(each for each in theorem.derivation.steps if each.rule != "at every b")
    checked = check(replace(theorem.derivation, steps=steps))
    assert [each.ok for each in checked] == [True, False, False]


def test_the_letters_are_shared():
    it = reach()
    assert it.basis is it.basis
    assert it.b is it.b


def pencil(to_h: np.ndarray, jacobian: np.ndarray) -> tuple[float, float, int]:
    """The ends of γ from the K × K Gram matrices alone, on what G_out does not send to 0."""
    outer = to_h @ to_h.T
    inner = to_h @ jacobian @ jacobian.T @ to_h.T
    values, vectors = np.linalg.eigh(outer)
    kept = values > 1e-9 * values[-1]
    white = vectors[:, kept] / np.sqrt(values[kept])
    ends = np.linalg.eigvalsh(white.T @ inner @ white)
    return float(np.sqrt(max(ends[0], 0))), float(np.sqrt(ends[-1])), int(kept.sum())


@pytest.mark.parametrize("seed", range(30))
def test_the_pencil_bounds_every_loss_and_is_attained(seed):
    draw = np.random.default_rng(seed)
    logits, m, n, rank = 3, 4, int(draw.integers(1, 6)), int(draw.integers(1, 4))
    to_h = draw.standard_normal((logits, rank)) @ draw.standard_normal((rank, m))
    jacobian = draw.standard_normal((m, n))
    least, most, found = pencil(to_h, jacobian)
    basis = np.linalg.svd(to_h.T)[0][:, :rank]
    ends = np.linalg.svd(jacobian.T @ basis, compute_uv=False)
    smallest = ends[-1] if rank <= n else 0.0
    assert found == rank
    assert (least, most) == pytest.approx((smallest, ends[0]), abs=1e-6)
    gains = []
    for _ in range(200):
        g = to_h.T @ draw.standard_normal(logits)
        gains.append(np.linalg.norm(jacobian.T @ g) / np.linalg.norm(g))
    assert least - 1e-6 <= min(gains)
    assert max(gains) <= most + 1e-9
    singular = np.linalg.svd(jacobian, compute_uv=False)
    assert most <= singular[0] + 1e-9
    assert least >= (singular[-1] if m <= n else 0) - 1e-6
    if rank == 1:
        assert max(gains) == pytest.approx(min(gains))


@pytest.mark.parametrize("seed", range(20))
def test_the_least_value_is_positive_where_the_ranks_agree(seed):
    """In exact arithmetic: integers, K = 3, m = 4."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 5))
    to_h = sp.Matrix(draw.integers(-1, 2, (3, 4)).tolist())
    jacobian = sp.Matrix(draw.integers(-1, 2, (4, n)).tolist())
    to_x = to_h * jacobian
    outer, inner = to_h * to_h.T, to_x * to_x.T
    assert all((inner * u).is_zero_matrix for u in outer.nullspace())
    lost = [a for a in inner.nullspace() if not (outer * a).is_zero_matrix]
    assert bool(lost) == (inner.rank() < outer.rank())


@pytest.mark.parametrize("seed", range(20))
def test_a_pair_is_never_looser_than_its_blocks(seed):
    draw = np.random.default_rng(seed)
    logits, sizes = 3, draw.integers(3, 6, 3)
    top = draw.standard_normal((logits, sizes[2]))
    second = draw.standard_normal((sizes[2], sizes[1]))
    first = draw.standard_normal((sizes[1], sizes[0]))
    low, high, _ = pencil(top, second @ first)
    low_2, high_2, _ = pencil(top, second)
    low_1, high_1, _ = pencil(top @ second, first)
    assert high <= high_1 * high_2 + 1e-9
    assert low >= low_1 * low_2 - 1e-9
