"""Composed operators against explicit matrices, and compositions that are refused."""

from collections.abc import Callable
from unittest.mock import patch

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
    InFloat32,
    Product,
    Scaled,
    Stack,
    Sum,
)
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.krylov import _Basis
from numeric.operators.linear_operator import LinearOperator
from numeric.operators.spectra import enclosed_singular_ends, enclosed_symmetric_ends, sigma_max
from numeric.settings import Effort

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
    assert public - {LinearOperator, InFloat32} <= kinds  # the latter has one dtype: see below


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


@pytest.mark.parametrize("shape", [(3, 40, 40), (3, 50, 30), (3, 30, 50)])
@pytest.mark.parametrize("steps", [5, 50])
def test_vectors_kept_in_float32_widen_what_they_enclose_by_its_rounding(shape, steps):
    matrices = gaussian(*shape, seed=4)
    matrices[1] *= 1e8
    matrices[2, :, 7:] = 0
    operator, truth = MatrixOperator(matrices), dense_twin.sigma_max(matrices)
    wide = sigma_max(operator, steps=steps)
    stored = []
    storage = _Basis._storage
    with patch.object(
        _Basis, "_storage", lambda self, n: stored.append(storage(self, n)) or stored[-1]
    ):
        found = enclosed_singular_ends(operator, Effort(steps=steps, basis="float32"))
    assert {each.dtype for each in stored} == {torch.float32}
    least = dense_twin.sigma_min_adjoint(matrices)
    for end, true in zip(found, (least, truth), strict=True):
        assert (end.low <= true).all()
        assert (true <= end.high).all()
    assert (found[1].high - found[1].low <= 1.03 * (wide.high - wide.low) + 2e-4 * truth).all()
    if steps == 50:
        assert (found[1].high - found[1].low >= 1e-6 * truth).all()  # the rounding is allowed for
    if shape[1] == shape[2]:
        ends = enclosed_symmetric_ends(operator, Effort(steps=steps, basis="float32"))
        for end, true in zip(ends, dense_twin.symmetric_extremes(matrices), strict=True):
            assert ((end.low <= true) & (true <= end.high)).all()


def test_products_are_rounded_once():
    operator, exact = InFloat32(MatrixOperator(A)), MatrixOperator(A)
    v, u = gaussian(BATCH, 3, seed=5), gaussian(BATCH, 4, seed=6)
    assert operator.push(v.float()).equal(exact.push(v.float().double()).float())
    assert operator.pull(u.float()).equal(exact.pull(u.float().double()).float())


def test_float32_operators_are_kept_as_they_are():
    matrices = gaussian(2, 9, 9, seed=4, dtype=torch.float32)
    there, here = (
        enclosed_singular_ends(MatrixOperator(matrices), Effort(basis=basis))
        for basis in (None, "float32")
    )
    assert all(
        a.low.equal(b.low) and a.high.equal(b.high) for a, b in zip(there, here, strict=True)
    )
    with pytest.raises(InputError, match="give one of float64"):
        InFloat32(MatrixOperator(matrices))


@pytest.mark.parametrize("size", [1e-50, 1e-36, 1e45])
def test_products_that_float32_does_not_hold_are_refused(size):
    operator = InFloat32(MatrixOperator(size * gaussian(2, 9, 9, seed=4)))
    with pytest.raises(InputError, match="beyond the range of float32: rescale"):
        sigma_max(operator)


def test_a_zero_operator_is_zero_in_float32():
    found = sigma_max(InFloat32(MatrixOperator(torch.zeros(2, 9, 9, dtype=torch.float64))))
    assert not found.high.any()
