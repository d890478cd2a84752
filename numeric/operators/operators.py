"""Applies Jacobians without forming them: batched linear operators, one independent block per
sample.

Values keep their natural shapes (batch, *shape). Products are exact up to rounding. Never imports a
term.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from derivations.errors import InputError
from numeric.checks import (
    Function,
    call,
    check_function,
    check_input,
    check_output,
    check_product,
    check_vector,
    untouched,
)
from numeric.operators.upcast import in_single
from numeric.operators.vector_norms import inner, norm
from numeric.tolerances import tolerances

Shape = tuple[int, ...]


class LinearOperator(ABC):
    """A linear map of (batch, *in_shape) to (batch, *out_shape) that acts on every sample by
    itself.

    `push` applies the map (Jv), `pull` its transpose (Jᵀu). Both take and return finite tensors of
    the operator's dtype and device and raise InputError for any other. Shapes have at least one
    entry, and a batch at least one sample.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        batch: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        tolerances(dtype)
        if not all(isinstance(size, int) and size > 0 for size in (batch, *in_shape, *out_shape)):
            raise InputError(
                f"an operator from {in_shape} to {out_shape} on {batch} samples is empty: "
                "give at least one of each"
            )
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        self.batch, self.dtype, self.device = batch, dtype, device

    def push(self, v: Tensor) -> Tensor:  # (batch, *in) -> (batch, *out)
        """Jv."""
        check_vector(v, (self.batch, *self.in_shape), self.dtype, self.device)
        return check_product(self._push(v.detach()))

    def pull(self, u: Tensor) -> Tensor:  # (batch, *out) -> (batch, *in)
        """Jᵀu."""
        check_vector(u, (self.batch, *self.out_shape), self.dtype, self.device)
        return check_product(self._pull(u.detach()))

    def magnitude(self) -> Tensor:  # -> (batch,)
        """What the norms of the parts that a product adds up reach at least: where they cancel, it
        rounds relative to this.
        """
        return torch.zeros(self.batch, dtype=self.dtype, device=self.device)

    @property
    def in_dim(self) -> int:
        """n, the number of entries of one sample's input."""
        return torch.Size(self.in_shape).numel()

    @property
    def out_dim(self) -> int:
        """m, the number of entries of one sample's output."""
        return torch.Size(self.out_shape).numel()

    @abstractmethod
    def _push(self, v: Tensor) -> Tensor: ...

    @abstractmethod
    def _pull(self, u: Tensor) -> Tensor: ...


def check_operator(operator: object) -> None:
    """Refuses what is no operator, such as a function that was not linearized."""
    if not isinstance(operator, LinearOperator):
        raise InputError(
            f"the operator is a {type(operator).__name__}: linearize a function with "
            "JacobianOperator(function, x)"
        )


class JacobianOperator(LinearOperator):
    """The Jacobian of `function` at x, block-diagonal over the batch: sample i's output must depend
    on sample i only.

    The function is evaluated once; its graph is kept. x (batch, *in) is float32 or float64, or
    float16 or bfloat16 and then taken to float32 with a PrecisionWarning (see
    `numeric.operators.upcast`); `value` is the output at x. The function's weights, gradients, mode
    and buffers stay as they are. Raises InputError for an x, an output or a module that
    `numeric.checks` refuses, and where the function fails; `push` also where autograd cannot
    differentiate the function twice.
    """

    def __init__(self, function: Function, x: Tensor) -> None:
        function, x = in_single(function, x)
        check_input(x)
        check_function(function, x)
        # Fused attention has no second derivative. The clone lets the function start with an
        # in-place operation.
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            sdpa_kernel(SDPBackend.MATH),
            untouched(function),
        ):
            self._leaf = x.detach().clone().requires_grad_()
            self._output = call(function, self._leaf.clone())
        check_output(self._output, x)
        self.value = self._output.detach().clone()
        super().__init__(
            tuple(x.shape[1:]), tuple(self.value.shape[1:]), x.shape[0], x.dtype, x.device
        )

    def _pull(self, u: Tensor) -> Tensor:
        return _derivative(self._output, self._leaf, u).detach()

    def _push(self, v: Tensor) -> Tensor:
        direction, pulled = self._transpose
        return _derivative(pulled, direction, v).detach()

    @cached_property
    def _transpose(self) -> tuple[Tensor, Tensor]:
        """(u, Jᵀu) with the graph of the second: Jᵀu is linear in u, so its pullback by v is Jv.

        Not torch.func.linearize: it is silently wrong behind an in-place SiLU and fails on
        BatchNorm with trained weights.
        """
        with torch.inference_mode(False), torch.enable_grad():
            direction = torch.zeros_like(self._output).requires_grad_()
            transpose = (
                direction,
                _derivative(self._output, self._leaf, direction, differentiable=True),
            )
        self._verify(*transpose)
        return transpose

    def _verify(self, direction: Tensor, pulled: Tensor) -> None:
        """Refuses a push that is no transpose of the pull: autograd leaves out, silently, what is
        differentiable once only.
        """
        u = torch.randn(
            direction.shape, generator=torch.Generator().manual_seed(0), dtype=self.dtype
        ).to(self.device)
        v = self._pull(u)
        size = norm(v)
        v = v / torch.where(size > 0, size, 1).view(-1, *[1] * len(self.in_shape))
        error = (inner(_derivative(pulled, direction, v), u) - size).abs()
        table = tolerances(self.dtype)
        if not (error <= table.eps**0.5 * size + table.breakdown * norm(u)).all():
            raise InputError(
                "the function is not twice differentiable by autograd: give its custom or "
                "fused parts a second derivative"
            )


def _derivative(
    output: Tensor, source: Tensor, weights: Tensor, differentiable: bool = False
) -> Tensor:
    """The gradient of ⟨output, weights⟩ by source, zero where output does not depend on source."""
    if not output.requires_grad:
        return torch.zeros_like(source)
    try:
        (gradient,) = torch.autograd.grad(
            output,
            source,
            weights,
            retain_graph=True,
            create_graph=differentiable,
            allow_unused=True,
            materialize_grads=True,
        )
    except RuntimeError as error:
        raise InputError(
            f"autograd cannot differentiate the function here: {str(error).splitlines()[0]}"
        ) from error
    return gradient


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
        return torch.stack([operator._push(v) for operator in self.operators]).sum(0)

    def _pull(self, u: Tensor) -> Tensor:
        return torch.stack([operator._pull(u) for operator in self.operators]).sum(0)


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
    """The first operator; raises InputError if there is none, one is no operator or differs in
    batch size, dtype or device.
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
