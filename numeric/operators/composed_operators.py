"""Composes operators: identities, diagonals, multiples, transposes, sums, products and stacks.

Products are exact up to rounding. Never imports a term.
"""

from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import check_input
from numeric.operators.linear_operator import LinearOperator, Shape


class IdentityOperator(LinearOperator):
    """v ↦ v."""

    def __init__(
        self, shape: Shape, batch: int, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(shape, shape, batch, dtype, torch.device(device))

    def magnitude(self) -> Tensor:
        return torch.ones(self.batch, dtype=self.dtype, device=self.device)

    def _push(self, v: Tensor) -> Tensor:
        return v

    def _pull(self, u: Tensor) -> Tensor:
        return u


class DiagonalOperator(LinearOperator):
    """v ↦ d ⊙ v, with one diagonal d per sample: `diagonal` is (batch, *shape)."""

    def __init__(self, diagonal: Tensor) -> None:
        check_input(diagonal)
        self.diagonal = diagonal.detach()
        shape = tuple(diagonal.shape[1:])
        super().__init__(shape, shape, diagonal.shape[0], diagonal.dtype, diagonal.device)

    def magnitude(self) -> Tensor:
        return self.diagonal.flatten(1).abs().amax(1)

    def _push(self, v: Tensor) -> Tensor:
        return self.diagonal * v

    def _pull(self, u: Tensor) -> Tensor:
        return self.diagonal * u


class Scaled(LinearOperator):
    """A real multiple of an operator."""

    def __init__(self, operator: LinearOperator, factor: float) -> None:
        _alike("scale", operator)
        if not (isinstance(factor, int | float) and abs(factor) < float("inf")):
            raise InputError(f"cannot scale an operator by {factor}: use a finite real number")
        self.operator, self.factor = operator, factor
        super().__init__(
            operator.in_shape, operator.out_shape, operator.batch, operator.dtype, operator.device
        )

    def magnitude(self) -> Tensor:
        return abs(self.factor) * self.operator.magnitude()

    def _push(self, v: Tensor) -> Tensor:
        return self.factor * self.operator._push(v)

    def _pull(self, u: Tensor) -> Tensor:
        return self.factor * self.operator._pull(u)


class InFloat32(LinearOperator):
    """A float64 operator whose vectors are float32: products are taken in float64, then rounded.

    A Krylov basis of it takes half the memory. It is treated as any float32 operator, whose
    allowances hold its rounding: enclosures are wider by about 1e-5 of the largest product. Raises
    InputError for products so small or large that float32 would not hold their digits.
    """

    def __init__(self, operator: LinearOperator) -> None:
        _alike("round", operator)
        if operator.dtype != torch.float64:
            raise InputError(
                f"an operator of {operator.dtype} is not rounded to float32: give one of float64"
            )
        self.operator = operator
        super().__init__(
            operator.in_shape, operator.out_shape, operator.batch, torch.float32, operator.device
        )

    def magnitude(self) -> Tensor:
        return self.operator.magnitude().float()

    def _push(self, v: Tensor) -> Tensor:
        return self._rounded(self.operator._push(v.double()))

    def _pull(self, u: Tensor) -> Tensor:
        return self._rounded(self.operator._pull(u.double()))

    def _rounded(self, product: Tensor) -> Tensor:
        largest = product.reshape(self.batch, -1).abs().amax(1)
        limits = torch.finfo(torch.float32)
        held = (largest > limits.tiny / limits.eps) & (largest < limits.max)
        if not (held | (largest == 0)).all():
            raise InputError(
                "a product is beyond the range of float32: rescale the operator, or keep its "
                "vectors in float64"
            )
        return product.float()


class Adjoint(LinearOperator):
    """The transpose of an operator."""

    def __init__(self, operator: LinearOperator) -> None:
        _alike("transpose", operator)
        self.operator = operator
        super().__init__(
            operator.out_shape, operator.in_shape, operator.batch, operator.dtype, operator.device
        )

    def magnitude(self) -> Tensor:
        return self.operator.magnitude()

    def _push(self, v: Tensor) -> Tensor:
        return self.operator._pull(v)

    def _pull(self, u: Tensor) -> Tensor:
        return self.operator._push(u)


class Sum(LinearOperator):
    """A + B + …, all of the same shapes."""

    def __init__(self, *operators: LinearOperator) -> None:
        first = _alike("add", *operators)
        for operator in operators:
            _match("add", first.in_shape, operator.in_shape)
            _match("add", first.out_shape, operator.out_shape)
        self.operators = operators
        super().__init__(first.in_shape, first.out_shape, first.batch, first.dtype, first.device)

    def magnitude(self) -> Tensor:
        return torch.stack([operator.magnitude() for operator in self.operators]).amax(0)

    def _push(self, v: Tensor) -> Tensor:
        return reduce(torch.add, [operator._push(v) for operator in self.operators])

    def _pull(self, u: Tensor) -> Tensor:
        return reduce(torch.add, [operator._pull(u) for operator in self.operators])


class Product(LinearOperator):
    """The matrix product A B …: the last operator is applied first."""

    def __init__(self, *operators: LinearOperator) -> None:
        first, last = _alike("multiply", *operators), operators[-1]
        for left, right in pairwise(operators):
            _match("multiply", left.in_shape, right.out_shape)
        self.operators = operators
        super().__init__(last.in_shape, first.out_shape, first.batch, first.dtype, first.device)

    def _push(self, v: Tensor) -> Tensor:
        for operator in reversed(self.operators):
            v = operator._push(v)
        return v

    def _pull(self, u: Tensor) -> Tensor:
        for operator in self.operators:
            u = operator._pull(u)
        return u


class Stack(LinearOperator):
    """v ↦ (Av, Bv, …), concatenated along dimension 1 like the outputs of a Concat term."""

    def __init__(self, *operators: LinearOperator) -> None:
        first = _alike("stack", *operators)
        for operator in operators:
            _match("stack", first.in_shape, operator.in_shape)
            _match("stack", first.out_shape[1:], operator.out_shape[1:])
            if not operator.out_shape:
                raise InputError(
                    "cannot stack operators of scalar output: give each output a dimension of "
                    "its own"
                )
        self.operators = operators
        self._sizes = [operator.out_shape[0] for operator in operators]
        super().__init__(
            first.in_shape,
            (sum(self._sizes), *first.out_shape[1:]),
            first.batch,
            first.dtype,
            first.device,
        )

    def _push(self, v: Tensor) -> Tensor:
        return torch.cat([operator._push(v) for operator in self.operators], 1)

    def _pull(self, u: Tensor) -> Tensor:
        pieces = zip(self.operators, u.split(self._sizes, 1), strict=True)
        return torch.stack([operator._pull(piece) for operator, piece in pieces]).sum(0)


def _alike(verb: str, *operators: LinearOperator) -> LinearOperator:
    """The first operator.

    Raises InputError if there is none, one is no operator or differs in batch size, dtype or
    device.
    """
    if not operators:
        raise InputError(f"cannot {verb} no operators: give at least one")
    for operator in operators:
        if not isinstance(operator, LinearOperator):
            raise InputError(f"cannot {verb} a {type(operator).__name__}: give a LinearOperator")
        if (operator.batch, operator.dtype, operator.device) != (
            operators[0].batch,
            operators[0].dtype,
            operators[0].device,
        ):
            raise InputError(
                f"cannot {verb} operators of different batch size, dtype or device: make them equal"
            )
    return operators[0]


def _match(verb: str, left: Shape, right: Shape) -> None:
    if left != right:
        raise InputError(
            f"cannot {verb} operators of shapes {left} and {right}: they must be equal"
        )
