"""Expressions evaluated at an activation, against autograd on the realized term."""

import pytest
import torch
from hypothesis import given
from strategies import DrawnBlock, drawn_blocks, gaussian
from torch import nn

from derivations.algebra.terms import Add, Chain, Concat, Identity, Layer, Linear
from derivations.errors import InputError, UnknownNodeError
from derivations.rules.jacobian import linearize
from numeric.evaluation.activation_point import Point
from numeric.operators.vector_norms import inner, norm
from numeric.tolerances import tolerances


def autograd(block: DrawnBlock, g: torch.Tensor) -> torch.Tensor:
    x = block.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        block.module(x), x, g, materialize_grads=True, allow_unused=True
    )
    return gradient.flatten(1)


def signal(block: DrawnBlock, seed: int = 1) -> torch.Tensor:
    return gaussian(*block.module(block.x).shape, seed=seed, dtype=block.x.dtype)


@given(drawn_blocks())
def test_the_symbolic_pullback_is_autograds(block):
    g = signal(block)
    point = Point(block.term, block.leaves, block.x, g)
    pullback = point.column(linearize(point.notation).pullback)
    rtol = {torch.float64: 1e-9, torch.float32: 1e-4}[block.x.dtype]
    expected = autograd(block, g)
    assert torch.allclose(
        pullback, expected, rtol=rtol, atol=rtol * float(1 + expected.abs().max())
    )


@given(drawn_blocks())
def test_the_symbolic_jacobian_is_the_adjoint_of_the_pullback(block):
    g = signal(block)
    point = Point(block.term, block.leaves, block.x, g)
    line = linearize(point.notation)
    operator = point.operator(line.jacobian)
    v = gaussian(*block.x.flatten(1).shape, seed=2, dtype=block.x.dtype)
    pushed, pulled = operator.push(v), operator.pull(point.g)
    slack = (
        1e3
        * tolerances(block.x.dtype).adjoint
        * (norm(pushed) * norm(point.g) + norm(v) * norm(pulled) + 1)
    )
    assert (inner(pushed, point.g) - inner(v, point.column(line.pullback))).abs().le(slack).all()
    assert (inner(pushed, point.g) - inner(v, pulled)).abs().le(slack).all()


def test_one_layer_at_two_points_is_linearized_twice():
    block = DrawnBlock(
        Chain(Layer("F"), Layer("F")),
        {"F": nn.Sequential(nn.Linear(3, 3), nn.Tanh()).double()},
        gaussian(2, 3, seed=0),
    )
    g = signal(block)
    point = Point(block.term, block.leaves, block.x, g)
    assert torch.allclose(
        point.column(linearize(point.notation).pullback), autograd(block, g), rtol=1e-12
    )


def test_slices_of_the_signal_follow_the_order_of_the_parts():
    term = Concat(Linear("A"), Identity(), Concat(Linear("B"), Linear("A")))
    leaves = {"A": nn.Linear(2, 3).double(), "B": nn.Linear(2, 1).double()}
    block = DrawnBlock(term, leaves, gaussian(2, 2, seed=0))
    g = signal(block)
    point = Point(term, leaves, block.x, g)
    assert torch.allclose(
        point.column(linearize(point.notation).pullback), autograd(block, g), rtol=1e-12
    )
    assert torch.equal(point.column(point.notation.signal((2, 0))), g[:, 5:6])


@pytest.mark.parametrize(
    ("term", "leaves", "message"),
    [
        (Layer("F"), {}, "'F'"),
        (Add(Layer("F"), Identity()), {"F": nn.Linear(3, 2).double()}, "shape"),
        (Chain(Layer("F"), Layer("F")), {"F": lambda x: torch.cat((x, x), 1)}, "another name"),
    ],
)
def test_leaves_that_do_not_fit_are_refused(term, leaves, message):
    with pytest.raises(InputError, match=message):
        Point(term, leaves, gaussian(2, 3, seed=0), gaussian(2, 3, seed=1))


def test_a_signal_of_the_wrong_shape_or_dtype_is_refused():
    leaves, x = {"F": nn.Linear(3, 2).double()}, gaussian(2, 3, seed=0)
    for g in (
        gaussian(2, 3, seed=1),
        gaussian(1, 2, seed=1),
        gaussian(2, 2, seed=1, dtype=torch.float32),
        torch.full((2, 2), torch.nan).double(),
    ):
        with pytest.raises(InputError):
            Point(Layer("F"), leaves, x, g)


def test_an_expression_that_it_cannot_read_is_refused():
    point = Point(
        Layer("F"), {"F": nn.Linear(3, 3).double()}, gaussian(2, 3, seed=0), gaussian(2, 3, seed=1)
    )
    jacobian = linearize(point.notation).jacobian
    with pytest.raises(UnknownNodeError, match="operator"):
        point.operator(jacobian.I)
    with pytest.raises(UnknownNodeError, match="column"):
        point.column(jacobian)
