"""Composed operators against explicit matrices, and compositions that are refused."""

from collections.abc import Callable

import pytest
import torch
from operator_harness import (
    BATCH,
    IMAGE,
    Case,
    assert_agrees_with_its_matrices,
    assert_equals_matrices,
    assert_samples_are_treated_alone,
)
from strategies import gaussian
from torch import Tensor, nn
from twins import dense_twin
from twins.dense_twin import MatrixOperator

from derivations.errors import InputError
from numeric.operators import composed_operators
from numeric.operators.composed_operators import (
    Adjoint,
    DiagonalOperator,
    IdentityOperator,
    Product,
    Scaled,
    Stack,
    Sum,
)
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.linear_operator import LinearOperator

A, B, C = (
    gaussian(BATCH, 4, 3, seed=1),
    gaussian(BATCH, 4, 3, seed=2),
    gaussian(BATCH, 3, 5, seed=3),
)


DIAGONAL = gaussian(BATCH, 3, seed=4)


def composite(build: Callable[..., LinearOperator], matrices: Tensor) -> Case:
    """`build` takes the operators of A, B, C and diag(DIAGONAL)."""

    def of(dtype: torch.dtype, samples: slice) -> LinearOperator:
        a, b, c = (MatrixOperator(each[samples].to(dtype)) for each in (A, B, C))
        return build(a, b, c, DiagonalOperator(DIAGONAL[samples].to(dtype)))

    return Case(of, matrices.to)


COMPOSITES = {
    "identity": Case(
        lambda dtype, samples: IdentityOperator((3,), len(range(BATCH)[samples]), dtype),
        lambda dtype: torch.eye(3, dtype=dtype).expand(BATCH, 3, 3),
    ),
    "diagonal": composite(lambda a, b, c, d: d, torch.diag_embed(DIAGONAL)),
    "scaled": composite(lambda a, b, c, d: Scaled(a, -2.5), -2.5 * A),
    "scaled by zero": composite(lambda a, b, c, d: Scaled(a, 0), 0 * A),
    "adjoint": composite(lambda a, b, c, d: Adjoint(a), A.mT),
    "sum": composite(lambda a, b, c, d: Sum(a, b, a), 2 * A + B),
    "sum of one": composite(lambda a, b, c, d: Sum(a), A),
    "cancelling sum": composite(lambda a, b, c, d: Sum(a, Scaled(a, -1)), 0 * A),
    "product": composite(lambda a, b, c, d: Product(a, d, c), A @ torch.diag_embed(DIAGONAL) @ C),
    "product of one": composite(lambda a, b, c, d: Product(c), C),
    "stack": composite(
        lambda a, b, c, d: Stack(a, d), torch.cat([A, torch.diag_embed(DIAGONAL)], 1)
    ),
    "stack of one": composite(lambda a, b, c, d: Stack(b), B),
    "nested": composite(
        lambda a, b, c, d: Adjoint(Sum(Product(a, c), Scaled(Adjoint(Adjoint(Product(b, c))), 3))),
        (A @ C + 3 * B @ C).mT,
    ),
    "stack of adjoints": composite(
        lambda a, b, c, d: Adjoint(Stack(a, Product(b, d))),
        torch.cat([A, B @ torch.diag_embed(DIAGONAL)], 1).mT,
    ),
}


def test_every_kind_of_operator_has_a_case():
    kinds = {type(case.of(torch.float64, slice(None))) for case in COMPOSITES.values()}
    public = {
        each
        for each in vars(composed_operators).values()
        if isinstance(each, type) and issubclass(each, LinearOperator)
    }
    assert public - {LinearOperator} <= kinds


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", COMPOSITES)
def test_every_operator_is_adjoint_and_agrees_with_its_dense_twin(name, dtype):
    assert_agrees_with_its_matrices(COMPOSITES[name], dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", COMPOSITES)
def test_every_operator_treats_each_sample_by_itself(name, dtype):
    assert_samples_are_treated_alone(COMPOSITES[name], dtype)


def test_a_stack_concatenates_along_dimension_one_like_a_concat():
    x = gaussian(2, *IMAGE, seed=0)
    branch = nn.Conv2d(4, 3, 3, padding=1).double()
    stack = Stack(JacobianOperator(branch, x), IdentityOperator(IMAGE, 2, torch.float64))
    assert stack.out_shape == (7, *IMAGE[1:])
    assert_equals_matrices(stack, dense_twin.jacobian(lambda z: torch.cat([branch(z), z], 1), x))


def test_operators_of_images_compose():
    x = gaussian(2, *IMAGE, seed=0)
    first, second = (
        nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Tanh()).double(),
        nn.Conv2d(4, 4, 3, stride=2).double(),
    )
    inner_operator = JacobianOperator(first, x)
    composed = Product(JacobianOperator(second, inner_operator.value), inner_operator)
    assert_equals_matrices(composed, dense_twin.jacobian(lambda z: second(first(z)), x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Sum, "cannot add no operators"),
        (Product, "cannot multiply no operators"),
        (Stack, "cannot stack no operators"),
        (
            lambda: Sum(MatrixOperator(A), MatrixOperator(C)),
            r"cannot add operators of shapes \(3,\) and \(5,\)",
        ),
        (
            lambda: Sum(MatrixOperator(A), MatrixOperator(A[:, :1])),
            r"cannot add operators of shapes \(4,\) and \(1,\)",
        ),
        (
            lambda: Product(MatrixOperator(A), MatrixOperator(A)),
            r"cannot multiply operators of shapes \(3,\) and \(4,\)",
        ),
        (
            lambda: Stack(MatrixOperator(A), MatrixOperator(C)),
            r"cannot stack operators of shapes \(3,\) and \(5,\)",
        ),
        (
            lambda: Stack(
                IdentityOperator((2, 3), 1, torch.float64),
                IdentityOperator((2, 4), 1, torch.float64),
            ),
            "cannot stack",
        ),
        (
            lambda: Sum(MatrixOperator(A), MatrixOperator(A[:1])),
            "different batch size, dtype or device",
        ),
        (
            lambda: Product(MatrixOperator(A), MatrixOperator(C.float())),
            "different batch size, dtype or device",
        ),
        (lambda: Stack(JacobianOperator(lambda x: x.sum(1), A[:, 0])), "scalar output"),
        (lambda: Scaled(MatrixOperator(A), float("nan")), "cannot scale an operator by nan"),
        (lambda: DiagonalOperator(torch.tensor([[1.0, float("inf")]])), "not finite"),
    ],
)
def test_operators_that_do_not_fit_are_refused(build, message):
    with pytest.raises(InputError, match=message):
        build()
