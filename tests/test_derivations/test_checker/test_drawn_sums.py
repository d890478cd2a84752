"""Sums on drawn integers: against plain loops, and refused where they cannot be read."""

import random
from itertools import product

import pytest
import sympy as sp

from derivations.checker.drawn_sums import LONGEST, check_direction, number
from derivations.errors import InputError, UnknownNodeError

ROW = sp.IndexedBase("a", real=True)
TABLE = sp.IndexedBase("b", real=True)
I, J = sp.symbols("i j", integer=True, nonnegative=True)


def cross(layers: int) -> sp.Expr:
    return sp.Sum(TABLE[J, I] ** 2, (J, I + 1, layers - 1), (I, 0, layers - 1))


def test_an_index_out_of_reach_is_refused():
    with pytest.raises(UnknownNodeError, match="index"):
        number(sp.Sum(ROW[I - 1], (I, 0, 2)))


def test_drawn_sums_against_plain_loops():
    """The slow twin: both indices written out, entry by entry, on the same sequences."""
    for layers in (2, 5, 9):
        total = sum(number(TABLE[j, i] ** 2) for i, j in product(range(layers), repeat=2) if j > i)
        assert number(cross(layers)) == total
    draws = random.Random(1)
    for _ in range(20):
        low, high = sorted(draws.sample(range(12), 2))
        assert number(sp.Sum(ROW[I] * TABLE[I, 3], (I, low, high))) == sum(
            number(ROW[i] * TABLE[i, 3]) for i in range(low, high + 1)
        )


def test_an_entry_is_the_same_wherever_it_is_met():
    assert number(ROW[3]) == number(sp.Sum(ROW[I], (I, 3, 3))) != number(ROW[4])
    assert number(ROW[3] - ROW[3] + sp.Rational(2, 3)) == sp.Rational(2, 3)
    assert number(ROW[0]) != number(sp.IndexedBase("c", real=True)[0])


def test_an_empty_sum_is_0_and_a_backward_one_is_refused():
    assert number(sp.Sum(ROW[I], (I, 3, 2))) == 0
    with pytest.raises(InputError, match="backwards"):
        number(sp.Sum(ROW[I], (I, 3, 1)))
    check_direction(3, 2)
    with pytest.raises(InputError, match="low ≤ high"):
        check_direction(3, 1)


def test_the_last_index_within_reach():
    assert number(ROW[LONGEST - 1]) == number(sp.Sum(ROW[I], (I, LONGEST - 1, LONGEST - 1)))
    with pytest.raises(UnknownNodeError, match="an index is not in"):
        number(ROW[LONGEST])


@pytest.mark.parametrize(
    "form", [sp.sin(ROW[0]), sp.Sum(sp.Sum(ROW[J] + 1, (J, 0, I)), (I, 0, 2)), 1 / ROW[0]]
)
def test_other_forms_are_refused(form):
    with pytest.raises(UnknownNodeError, match="cannot evaluate"):
        number(form)


def test_letters_of_one_name_are_drawn_apart():
    real, positive = (sp.Symbol("x", **{kind: True}) for kind in ("real", "positive"))
    assert number(real - positive) != 0
    first = sp.IndexedBase("x", real=True)[0]
    assert number(first - real) != 0
