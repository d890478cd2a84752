"""What all operators have in common: the vectors they take, their sizes, what is no operator."""

import math

import pytest
import torch
from operator_harness import (
    IMAGE,
    random_vectors,
)
from strategies import gaussian
from torch import nn
from twins.dense_twin import MatrixOperator

from derivations.errors import InputError
from numeric.operators.composed_operators import (
    Adjoint,
    IdentityOperator,
    Sum,
)
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.linear_operator import LinearOperator, check_operator


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[:1], "the operator takes"),
        (lambda v: v[:, :1], "the operator takes"),
        (lambda v: v[0], "the operator takes"),
        (lambda v: v.flatten(), "the operator takes"),
        (lambda v: v.float(), "convert it to the operator's torch.float64"),
        (lambda v: v.long(), "int64"),
        (lambda v: v / 0, "not finite"),
        (lambda v: v.tolist(), "list"),
    ],
)
def test_products_refuse_vectors_that_do_not_fit(change, message):
    a = gaussian(2, 3, 3, seed=0)
    for operator in (
        JacobianOperator(nn.Linear(3, 3).double(), a[:, 0]),
        MatrixOperator(a),
        Sum(MatrixOperator(a)),
        Adjoint(MatrixOperator(a)),
    ):
        v, u = random_vectors(operator)
        with pytest.raises(InputError, match=message):
            operator.push(change(v))
        with pytest.raises(InputError, match=message):
            operator.pull(change(u))


def test_sizes_are_those_of_one_sample():
    operator = MatrixOperator(gaussian(2, 4, 3, seed=0))
    assert (operator.batch, operator.in_dim, operator.out_dim) == (2, 3, 4)
    images = IdentityOperator(IMAGE, 2, torch.float64)
    assert images.in_dim == images.out_dim == math.prod(IMAGE)


def test_products_are_cut_from_the_graph_of_their_vectors():
    operator = MatrixOperator(gaussian(2, 4, 3, seed=0))
    v, u = (each.requires_grad_() for each in random_vectors(operator))
    assert not operator.push(v).requires_grad
    assert not operator.pull(u).requires_grad


def test_an_operator_that_says_nothing_of_its_parts_has_magnitude_zero():
    assert not MatrixOperator(gaussian(2, 4, 3, seed=0)).magnitude().any()


@pytest.mark.parametrize(
    ("in_shape", "out_shape", "batch"), [((0,), (3,), 2), ((3,), (2, 0), 2), ((3,), (3,), 0)]
)
def test_an_empty_operator_is_refused(in_shape, out_shape, batch):
    with pytest.raises(InputError, match=r"on .* samples is empty"):
        LinearOperator.__init__(
            IdentityOperator((3,), 2, torch.float64),
            in_shape,
            out_shape,
            batch,
            torch.float64,
            torch.device("cpu"),
        )


@pytest.mark.parametrize("thing", [torch.relu, gaussian(3, 3, seed=0), nn.Linear(3, 3), None])
def test_what_is_no_operator_is_refused_with_the_way_to_make_one(thing):
    with pytest.raises(InputError, match=r"linearize a function with JacobianOperator"):
        check_operator(thing)
    check_operator(MatrixOperator(gaussian(2, 4, 3, seed=0)))
