"""Bounds ‖Aᵀu‖/‖u‖ for any A made of Jacobians of leaves, from the norms of its factors.

One rule per node of the expression: a product of factors multiplies their ends, a sum adds upper
ends and keeps what one addend exceeds the others by, a block column adds squares. Every rule
records the steps that prove it.
"""

from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations

import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.algebra.notation import DiagonalOf, JacobianOf, Notation
from derivations.algebra.printing import latex, text
from derivations.algebra.quantities import (
    Definition,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
    operator_name,
    scaled,
)
from derivations.algebra.steps import Certificate, Step
from derivations.algebra.terms import SLOPES, Pointwise
from derivations.errors import UnknownNodeError


@dataclass(frozen=True)
class Ends:
    """low·‖u‖ ≤ ‖image‖ ≤ high·‖u‖ for the column u that was pulled back to `image`."""

    image: sp.Expr
    low: sp.Expr
    high: sp.Expr


@dataclass
class NormCalculus:
    """Pulls columns back through expressions; norms are relative to ‖base‖. `name` gives a quantity
    its symbol and LaTeX.
    """

    notation: Notation
    base: sp.Expr
    quantities: list[Quantity] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    _stated: set[Step] = field(default_factory=set)
    _symbols: dict[Definition, sp.Symbol] = field(default_factory=dict)
    _ratios: int = 0

    def ratio(self, column: sp.Expr) -> sp.Expr:
        """The symbol of ‖column‖/‖base‖."""
        size, column = scaled(column)
        if column == self.base:
            return size
        count = self._ratios
        return size * self._symbol(NormRatio(column, self.base), f"r_{count}", f"r_{{{count}}}")

    def pull(self, expr: sp.Expr, u: sp.Expr) -> Ends:
        """The image exprᵀu and the ends of its norm; raises UnknownNodeError for an expression it
        cannot read.
        """
        if isinstance(expr, sp.Identity):
            return Ends(u, sp.Integer(1), sp.Integer(1))
        if expr in self.notation.meanings or _is_diagonal(expr, self.notation):
            return self._factor(expr, u)
        match expr:
            case sp.MatMul() | sp.MatPow():
                return self._product(expr, u)
            case sp.MatAdd():
                return self._sum([self.pull(addend, u) for addend in expr.args], u)
            case sp.BlockMatrix() if expr.blockshape[1] == 1:
                return self._column(expr, u)
        raise UnknownNodeError(
            f"no norm rule for {type(expr).__name__}: teach derivations/rules/norm_calculus.py"
        )

    def _factor(self, expr: sp.Expr, u: sp.Expr) -> Ends:
        """An operator that is not looked into has its singular values; a named activation the ends
        of its slopes.
        """
        image = adjoint_image(expr, u)
        match self.notation.meanings.get(expr):
            case JacobianOf(Pointwise(name), _) if name in SLOPES:
                low, high = map(sp.Rational, SLOPES[name])
                largest = self._end(SigmaMax(expr))
                proof = (
                    (high - largest, self.ratio(u)),
                    (largest * self.ratio(u) - self.ratio(image),),
                )
                self._at_most(
                    "slopes of the activation", self.ratio(image), high * self.ratio(u), proof
                )
                return Ends(image, low, high)
        largest, least = self._end(SigmaMax(expr)), self._end(SigmaMinAdjoint(expr))
        before, after = self.ratio(u), self.ratio(image)
        self._at_most(
            "largest singular value", after, largest * before, ((largest * before - after,),)
        )
        self._at_least("least singular value", after, least * before, ((after - least * before,),))
        return Ends(image, least, largest)

    def _product(self, expr: sp.MatMul | sp.MatPow, u: sp.Expr) -> Ends:
        coefficient, factors = _written_out(expr)
        size, stages, v = abs(coefficient), [], u
        for factor, whole in _grouped(factors, self.notation):
            stages.append((v, self._factor(factor, v) if whole else self.pull(factor, v)))
            v = stages[-1][1].image
        image = v if coefficient == 1 else sp.MatMul(coefficient, v)
        low, high = (
            sp.Mul(*(getattr(ends, side) for _, ends in stages)) for side in ("low", "high")
        )
        if len(stages) > 1:
            self._at_most(
                "product of norms",
                self.ratio(v),
                high * self.ratio(u),
                self._telescoped(stages, "high", 1),
            )
            if low != 0:
                self._at_least(
                    "product of norms",
                    self.ratio(v),
                    low * self.ratio(u),
                    self._telescoped(stages, "low", -1),
                )
        if size != 1:
            self._at_most(
                "multiple",
                self.ratio(image),
                size * high * self.ratio(u),
                ((size, high * self.ratio(u) - self.ratio(v)),),
            )
            if low != 0:
                self._at_least(
                    "multiple",
                    self.ratio(image),
                    size * low * self.ratio(u),
                    ((size, self.ratio(v) - low * self.ratio(u)),),
                )
        return Ends(image, size * low, size * high)

    def _telescoped(
        self, stages: list[tuple[sp.Expr, Ends]], side: str, sign: int
    ) -> tuple[tuple[sp.Expr, ...], ...]:
        """Π kᵢ·r₀ − rₙ = Σ (k of the later stages)·(kᵢ rᵢ − rᵢ₊₁)."""
        products = []
        for i, (source, ends) in enumerate(stages):
            later = tuple(getattr(other, side) for _, other in stages[i + 1 :])
            products.append(
                (*later, sign * (getattr(ends, side) * self.ratio(source) - self.ratio(ends.image)))
            )
        return tuple(products)

    def _sum(self, parts: list[Ends], u: sp.Expr) -> Ends:
        image = sp.MatAdd(*(part.image for part in parts))
        total, r = self.ratio(image), self.ratio(u)
        sizes = [self.ratio(part.image) for part in parts]
        within = [
            (part.high * r - size,)
            for part, size in zip(parts, sizes, strict=True)
            if part.high * r != size
        ]
        high = sp.Add(*(part.high for part in parts))
        self._at_most("triangle inequality", total, high * r, ((sp.Add(*sizes) - total,), *within))
        lows = []
        for part, size in zip(parts, sizes, strict=True):
            if part.low == 0:
                continue
            low = part.low - sp.Add(*(other.high for other in parts if other is not part))
            others = [
                (other.high * r - s,)
                for other, s in zip(parts, sizes, strict=True)
                if other is not part and other.high * r != s
            ]
            own = [(size - part.low * r,)] if size != part.low * r else []
            self._at_least(
                "triangle inequality",
                total,
                low * r,
                ((total - 2 * size + sp.Add(*sizes),), *own, *others),
            )
            lows.append(low)
        # Unevaluated: SymPy would compare the parts with one another, which takes longest of all.
        low = sp.Max(*lows, 0, evaluate=False) if lows else sp.Integer(0)
        if lows:
            self.steps.append(Step("largest lower bound", total, ">=", low * r))
        return Ends(image, low, high)

    def _column(self, expr: sp.BlockMatrix, u: sp.Expr) -> Ends:
        """‖Σ Aᵢᵀuᵢ‖ ≤ Σ hᵢ‖uᵢ‖ ≤ √(Σ hᵢ²)·‖u‖ (Lagrange's identity); a block column may have a
        kernel, so the low end is 0.
        """
        slices = (
            list(u.blocks)
            if isinstance(u, sp.BlockMatrix)
            else _slices(u, [block.shape[0] for block in expr.blocks])
        )
        parts = [self.pull(block, piece) for block, piece in zip(expr.blocks, slices, strict=True)]
        r, sizes = self.ratio(u), [self.ratio(piece) for piece in slices]
        self.steps.append(
            Step(
                "slices of the signal",
                sizes[0] ** 2,
                "=",
                r**2 - sp.Add(*(size**2 for size in sizes[1:])),
            )
        )
        image = sp.MatAdd(*(part.image for part in parts))
        total, reached = self.ratio(image), [self.ratio(part.image) for part in parts]
        weighted = sp.Add(*(part.high * size for part, size in zip(parts, sizes, strict=True)))
        within = [
            (part.high * size - own,)
            for part, size, own in zip(parts, sizes, reached, strict=True)
            if part.high * size != own
        ]
        self._at_most(
            "triangle inequality", total, weighted, ((sp.Add(*reached) - total,), *within)
        )
        high = sp.sqrt(sp.Add(*(part.high**2 for part in parts)))
        pairs = combinations(zip(parts, sizes, strict=True), 2)
        crosses = tuple((a.high * q - b.high * p,) * 2 for (a, p), (b, q) in pairs)
        self._at_least(
            # A root is compared by squares only once its radicand is known to be ≥ 0.
            "sum of squares",
            high**2,
            sp.S.Zero,
            tuple((part.high,) * 2 for part in parts),
        )
        self.steps.append(
            Step(
                "Lagrange's identity",
                weighted,
                "<=",
                high * r,
                certificates=(Certificate(crosses, 2),),
            )
        )
        self._at_most(
            "Cauchy–Schwarz", total, high * r, ((weighted - total,), (high * r - weighted,))
        )
        return Ends(image, sp.Integer(0), high)

    def _at_most(
        self, rule: str, before: sp.Expr, after: sp.Expr, products: tuple[tuple[sp.Expr, ...], ...]
    ) -> None:
        self._state(Step(rule, before, "<=", after, certificates=(Certificate(products),)))

    def _at_least(
        self, rule: str, before: sp.Expr, after: sp.Expr, products: tuple[tuple[sp.Expr, ...], ...]
    ) -> None:
        self._state(Step(rule, before, ">=", after, certificates=(Certificate(products),)))

    def _state(self, step: Step) -> None:
        if step not in self._stated:
            self._stated.add(step)
            self.steps.append(step)

    def _symbol(
        self, definition: NormRatio | SigmaMax | SigmaMinAdjoint, name: str, latex: str
    ) -> sp.Symbol:
        if definition in self._symbols:
            return self._symbols[definition]
        symbol = self._symbols[definition] = sp.Symbol(name, nonnegative=True)
        self._ratios += isinstance(definition, NormRatio)
        self.quantities.append(Quantity(symbol, definition))
        self.notation.latex_names[symbol] = latex
        return symbol

    def _end(self, definition: SigmaMax | SigmaMinAdjoint) -> sp.Symbol:
        shown = operator_name(definition, lambda expr: latex(expr, self.notation), tex=True)
        return self._symbol(definition, operator_name(definition, text), shown)


def _written_out(expr: sp.MatMul | sp.MatPow) -> tuple[sp.Expr, list[sp.Expr]]:
    """The coefficient and the factors of a product, powers written out."""
    coefficient, factors = (
        expr.as_coeff_matrices() if isinstance(expr, sp.MatMul) else (sp.Integer(1), [expr])
    )
    powers = [
        [f.base] * int(f.exp)
        if isinstance(f, sp.MatPow) and f.exp.is_Integer and f.exp > 0
        else [f]
        for f in factors
    ]
    return coefficient, [factor for power in powers for factor in power]


def _grouped(factors: list[sp.Expr], notation: Notation) -> list[tuple[sp.Expr, bool]]:
    """The factors, and whether each is a product that is taken as one operator: a diagonal of
    values with what follows up to slopes.

    The columns of diag(u) B D have disjoint supports where B broadcasts: its norm is max_c ‖u_c‖
    d_c, far below the product of norms.
    """
    meanings = [notation.meanings.get(factor) for factor in factors]
    slopes = [
        i
        for i, meaning in enumerate(meanings)
        if isinstance(meaning, JacobianOf) and isinstance(meaning.term, Pointwise)
    ]
    if isinstance(meanings[0], DiagonalOf) and slopes and slopes[0] + 1 < len(factors):
        head = sp.MatMul(*factors[: slopes[0] + 1])
        return [(head, True), *((factor, False) for factor in factors[slopes[0] + 1 :])]
    return [(factor, False) for factor in factors]


def _is_diagonal(expr: sp.Expr, notation: Notation) -> bool:
    """Whether an expression is a signed sum of diagonals of values: one diagonal matrix."""
    return isinstance(expr, sp.MatAdd) and all(
        isinstance(notation.meanings.get(scaled(part)[1]), DiagonalOf) for part in expr.args
    )


def _slices(u: sp.Expr, sizes: list[sp.Expr]) -> list[sp.Expr]:
    starts = reduce(lambda ends, size: [*ends, ends[-1] + size], sizes, [sp.Integer(0)])
    return [
        MatrixSlice(u, (start, start + size), (0, 1))
        for start, size in zip(starts, sizes, strict=False)
    ]
