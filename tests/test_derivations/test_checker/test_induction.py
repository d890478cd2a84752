"""Induction over l: proves telescoping sums and products, and nothing that is false."""

import pytest
import sympy as sp

from derivations.algebra.letters import LAYERS
from derivations.algebra.steps import Step
from derivations.checker.induction import holds_by_induction
from derivations.checker.symbolic_sums import check_sums

K = sp.Symbol("k", integer=True, nonnegative=True)
R = sp.IndexedBase("r", real=True)
N = sp.IndexedBase("n", positive=True)
TELESCOPE = sp.Sum(R[K - 1] - R[K], (K, 1, LAYERS))
RATIOS = sp.Product(N[K - 1] / N[K], (K, 1, LAYERS))


TRUE = {
    "a telescoping sum": (TELESCOPE, R[0] - R[LAYERS]),
    "a telescoping product": (RATIOS, N[0] / N[LAYERS]),
    "a geometric sum": (1 + sp.Sum(2 ** (K - 1), (K, 1, LAYERS - 1)), 2 ** (LAYERS - 1)),
    "a sum whose summand moves with l": (
        sp.Sum(2 ** (LAYERS - K) * 3 * 2 ** (K - 2), (K, 2, LAYERS)),
        3 * 2 ** (LAYERS - 2) * (LAYERS - 1),
    ),
    "a last summand": (
        sp.Sum(R[K], (K, 0, LAYERS - 1)),
        sp.Sum(R[K], (K, 0, LAYERS - 2)) + R[LAYERS - 1],
    ),
}
FALSE = {
    "the wrong end": (TELESCOPE, R[0] - R[LAYERS + 1]),
    "the wrong beginning": (TELESCOPE, R[1] - R[LAYERS]),
    "the wrong sign": (TELESCOPE, R[LAYERS] - R[0]),
    "an inverted product": (RATIOS, N[LAYERS] / N[0]),
    "a product off by one": (RATIOS, N[0] / N[LAYERS - 1]),
    "the right step from the wrong base": (
        sp.Sum(2 ** (K - 1), (K, 1, LAYERS - 1)),
        2 ** (LAYERS - 1),
    ),
    "the right base with the wrong step": (1 + sp.Sum(2 ** (K - 1), (K, 1, LAYERS - 1)), LAYERS),
    "the wrong last summand": (
        sp.Sum(R[K], (K, 0, LAYERS - 1)),
        sp.Sum(R[K], (K, 0, LAYERS - 2)) + R[LAYERS - 2],
    ),
}


def both(before: sp.Expr, after: sp.Expr) -> list[bool]:
    return [bool(test()) for test in check_sums(Step("x", before, "=", after)).values()]


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_for_every_l_passes_both_ways(name):
    assert holds_by_induction(*TRUE[name], LAYERS), name
    assert both(*TRUE[name]) == [True, True]


@pytest.mark.parametrize("name", FALSE)
def test_what_is_false_fails_both_ways(name):
    assert not holds_by_induction(*FALSE[name], LAYERS), name
    assert both(*FALSE[name]) == [False, False]


def test_nothing_is_divided_by_that_may_be_zero():
    assert not holds_by_induction(
        sp.Product(R[K - 1] / R[K], (K, 1, LAYERS)), R[0] / R[LAYERS], LAYERS
    )


def test_other_forms_are_left_alone():
    """A nested sum, a lower limit that moves, and no sum at all: not proved, true or not."""
    nested = sp.Sum(
        sp.Sum(R[K], (K, 0, sp.Symbol("j", integer=True))),
        (sp.Symbol("j", integer=True), 0, LAYERS),
    )
    assert not holds_by_induction(nested, nested + 0 * LAYERS, LAYERS)
    moving = sp.Sum(R[K], (K, LAYERS, LAYERS + 2))
    assert not holds_by_induction(moving, R[LAYERS] + R[LAYERS + 1] + R[LAYERS + 2], LAYERS)
    assert not holds_by_induction(LAYERS, LAYERS, LAYERS)
