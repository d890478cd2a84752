"""The search for counterexamples, and their second evaluation: order, exactness, independence."""

from fractions import Fraction

import pytest

from derivations.algebra.blocks import RESIDUAL, SE_RESIDUAL
from derivations.algebra.terms import Add, Chain, Concat, Gate, Identity, Layer, Pointwise
from derivations.errors import UnknownNodeError
from validate.audit.counterexample_search import (
    height,
    points,
    rationals,
    root,
    show,
    smallest,
    tangent,
)
from validate.audit.gradients import gradient


def test_rationals_come_in_order_of_size():
    assert [str(number) for number in rationals(2)] == ["0", "1", "-1", "2", "-2", "1/2", "-1/2"]
    assert len(rationals(3)) == 15
    assert [height(number) for number in rationals(3)] == sorted(map(height, rationals(3)))


@pytest.mark.parametrize("unknowns", [0, 1, 2, 3])
def test_points_are_all_there_once_the_smallest_first(unknowns):
    found = list(points(unknowns))
    assert len(found) == len(set(found)) == 7**unknowns
    sizes = [(max(map(height, point), default=0), sum(map(height, point))) for point in found]
    assert sizes == sorted(sizes)
    assert not any(found[0])


def test_the_least_dimension_wins_over_smaller_numbers():
    def test(dimension, point):
        return (dimension, point) if sum(point) == 2 else None

    assert smallest((1, 2), lambda n: n, test) == (1, (Fraction(2),))
    assert smallest((1, 2), lambda n: n, lambda n, point: None) is None


def test_numbers_are_shown_as_a_reader_writes_them():
    assert show(Fraction(-1, 2)) == "−1/2"
    assert show(Fraction(1), Fraction(-2)) == "(1, −2)"
    assert [root(Fraction(p, q)) for p, q in ((4, 9), (2, 1), (1, 2), (0, 1), (10**12, 1))] == [
        "2/3",
        "√2",
        "√(1/2)",
        "0",
        "1000000",
    ]


LEAVES = {
    "F": lambda at: (at[0] ** 2 + 3, 2 * at[0] * at[1]),
    "P": lambda at: (2 * at[0], 2 * at[1]),
    "W_1": lambda at: (-at[0] + 1, -at[1]),
    "relu": lambda at: at if at[0] > 0 else (Fraction(0), Fraction(0)),
    "W_2": lambda at: (5 * at[0], 5 * at[1]),
    "sigmoid": lambda at: (at[0] ** 3, 3 * at[0] ** 2 * at[1]),  # any smooth map will do
    "B": lambda at: at,
}
TORCH = {
    "F": lambda x: x**2 + 3,
    "P": lambda x: 2 * x,
    "W_1": lambda x: 1 - x,
    "relu": lambda x: x.relu(),
    "W_2": lambda x: 5 * x,
    "sigmoid": lambda x: x**3,
    "B": lambda x: x,
}


@pytest.mark.parametrize(
    "term",
    [
        SE_RESIDUAL.term,
        RESIDUAL.term,
        Chain(Layer("F"), Pointwise("sigmoid"), Layer("F")),
        Gate(Add(Identity(), Layer("F")), Chain(Layer("W_1"), Layer("F"))),
    ],
    ids=repr,
)
def test_exact_derivatives_are_those_of_autograd(term):
    for x in (Fraction(1, 2), Fraction(-3), Fraction(2)):
        exact = tangent(term, LEAVES, (x, Fraction(1)))[1]
        assert gradient(term, TORCH, [x], [Fraction(1)])[0] == pytest.approx(
            float(exact), rel=1e-12
        )


def test_a_node_without_numbers_is_refused():
    with pytest.raises(UnknownNodeError, match="Concat"):
        tangent(Concat(Identity(), Identity()), {}, (Fraction(1), Fraction(1)))
