"""Dimensions of values: they follow the structure, and what does not fit is refused."""

import pytest
import sympy as sp

from derivations.algebra.shapes import dimension, output_dim
from derivations.algebra.terms import Add, Chain, Concat, Gate, Identity, Layer, Linear, Pointwise
from derivations.errors import InputError

F, G, W, PHI = Layer("F"), Layer("G"), Linear("W"), Pointwise("phi")


def test_shapes_follow_the_structure():
    dims = {"F": (3, 2), "W": (2, 3)}
    assert output_dim(Chain(F, W), 2, dims) == 2
    assert output_dim(Concat(F, Identity(), F), 2, dims) == 8
    assert output_dim(Gate(F, Chain(F, PHI)), 2, dims) == 3


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (Add(F, Identity()), "sum"),
        (Gate(F, Identity()), "gate"),
        (Chain(F, F), "F takes inputs of dimension 2, not 3"),
        (G, "'G'"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(term, message):
    with pytest.raises(InputError, match=message):
        output_dim(term, 2, {"F": (3, 2)})


def test_dimensions_may_be_symbols():
    n, k = dimension("n"), dimension("k")
    dims = {"F": ("k", "n"), "G": ("n", "n")}
    assert output_dim(Concat(F, Identity()), n, dims) == k + n
    assert output_dim(Add(G, Identity()), n, dims) == n
    with pytest.raises(InputError, match="takes parts of dimension k, not n"):
        output_dim(Add(F, Identity()), n, dims)


def test_a_named_dimension_is_a_positive_integer():
    assert dimension(3) == sp.Integer(3)
    assert dimension("n").is_positive
    assert dimension("n").is_integer
    assert dimension("n") == dimension("n")
