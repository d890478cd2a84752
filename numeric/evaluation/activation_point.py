"""Gives every symbol of a derivation its operator or tensor at one real activation.

Expressions of `derivations` are read as they are: products become matrix-free products, symbols
linearized leaves. No formula is typed here.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

import sympy as sp
import torch
from torch import Tensor, nn, no_grad

from derivations.algebra.notation import DiagonalOf, JacobianOf, Meaning
from derivations.algebra.terms import SLOPES, Layer, Linear, Pointwise, Term
from derivations.errors import InputError, UnknownNodeError
from numeric.checks import (
    Function,
    check_function,
    check_input,
    check_leaves,
    check_vector,
)
from numeric.evaluation.column_expressions import Columns
from numeric.evaluation.derived_block import LeafSize, derived_block
from numeric.evaluation.realize import realize
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
from numeric.runs.independent_samples import check_kept, others_replaced, quiet
from numeric.runs.watched_run import watched
from numeric.tolerances import tolerances

_SEED = 3_141_592_653
"""Not one that a user draws activations with: the affine test takes independent vectors."""


class Point(Columns[Tensor]):
    """A term with its leaves at an activation x (batch, *in) and a backward signal g (batch, *out).

    Raises InputError for tensors that `numeric.checks` refuses, and UnknownNodeError for an
    expression it cannot read.
    """

    _quiet: Callable[[], AbstractContextManager[None]]

    def __init__(self, term: Term, leaves: Mapping[str, Function], x: Tensor, g: Tensor) -> None:
        check_leaves(leaves)
        check_input(x)
        for name, leaf in leaves.items():
            check_function(leaf, x, f"leaf {name!r}")
        self.x, self._leaves = x.detach().clone(), dict(leaves)
        super().__init__(term, self.x)
        first = _Recorder(self._leaves, watching=True)
        with no_grad():
            whole = realize(term, first.maps)(self.x)
            self._inputs = first.inputs
            self._check_samples(first)
        check_vector(g, tuple(whole.shape), x.dtype, x.device)
        self.g = g.detach().flatten(1)
        self.derived = derived_block(term, tuple(sorted(first.sizes.items())), x[0].numel())
        self._values[term] = whole
        self._operators: dict[Meaning, LinearOperator] = {}

    def linearized(self) -> Iterator[tuple[Meaning, JacobianOperator]]:
        """The leaves that were linearized so far, by the meaning of their symbols."""
        for meaning, operator in self._operators.items():
            if isinstance(operator, _Flat) and isinstance(operator.operator, JacobianOperator):
                yield meaning, operator.operator

    def operator(self, expr: sp.Expr) -> LinearOperator:
        """The matrix-free operator that a matrix expression stands for."""
        if expr in self.notation.meanings:
            return self._operator(self.notation.meanings[expr])
        match expr:
            case sp.Identity():
                return IdentityOperator(
                    (int(expr.shape[0]),), len(self.x), self.x.dtype, self.x.device
                )
            case sp.ZeroMatrix() if expr.shape[0] == expr.shape[1]:
                return Scaled(self.operator(sp.Identity(expr.shape[0])), 0.0)
            case sp.Transpose():
                return Adjoint(self.operator(expr.arg))
            case sp.MatAdd():
                return Sum(*map(self.operator, expr.args))
            case sp.MatMul():
                factor, matrices = expr.as_coeff_matrices()
                product = Product(*map(self.operator, matrices))
                return product if factor == 1 else Scaled(product, float(factor))
            case sp.MatPow() if expr.exp.is_Integer and expr.exp > 0:
                return Product(*[self.operator(expr.base)] * int(expr.exp))
            case sp.BlockMatrix() if expr.blockshape[1] == 1:
                return Stack(*map(self.operator, expr.blocks))
        raise UnknownNodeError(
            f"cannot evaluate the operator {expr}: teach numeric/evaluation/activation_point.py"
        )

    def product(self, expr: sp.Expr, v: Tensor) -> Tensor:
        return self.operator(expr).push(v)

    def cat(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), 1)

    def zeros(self, rows: int) -> Tensor:
        return self.g.new_zeros(len(self.x), rows)

    def evaluate(self, term: Term, source: Tensor) -> Tensor:
        with no_grad(), self._quiet():
            return realize(term, self._leaves)(source)

    def _linearized(self, name: str, at: Tensor) -> JacobianOperator:
        with self._quiet():
            return JacobianOperator.checked(self._leaves[name], at)

    def _operator(self, meaning: Meaning) -> LinearOperator:
        if meaning not in self._operators:
            match meaning:
                case JacobianOf(Linear(name), _):
                    self._check_affine(name)
                    made: LinearOperator = _Flat(self._linearized(name, self._inputs[name]))
                case JacobianOf(Layer(name), point):
                    made = _Flat(self._linearized(name, self.value(point)))
                case JacobianOf(Pointwise(name), point):
                    made = self._slopes(name, self.value(point))
                case DiagonalOf(value):
                    made = DiagonalOperator(self.value(value).flatten(1))
                case _:
                    raise UnknownNodeError(
                        f"{meaning} is not a leaf: expand it before it is evaluated"
                    )
            self._operators[meaning] = made
        return self._operators[meaning]

    def _check_samples(self, first: "_Recorder") -> None:
        """Each sample must keep its value in every leaf while others are replaced.

        Otherwise samples are coupled, or the leaves random. The hooks of the leaves are silent from
        here on, unless the leaves do something else without them.
        """
        names, values = first.names, first.values

        def run(x: Tensor) -> list[Tensor]:
            again = _Recorder(self._leaves)
            realize(self.term, again.maps)(x)
            return again.values

        self._quiet = quiet(first.modules, run, self.x, values)
        with self._quiet():
            for other, kept in others_replaced(self.x):
                for name, value, before in zip(names, run(other), values, strict=True):
                    check_kept(f"leaf {name!r}", value, before, kept)

    def _check_affine(self, name: str) -> None:
        """f(x + y) + f(0) = f(x) + f(y), with y independent of x.

        A multiple of x would not do: ReLU passes with 2x, x|x|/‖x‖ with −x.
        """
        x, leaf = self._inputs[name], self._leaves[name]
        size = x.abs().flatten(1).amax(1).view(-1, *[1] * (x.dim() - 1))
        generator = torch.Generator().manual_seed(_SEED)
        drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        y = torch.where(size > 0, size, 1) * drawn.to(x.device)
        # x is cloned, for a leaf may begin with an operation in place.
        with no_grad(), self._quiet():
            both, zero, at_x, at_y = map(leaf, (x + y, torch.zeros_like(x), x.clone(), y))
        if not _close(both + zero, at_x + at_y):
            raise InputError(
                f"leaf {name!r} is not affine: make it a Layer of the term, not a Linear"
            )

    def _slopes(self, name: str, at: Tensor) -> DiagonalOperator:
        jacobian = self._linearized(name, at)
        slopes = jacobian.pull(at.new_ones(at.shape))
        # A second vector, no multiple of the first: on ones any Jacobian acts like some diagonal.
        probe = 1 + at.new_tensor(range(at[0].numel())).view(at[0].shape).cos().expand(at.shape)
        if not _close(jacobian.pull(probe), slopes * probe):
            raise InputError(
                f"leaf {name!r} does not act on each entry by itself: make it a Layer of the "
                "term, not a Pointwise"
            )
        low, high = (float(end) for end in SLOPES.get(name, (-math.inf, math.inf)))
        slack = tolerances(at.dtype).identity
        if not ((slopes >= low - slack) & (slopes <= high + slack)).all():
            raise InputError(
                f"leaf {name!r} has slopes outside [{low:g}, {high:g}], which its name "
                "promises: give it another name"
            )
        return DiagonalOperator(slopes.flatten(1))


class _Recorder:
    """Leaves that note the sizes, inputs and values of what passes through them."""

    def __init__(self, leaves: Mapping[str, Function], watching: bool = False) -> None:
        self.leaves, self.watching = leaves, watching
        self.sizes: dict[str, LeafSize] = {}
        self.inputs: dict[str, Tensor] = {}
        self.names: list[str] = []
        self.values: list[Tensor] = []
        self.modules: dict[nn.Module, None] = {}

    @property
    def maps(self) -> dict[str, Function]:
        return {name: partial(self._run, name) for name in self.leaves}

    def _run(self, name: str, value: Tensor) -> Tensor:
        self.inputs[name] = value.detach()
        out = self._watched(name, value) if self.watching else self.leaves[name](value)
        size = (out[0].numel(), value[0].numel())
        if self.sizes.setdefault(name, size) != size:
            raise InputError(
                f"leaf {name!r} is used with sizes {self.sizes[name]} and {size}: give the "
                "second use another name"
            )
        self.names.append(name)
        self.values.append(out)
        return out

    def _watched(self, name: str, value: Tensor) -> Tensor:
        with watched(f"leaf {name!r}", self.leaves[name]) as watch:
            out = self.leaves[name](value)
        self.modules |= watch.modules
        return out


def _close(first: Tensor, second: Tensor) -> bool:
    """Equal up to the rounding of an evaluation, relative to the largest entry."""
    size = torch.maximum(first.abs().max(), second.abs().max())
    return bool((first - second).abs().max() <= 8 * tolerances(first.dtype).identity * size)


class _Flat(LinearOperator):
    """An operator on flat vectors."""

    def __init__(self, operator: LinearOperator) -> None:
        self.operator = operator
        super().__init__(
            (operator.in_dim,), (operator.out_dim,), operator.batch, operator.dtype, operator.device
        )

    def _push(self, v: Tensor) -> Tensor:
        return self.operator._push(v.reshape(self.batch, *self.operator.in_shape)).flatten(1)

    def _pull(self, u: Tensor) -> Tensor:
        return self.operator._pull(u.reshape(self.batch, *self.operator.out_shape)).flatten(1)
