"""Takes limits without the branch: what quantities and bounds tend to as its Jacobians do to 0.

All Jacobians of the branch are scaled by one factor, which goes to 0 from above; values of layers
stay. What no rule here settles is UNKNOWN, never guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import sympy as sp

from derivations.algebra.letters import VanishingBranch
from derivations.algebra.notation import Notation
from derivations.algebra.printing import latex, short_text, text
from derivations.algebra.quantities import (
    Cosine,
    Definition,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    operator_name,
    parts_of_definition,
)
from derivations.algebra.shared_parts import contains, matrix_letters, replaced
from derivations.algebra.steps import Step

UNKNOWN = sp.Symbol("unknown_limit")
"""The limit of what the rules do not settle: it is stated by no step."""


def branch_of(notation: Notation) -> list[sp.Expr]:
    """The Jacobians of the branch that a derivation speaks of."""
    return [symbol for symbol in notation.meanings if notation.vanishes(symbol)]


def vanishing_branch(notation: Notation) -> VanishingBranch:
    """The name under which limits are taken, after the Jacobians that vanish."""
    branch = branch_of(notation)
    symbol = VanishingBranch(", ".join(map(text, branch)), positive=True)
    notation.latex_names[symbol] = ", ".join(latex(each, notation) for each in branch)
    return symbol


def without_branch(
    expr: sp.Expr, notation: Notation, known: dict[sp.Basic, sp.Basic] | None = None
) -> sp.Expr:
    """A matrix expression with 0 in the place of every Jacobian of the branch; `known` as in
    `replaced`.
    """
    zeros = {symbol: sp.ZeroMatrix(*symbol.shape) for symbol in branch_of(notation)}
    return replaced(expr, zeros, known)


@dataclass
class Limits:
    """The limits of expressions in some quantities. `remaining` collects the quantities of what is
    left without the branch, `conditions` what must not be 0 for that.
    """

    notation: Notation
    quantities: tuple[Quantity, ...]
    remaining: dict[sp.Symbol, Quantity] = field(default_factory=dict)
    conditions: dict[sp.Symbol, str] = field(default_factory=dict)
    _known_degrees: dict[sp.Expr, set[int]] = field(default_factory=dict)
    _known_values: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    _known_parts: dict[sp.Basic, sp.Basic] = field(default_factory=dict)

    def of(self, expr: sp.Expr) -> sp.Expr:
        """What the expression tends to."""
        # In the order of the quantities: a set's own order is another in every process.
        symbols = expr.free_symbols
        met = [each for each in self.quantities if each.symbol in symbols]
        for each in met:
            if each.symbol not in self._known_values:
                self._known_values[each.symbol] = self._value(each)
        values = {each.symbol: self._known_values[each.symbol] for each in met}
        return UNKNOWN if UNKNOWN in values.values() else expr.xreplace(values)

    def steps(self, exprs: Iterable[sp.Expr]) -> tuple[Step, ...]:
        """One step per expression whose limit is known; none where there is no branch."""
        if not branch_of(self.notation):
            return ()
        branch = vanishing_branch(self.notation)
        found = [(expr, self.of(expr)) for expr in map(sp.sympify, exprs)]
        return tuple(
            Step("without the branch", expr, "->", limit, self.condition(limit), vanishing=branch)
            for expr, limit in found
            if limit != UNKNOWN
        )

    def condition(self, limit: sp.Expr) -> str:
        """What a limit asks for, "" where it asks for nothing."""
        asked = (self.conditions.get(symbol, "") for symbol in limit.free_symbols)
        return ", ".join(sorted(filter(None, asked)))

    def left_in(self, limit: sp.Expr) -> tuple[Quantity, ...]:
        """The quantities of what is left, as far as a limit holds them."""
        symbols = limit.free_symbols
        return tuple(q for q in self.remaining.values() if q.symbol in symbols)

    def _value(self, quantity: Quantity) -> sp.Expr:
        branch = set(branch_of(self.notation))
        parts = parts_of_definition(quantity.definition)
        if not any(matrix_letters(part) & branch for part in parts):
            return quantity.symbol
        definition = quantity.definition
        left = [without_branch(part, self.notation, self._known_parts) for part in parts]
        if isinstance(left[0], sp.BlockMatrix) and isinstance(
            definition, SigmaMax | SigmaMinAdjoint
        ):
            return self._of_stack(quantity, left[0])
        # SymPy rewrites products with stacks of zeros in ways that no checker reads.
        if any(contains(part, sp.BlockMatrix) for part in left):
            return UNKNOWN
        match definition:
            case NormRatio(_, base):
                if matrix_letters(base) & branch or _is_zero(left[1]):
                    return UNKNOWN
                return self._ratio(quantity, left)
            case Cosine():
                return self._cosine(quantity, parts, left)
            case SigmaMax() | SigmaMinAdjoint() | NumericalRange():
                return self._of_operator(quantity, left[0])
        return UNKNOWN

    def _ratio(self, quantity: Quantity, left: list[sp.Expr]) -> sp.Expr:
        if _is_zero(left[0]):
            return sp.S.Zero
        return sp.S.One if left[0] == left[1] else self._left(quantity, NormRatio(*left))

    def _cosine(
        self, quantity: Quantity, parts: tuple[sp.Expr, ...], left: list[sp.Expr]
    ) -> sp.Expr:
        # An angle does not feel the size of its sides: it stays where each side is scaled whole.
        if all(len(self._degrees(part)) == 1 for part in parts):
            return quantity.symbol
        if any(map(_is_zero, left)):
            return UNKNOWN
        symbol = self._left(quantity, Cosine(*left))
        nonzero = short_text(left[1]).replace("*", " ")
        self.conditions[symbol] = f"in the limit {nonzero} ≠ 0"
        return symbol

    def _of_stack(self, quantity: Quantity, left: sp.BlockMatrix) -> sp.Expr:
        """A stack that has lost rows: its adjoint has a kernel, and one block that is left has the
        largest singular value of the stack.
        """
        full = [block for block in left.blocks if not _is_zero(block)]
        if not full:
            return sp.S.Zero
        if len(full) == len(left.blocks) or any(block.has(sp.BlockMatrix) for block in full):
            return UNKNOWN
        if isinstance(quantity.definition, SigmaMinAdjoint):
            return sp.S.Zero
        return self._of_operator(quantity, full[0]) if len(full) == 1 else UNKNOWN

    def _of_operator(self, quantity: Quantity, left: sp.Expr) -> sp.Expr:
        definition = quantity.definition
        if _is_zero(left):
            return sp.S.Zero
        if isinstance(left, sp.Identity):
            return sp.S.One
        return self._left(quantity, replace(definition, operator=left))

    def _left(self, quantity: Quantity, definition: Definition) -> sp.Symbol:
        """The symbol of a quantity without the branch: an old one where it is defined alike."""
        for known in (*self.quantities, *self.remaining.values()):
            if known.definition == definition:
                return known.symbol
        assumptions = {"nonnegative": True} if quantity.symbol.is_nonnegative else {"real": True}
        if isinstance(definition, (SigmaMax, SigmaMinAdjoint)):
            name, shown = (
                operator_name(definition, text),
                operator_name(definition, lambda expr: latex(expr, self.notation), tex=True),
            )
        else:
            name = f"{quantity.symbol}_0"
            shown = latex(quantity.symbol, self.notation)
            # TeX takes no second index.
            shown = f"{shown[:-1]},0}}" if shown.endswith("}") else rf"{shown}_{{0}}"
        symbol = sp.Symbol(name, **assumptions)
        self.notation.latex_names[symbol] = shown
        self.remaining[symbol] = Quantity(symbol, definition)
        return symbol

    def _degrees(self, expr: sp.Expr) -> set[int]:
        """How many Jacobians of the branch the products of an expression have."""
        if expr not in self._known_degrees:
            self._known_degrees[expr] = self._counted(expr)
        return self._known_degrees[expr]

    def _counted(self, expr: sp.Expr) -> set[int]:
        match expr:
            case sp.MatAdd():
                return set().union(*map(self._degrees, expr.args))
            case sp.MatMul():
                total = {0}
                for factor in expr.args:
                    total = {a + b for a in total for b in self._degrees(factor)}
                return total
            case sp.Transpose():
                return self._degrees(expr.arg)
            case sp.BlockMatrix():
                return set().union(*map(self._degrees, expr.blocks))
        return {int(self.notation.vanishes(expr))}


def _is_zero(expr: sp.Expr) -> bool:
    return isinstance(expr, sp.ZeroMatrix)
