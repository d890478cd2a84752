"""Gives every symbol of a derivation its enclosed vector or product at one stored activation.

The twin of `numeric.evaluation.activation_point` in exact arithmetic: what it returns holds for the
stored tensors, rounding included.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import sympy as sp
import torch

from derivations.algebra.notation import DiagonalOf, JacobianOf, Meaning
from derivations.algebra.terms import SLOPES, Identity, Layer, Leaf, Linear, Pointwise, Term
from derivations.errors import InputError, UnknownNodeError
from numeric.certified import enclosed_tensors
from numeric.certified.enclosed_layers import Run, run
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.torch_functions import as_layer
from numeric.checks import Function, call, check_dense, check_input, check_leaves
from numeric.evaluation.column_expressions import Columns
from numeric.evaluation.derived_block import LeafSize, derived_block
from numeric.evaluation.realize import Evaluation


class EnclosedPoint(Columns[Enclosed]):
    """A term with layers for leaves at a stored activation x and backward signal g.

    (batch, *in) and (batch, *out). Raises InputError for tensors that `numeric.checks` refuses or
    layers that do not fit the term, UnknownNodeError for layers and expressions without a rule.
    """

    def __init__(
        self, term: Term, leaves: Mapping[str, Function], x: torch.Tensor, g: torch.Tensor
    ) -> None:
        check_leaves(leaves)
        for tensor in (x, g):
            check_stored(tensor)
        self.layers = {name: as_layer(leaf) for name, leaf in leaves.items()}
        super().__init__(term, Enclosed.exactly(x))
        self._evaluation = _Evaluation(self.layers, x.dtype)
        whole = self.evaluate(term, self.value(Identity()))
        if whole.shape != g.shape:
            raise InputError(
                f"the backward signal has shape {tuple(g.shape)}: the block's output has "
                f"{tuple(whole.shape)}"
            )
        self._values[term] = whole
        self.g = Enclosed.exactly(g).view(len(g), -1)
        sizes = tuple(sorted(self._evaluation.sizes.items()))
        self.derived = derived_block(term, sizes, x[0].numel())

    def evaluate(self, term: Term, source: Enclosed) -> Enclosed:
        return self._evaluation.value(term, source)

    def _times(self, factor: sp.Expr, v: Enclosed) -> Enclosed:
        return v * _exactly(factor) if factor.is_number else self.product(factor, v)

    def product(self, expr: sp.Expr, v: Enclosed) -> Enclosed:
        return self._product(expr, v, transposed=False)

    def cat(self, parts: Sequence[Enclosed]) -> Enclosed:
        return enclosed_tensors.cat(parts)

    def zeros(self, rows: int) -> Enclosed:
        return Enclosed.exactly(self.g.mid.new_zeros(len(self.g.mid), rows))

    def run_of(self, meaning: Meaning) -> Run:
        """The run of the leaf whose Jacobian a symbol stands for, at its point."""
        match meaning:
            case JacobianOf(Linear(name), _):
                return self._evaluation.affine[name]
            case JacobianOf(Layer() | Pointwise() as leaf, point):
                return self._evaluation.run(leaf, self.value(point))
        raise UnknownNodeError(f"{meaning} is not a leaf: expand it before it is evaluated")

    def _product(self, expr: sp.Expr, v: Enclosed, transposed: bool) -> Enclosed:
        if expr in self.notation.meanings:
            return self._leaf_product(self.notation.meanings[expr], v, transposed)
        match expr:
            case sp.Identity():
                return v
            case sp.ZeroMatrix():
                return self.zeros(int(expr.shape[1 if transposed else 0]))
            case sp.Transpose():
                return self._product(expr.arg, v, not transposed)
            case sp.MatAdd():
                first, *others = (self._product(part, v, transposed) for part in expr.args)
                return sum(others, first)
            case sp.MatMul():
                for factor in expr.args if transposed else reversed(expr.args):
                    v = (
                        v * _exactly(factor)
                        if factor.is_number
                        else self._product(factor, v, transposed)
                    )
                return v
        raise UnknownNodeError(
            f"cannot evaluate the product with {expr}: teach numeric/certified/enclosed_point.py"
        )

    def _leaf_product(self, meaning: Meaning, v: Enclosed, transposed: bool) -> Enclosed:
        if isinstance(meaning, DiagonalOf):
            return v * self.value(meaning.value).view(len(v.mid), -1)
        here, batch = self.run_of(meaning), len(v.mid)
        product, shape = (here.pull, here.value.shape) if transposed else (here.push, here.shape)
        return product(v.view(*shape)).view(batch, -1)


def check_stored(tensor: torch.Tensor) -> None:
    """`check_input`, but narrower formats are welcome: taken to float64 they are exact."""
    if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
        check_dense(tensor, "the input")
        tensor = tensor.double()
    check_input(tensor)


class _Evaluation(Evaluation):
    """A pass over a term whose leaves are layers and whose values are enclosed."""

    def __init__(self, layers: Mapping[str, object], dtype: torch.dtype) -> None:
        super().__init__({})
        self.layers, self.dtype = layers, dtype
        self.sizes: dict[str, LeafSize] = {}
        self.affine: dict[str, Run] = {}
        # Keyed by the input's identity, so the inputs are kept alive beside their runs.
        self._runs: dict[tuple[Leaf, int], tuple[Enclosed, Run]] = {}

    def cat(self, values: list[Enclosed]) -> Enclosed:
        return enclosed_tensors.cat(values)

    def leaf(self, term: Leaf, x: Enclosed) -> Enclosed:
        here = self.run(term, x)
        size = (here.value.shape[1:].numel(), x.shape[1:].numel())
        if self.sizes.setdefault(term.name, size) != size:
            raise InputError(
                f"leaf {term.name!r} is used with sizes {self.sizes[term.name]} and {size}: "
                "give the second use another name"
            )
        if isinstance(term, Linear):
            self.affine[term.name] = here
        return here.value

    def run(self, term: Leaf, x: Enclosed) -> Run:
        """The run of a leaf's layer at x."""
        if (term, id(x)) not in self._runs:
            self._runs[term, id(x)] = (x, self._run(term, x))
        return self._runs[term, id(x)][1]

    def _run(self, term: Leaf, x: Enclosed) -> Run:
        """Refuses a layer that is not of the kind that the term says."""
        layer = self.layers.get(term.name)
        if layer is None:
            raise InputError(f"leaf {term.name!r} of the term has no layer: add it to the leaves")
        here = call(partial(run, layer, dtype=self.dtype), x, f"leaf {term.name!r}")
        if isinstance(term, Linear) and not here.affine:
            raise InputError(
                f"leaf {term.name!r} is not affine: make it a Layer of the term, not a Linear"
            )
        if isinstance(term, Pointwise):
            _check_slopes(term.name, here)
        return here


def _check_slopes(name: str, here: Run) -> None:
    if here.slopes is None:
        raise InputError(
            f"leaf {name!r} does not act on each entry by itself: make it a Layer of the "
            "term, not a Pointwise"
        )
    low, high = (float(end) for end in SLOPES.get(name, (-torch.inf, torch.inf)))
    if not ((here.slopes.high >= low) & (here.slopes.low <= high)).all():
        raise InputError(
            f"leaf {name!r} has slopes outside [{low:g}, {high:g}], which its name promises: "
            "give it another name"
        )


def _exactly(factor: sp.Expr) -> float:
    if sp.Rational(float(factor)) != factor:
        raise UnknownNodeError(
            f"the factor {factor} is no float64: teach numeric/certified/enclosed_point.py"
        )
    return float(factor)
