"""Keeps what each symbol of a derivation stands for.

A symbol never carries meaning by its spelling: a `Notation` maps meanings to SymPy symbols, one to
one, so that the checker, the typesetter and the numeric layer read the same expression and ask the
notation what its letters mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp

from derivations.algebra.blocks import Block
from derivations.algebra.shapes import Dims, Size, dimension, output_dim
from derivations.algebra.terms import (
    Chain,
    Identity,
    Layer,
    Leaf,
    Linear,
    Pointwise,
    Term,
    leaves,
    parts_of,
)
from derivations.errors import InputError

Reading = Literal["scalar", "operator"]
READINGS: tuple[Reading, ...] = ("scalar", "operator")


@dataclass(frozen=True)
class JacobianOf:
    """The Jacobian of `term` where its input is the value of `point`, itself a term of the block's
    input.
    """

    term: Term
    point: Term


@dataclass(frozen=True)
class DiagonalOf:
    """diag(y), y the value of `value` at the block's input."""

    value: Term


@dataclass(frozen=True)
class Signal:
    """The backward signal ∂L/∂H, or the slice of it that belongs to a part of a concatenation."""

    part: tuple[int, ...] = ()


@dataclass(frozen=True)
class InputGradient:
    """∂L/∂x at the block's input: (∂H/∂x)ᵀ ∂L/∂H."""


@dataclass(frozen=True)
class Free:
    """Any matrix or column of its shape, tied to no term; the columns of a `unit` one are
    orthonormal: uᵀu = I.
    """

    name: str
    shape: tuple[sp.Expr, sp.Expr]
    unit: bool = False


Meaning = JacobianOf | DiagonalOf | Signal | InputGradient | Free


def compose(first: Term, then: Term) -> Term:
    """The term `then` after `first`, flattened, so that equal functions written by chaining are
    equal points.
    """
    flat = [
        part
        for term in (first, then)
        for part in (term.parts if isinstance(term, Chain) else (term,))
    ]
    flat = [part for part in flat if part != Identity()]
    return Identity() if not flat else flat[0] if len(flat) == 1 else Chain(*flat)


class Notation:
    """The symbols of one derivation: of the block `term`, in one reading.

    `inputs` is the dimension of x; `branch` are the layers whose Jacobians vanish when limits are
    taken (all of them, unless given). In the scalar reading every symbol is a real number; in the
    operator reading it is a matrix, and signals are columns.
    """

    def __init__(
        self,
        term: Term,
        dims: Dims,
        reading: Reading,
        labels: Mapping[Term, str] | None = None,
        inputs: Size = "n",
        branch: frozenset[Layer] | None = None,
    ) -> None:
        if reading not in READINGS:
            raise InputError(f"unknown reading {reading!r}: choose from {', '.join(READINGS)}")
        self.term, self.dims, self.reading = term, dims, reading
        found = leaves(term)  # refuses one name for two kinds of leaf
        self.branch = (
            frozenset(leaf for leaf in found if isinstance(leaf, Layer))
            if branch is None
            else branch
        )
        self.inputs = dimension(inputs)
        self.labels = {Identity(): "x", term: "H"} | dict(labels or {})
        self.meanings: dict[sp.Basic, Meaning] = {}
        self.latex_names: dict[sp.Basic, str] = {}
        self.text_names: dict[sp.Basic, str] = {}
        self._symbols: dict[Meaning, sp.Expr] = {}
        self._dimensions: dict[Term, sp.Expr] = {}
        self._numbers: dict[Term, int] = {}  # of values that have no other name
        self.derived: dict[str, Any] = {}
        """What rules have derived of the term, by title: several ask for the same."""

    def jacobian(self, term: Term, point: Term) -> sp.Expr:
        """The symbol of ∂term/∂input at `point`; an affine map's does not depend on the point."""
        meaning = JacobianOf(term, Identity() if isinstance(term, Linear) else point)
        name, latex = self._jacobian_names(meaning)
        inputs = self.dimension_of(point)
        return self._symbol(meaning, name, latex, (output_dim(term, inputs, self.dims), inputs))

    def diagonal(self, value: Term) -> sp.Expr:
        """The symbol of diag(y) for the value y of a term (in the scalar reading: y itself)."""
        text, latex = self.label(value)
        if self.reading == "operator":
            text, latex = f"diag({text})", rf"\operatorname{{diag}}({latex})"
        elif " " in text:
            text, latex = f"({text})", rf"\left({latex}\right)"
        return self._symbol(DiagonalOf(value), text, latex, (self.dimension_of(value),) * 2)

    def signal(self, part: tuple[int, ...] = ()) -> sp.Expr:
        """The symbol of the backward signal (column), whole or one slice."""
        term = self.term
        for index in part:
            term = parts_of(term)[index]
        if self.reading == "scalar":
            text, latex = "dL/dH", r"\frac{\partial L}{\partial H}"
        else:
            text = latex = "g"
        if part:
            name = (
                term.name
                if isinstance(term, Leaf)
                else "y"
                if term == Identity()
                else "".join(map(str, part))
            )
            bracketed = latex if self.reading == "operator" else rf"\left({latex}\right)"
            text, latex = f"{text}_{name}", f"{bracketed}_{{{name}}}"
        return self._symbol(
            Signal(part),
            text,
            latex,
            (output_dim(term, self.dimension_of(Identity()), self.dims), sp.Integer(1)),
        )

    def gradient(self) -> sp.Expr:
        """The symbol of ∂L/∂x (column)."""
        return self._symbol(
            InputGradient(),
            "dL/dx",
            r"\frac{\partial L}{\partial x}",
            (self.dimension_of(Identity()), sp.Integer(1)),
        )

    def free(
        self, name: str, rows: Size, columns: Size = 1, *, unit: bool = False, latex: str = ""
    ) -> sp.Expr:
        """The symbol of an arbitrary matrix or column. Raises InputError in the scalar reading, and
        for a unit matrix that may have more columns than rows.
        """
        shape = (dimension(rows), dimension(columns))
        if self.reading == "scalar" or (unit and not (shape[0] - shape[1]).is_nonnegative):
            raise InputError(
                f"{name!r} must be a matrix or column of the operator reading, and have no "
                "more columns than rows if it is unit"
            )
        return self._symbol(Free(name, shape, unit), name, latex or name, shape)

    def dimension_of(self, value: Term) -> sp.Expr:
        """The dimension of the value of a term of the block's input."""
        if value not in self._dimensions:
            self._dimensions[value] = self._dimension(value)
        return self._dimensions[value]

    def _dimension(self, value: Term) -> sp.Expr:
        """From that of the value before the last part of a chain: others ask for that, too."""
        if not isinstance(value, Chain) or len(value.parts) == 1:
            return output_dim(value, self.inputs, self.dims)
        *before, last = value.parts
        return output_dim(last, self.dimension_of(Chain(*before)), self.dims)

    def label(self, value: Term) -> tuple[str, str]:
        """Text and LaTeX for the value of a term: its label, or the formula."""
        if value in self.labels:
            return self.labels[value].replace("\\", ""), self.labels[value]
        if isinstance(value, Leaf):
            return f"{value.name}(x)", rf"{leaf_latex(value)}(x)"
        if isinstance(value, Chain) and isinstance(last := value.parts[-1], Leaf):
            before = value.parts[:-1]
            text, latex = self.label(before[0] if len(before) == 1 else Chain(*before))
            return f"{last.name}({text})", rf"{leaf_latex(last)}({latex})"
        number = self._numbers.setdefault(value, len(self._numbers) + 1)
        return f"v{number}", f"v_{{{number}}}"

    def vanishes(self, expr: sp.Expr) -> bool:
        """Whether a sum of products of symbols is 0 where the Jacobians of the branch are."""
        match expr:
            case sp.MatAdd() | sp.Add():
                return all(map(self.vanishes, expr.args))
            case sp.MatMul() | sp.Mul():
                return any(map(self.vanishes, expr.args))
            case sp.Transpose():
                return self.vanishes(expr.arg)
            case sp.BlockMatrix():
                return all(map(self.vanishes, expr.blocks))
        meaning = self.meanings.get(expr)
        return isinstance(meaning, JacobianOf) and meaning.term in self.branch

    def _jacobian_names(self, meaning: JacobianOf) -> tuple[str, str]:
        term, point = meaning.term, meaning.point
        if isinstance(term, Linear):
            return term.name, leaf_latex(term)
        if isinstance(term, Pointwise):
            return (
                (f"{term.name}'", rf"{leaf_latex(term)}'")
                if self.reading == "scalar"
                else (f"D_{term.name}", f"D_{{{leaf_latex(term)}}}")
            )
        if isinstance(term, Layer) and point == Identity():
            if self.reading == "scalar":
                return f"d{term.name}/dx", rf"\frac{{\partial {leaf_latex(term)}}}{{\partial x}}"
            return f"J_{term.name}", f"J_{{{term.name}}}"
        (top, top_latex), (bottom, bottom_latex) = (
            self.label(compose(point, term)),
            self.label(point),
        )
        return f"d{top}/d{bottom}", rf"\frac{{\partial {top_latex}}}{{\partial {bottom_latex}}}"

    def _symbol(
        self, meaning: Meaning, name: str, latex: str, shape: tuple[sp.Expr, sp.Expr]
    ) -> sp.Expr:
        if meaning not in self._symbols:
            # SymPy takes two symbols of one name and kind for one symbol.
            taken = {str(symbol) for symbol in self.meanings}
            while name in taken:
                name, latex = f"{name}~", rf"{latex}^{{\sim}}"
            symbol = (
                sp.Symbol(name, real=True)
                if self.reading == "scalar"
                else sp.MatrixSymbol(name, *shape)
            )
            self._symbols[meaning] = symbol
            self.meanings[symbol] = meaning
            self.latex_names[symbol] = latex
        return self._symbols[meaning]


_POINTWISE_LATEX = {"relu": r"\rho", "sigmoid": r"\sigma"}


def leaf_latex(leaf: Leaf) -> str:
    """The name of a leaf in LaTeX."""
    return _POINTWISE_LATEX.get(leaf.name, leaf.name)


def notation_of(block: Block, reading: Reading) -> Notation:
    """A fresh notation for a named block."""
    return Notation(
        block.term, block.dims, reading, block.labels, branch=frozenset(map(Layer, block.branch))
    )
