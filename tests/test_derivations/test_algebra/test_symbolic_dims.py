"""Dimensions are named as freely as a term allows, and never more freely."""

import pytest
import sympy as sp

from derivations.algebra.notation import Notation
from derivations.algebra.shapes import dimension, output_dim
from derivations.algebra.symbolic_dims import INPUTS, symbolic_dims
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import InputError, UnknownNodeError

F, G, W, X, RELU = Layer("F"), Layer("G"), Linear("W"), Identity(), Pointwise("relu")
N, M, K, P = map(dimension, "nmkp")


@pytest.mark.parametrize(
    ("term", "dims"),
    [
        (F, {"F": (M, N)}),
        (Add(F, X), {"F": (N, N)}),
        (Add(F, W), {"F": (M, N), "W": (M, N)}),
        (Chain(F, RELU, G), {"F": (M, N), "G": (K, M)}),
        (Add(Chain(F, Gate(X, G), W), X), {"F": (M, N), "G": (M, M), "W": (N, M)}),
        (Concat(F, X), {"F": (M, N)}),
        (Chain(Concat(F, G), W), {"F": (M, N), "G": (K, N), "W": (P, K + M)}),
        (
            Add(Chain(Concat(F, X), G), Concat(W, X)),
            {"F": (M, N), "G": (N + P, M + N), "W": (P, N)},
        ),
        (Gate(F, Chain(G, Complement())), {"F": (M, N), "G": (M, N)}),
        (Add(Chain(F, W), Chain(G, W)), {"F": (M, N), "G": (M, N), "W": (K, M)}),
    ],
)
def test_dimensions_are_as_free_as_the_term_allows(term, dims):
    found = symbolic_dims(term)
    assert {name: tuple(map(sp.expand, each)) for name, each in found.dims.items()} == dims
    assert found.inputs == INPUTS
    assert output_dim(term, INPUTS, found.dims)  # and they fit


def test_an_input_that_is_added_to_a_concatenation_has_the_sum_of_its_sizes():
    term = Add(Concat(F, G), X)
    found = symbolic_dims(term)
    assert found.inputs == K + M
    assert found.dims == {"F": (M, K + M), "G": (K, K + M)}
    assert output_dim(term, found.inputs, found.dims) == K + M


def test_a_derivation_takes_them():
    term = Chain(Concat(F, X), W)
    assert Notation(term, symbolic_dims(term).dims, "operator").jacobian(W, Concat(F, X)).shape == (
        K,
        M + N,
    )


@pytest.mark.parametrize(
    "term",
    [
        Add(X, Concat(X, X)),  # n = 2n
        Add(F, Concat(F, X)),  # m = m + n
        Chain(Concat(F, X), Add(X, F)),  # F takes n entries, and m + n
    ],
)
def test_what_cannot_fit_is_refused(term):
    with pytest.raises(InputError, match="no dimensions make"):
        symbolic_dims(term)


def test_an_unknown_node_is_refused():
    with pytest.raises(UnknownNodeError, match=r"symbolic_dims\.py"):
        symbolic_dims(Term())
