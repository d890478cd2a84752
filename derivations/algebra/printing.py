"""Prints expressions of a derivation as LaTeX and as text, with the names of its notation."""

import re
from collections.abc import Mapping
from functools import lru_cache

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from derivations.algebra.letters import VanishingBranch
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    LATEX,
    TEXT,
    Cosine,
    Frobenius,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.shared_parts import written_length
from derivations.algebra.steps import Step

Names = frozenset[tuple[sp.Basic, str]]
"""Of letters, in LaTeX."""

_RELATIONS = {"=": "=", ">=": r"\ge", "<=": r"\le", "->": r"\to"}
_SHORT, _SHOWN = 120, 2
_TEXT_RELATIONS = {"=": "=", ">=": "≥", "<=": "≤", "->": "→"}


def _signed(terms: list[str]) -> str:
    """Terms joined by + or by their own minus."""
    return terms[0] + "".join(
        f" - {term[1:].lstrip()}" if term.startswith("-") else f" + {term}" for term in terms[1:]
    )


class _MatrixPrinter:
    """Prints sums and products of matrices. SymPy's own rules negate every product to find its
    sign, which takes longest of all.
    """

    opening, closing, times = "(", ")", "*"

    def _print_MatMul(self, expr: sp.MatMul) -> str:
        coefficient, factors = expr.as_coeff_matrices()
        head = {1: "", -1: "-"}.get(coefficient)
        if head is None:
            head = f"{self._print(coefficient)}{self.times}"  # type: ignore[attr-defined]
        return head + self.times.join(self._bracketed(factor) for factor in factors)

    def _print_MatAdd(self, expr: sp.MatAdd) -> str:
        return _signed([self._print(term) for term in expr.args])  # type: ignore[attr-defined]

    def _bracketed(self, expr: sp.Expr) -> str:
        text = self._print(expr)  # type: ignore[attr-defined]
        return f"{self.opening}{text}{self.closing}" if isinstance(expr, sp.MatAdd) else str(text)


class _TextPrinter(_MatrixPrinter, StrPrinter):
    """SymPy's printer, with ᵀ for transposition, and the names of a notation if there is one."""

    def __init__(self, names: Names, order: str | None = None) -> None:
        super().__init__({"order": order})
        self.names = TEXT | dict(names)

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return self.names[expr] if expr in self.names else str(super()._print_Symbol(expr))

    def _print_Transpose(self, expr: sp.Transpose) -> str:
        inner = self._print(expr.arg)
        return (
            f"{inner}ᵀ"
            if isinstance(expr.arg, (sp.MatrixSymbol, sp.BlockMatrix))
            else f"({inner})ᵀ"
        )

    def _print_BlockMatrix(self, expr: sp.BlockMatrix) -> str:
        return "[" + "; ".join(self._print(row) for row in expr.blocks) + "]"


class _Printer(_MatrixPrinter, LatexPrinter):
    """SymPy's printer, with the names of a notation and ᵀ for transposition."""

    opening, closing, times = r"\left(", r"\right)", " "

    def __init__(self, names: Names, order: str | None = None) -> None:
        super().__init__({"mat_delim": "[", "order": order})
        self.given, self.names = names, LATEX | dict(names)

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:
        return self.names[expr] if expr in self.names else super()._print_Symbol(expr, style)

    def _print_MatrixSymbol(self, expr: sp.MatrixSymbol) -> str:
        return self.names[expr] if expr in self.names else super()._print_MatrixSymbol(expr)

    def _print_Transpose(self, expr: sp.Transpose) -> str:
        inner = self._print(expr.arg)
        return (
            rf"{inner}^{{\top}}"
            if isinstance(expr.arg, (sp.MatrixSymbol, sp.BlockMatrix))
            else rf"\left({inner}\right)^{{\top}}"
        )

    def _print_Identity(self, expr: sp.Identity) -> str:
        return "I"

    def _print_Integral(self, expr: sp.Integral) -> str:
        return _integral(expr, self.given)


@lru_cache(maxsize=256)
def _integral(expr: sp.Integral, names: Names) -> str:
    # SymPy simplifies the exponents of what it finds there, each time.
    return str(LatexPrinter._print_Integral(_Printer(names, _order(expr)), expr))


def latex(expr: sp.Basic, notation: Notation) -> str:
    """An expression as LaTeX."""
    return _latex(expr, _names(expr, notation.latex_names))


@lru_cache(maxsize=4096)
def _latex(expr: sp.Basic, names: Names) -> str:
    return str(_Printer(names, _order(expr)).doprint(expr))


def _order(expr: sp.Basic) -> str | None:
    """How the terms are ordered; SymPy would evaluate integrals numerically to sort them."""
    return "none" if expr.has(sp.Integral) else None


def short_text(expr: sp.Expr) -> str:
    """An expression as text, "…" for what is deep inside a long one: a pullback through N sums has
    2^N addends.
    """
    return text(_shortened(expr, {}, 3))


def _shortened(expr: sp.Basic, known: dict[sp.Basic, int], depth: int) -> sp.Basic:
    if written_length(expr, known) <= _SHORT:
        return expr
    if not depth:
        return sp.MatrixSymbol("…", *expr.shape)
    parts = list(expr.args)
    if isinstance(expr, sp.MatAdd) and len(parts) > 2 * _SHOWN:
        parts[_SHOWN:-_SHOWN] = [sp.MatrixSymbol("…", *expr.shape)]
    return expr.func(*(_shortened(part, known, depth - 1) for part in parts))


def step_latex(step: Step, notation: Notation) -> str:
    """A step as one LaTeX relation."""
    before, after = latex(step.before, notation), latex(step.after, notation)
    if isinstance(step.vanishing, VanishingBranch):
        body = rf"\left({before}\right)" if isinstance(step.before, sp.Add | sp.MatAdd) else before
        return rf"\lim_{{{latex(step.vanishing, notation)} \to 0}} {body} = {after}"
    if step.vanishing is not None:
        body = rf"\left({before}\right)" if isinstance(step.before, sp.Add) else before
        return rf"\lim_{{{latex(step.vanishing, notation)} \to 0^+}} {body} = {after}"
    return f"{before} {_RELATIONS[step.relation]} {after}"


def step_text(step: Step, notation: Notation | None = None) -> str:
    """A step as one line of plain text."""
    suffix = f" as {step.vanishing} → 0" if step.vanishing is not None else ""
    before, after = text(step.before, notation), text(step.after, notation)
    return f"{before} {_TEXT_RELATIONS[step.relation]} {after}{suffix}"


def definition_latex(quantity: Quantity, notation: Notation) -> str:
    """What the symbol of a quantity stands for."""
    symbol = latex(quantity.symbol, notation)

    def show(expr: sp.Basic) -> str:
        return latex(expr, notation)

    match quantity.definition:
        case NormRatio(numerator, denominator):
            value = rf"\lVert {show(numerator)} \rVert / \lVert {show(denominator)} \rVert"
        case Cosine(first, second):
            value = rf"\cos\angle\left({show(first)},\; {show(second)}\right)"
        case SigmaMax(operator):
            value = rf"\sigma_{{\max}}\left({show(operator)}\right)"
        case SigmaMinAdjoint(operator):
            shown = show(operator)
            whole = shown if isinstance(operator, sp.MatrixSymbol) else rf"\left({shown}\right)"
            value = rf"\sigma_{{\min}}\left({whole}^{{\top}}\right)"
        case NumericalRange(operator, end):
            bound = r"\lambda_{\min}" if end < 0 else r"\lambda_{\max}"
            value = (
                rf"{bound}\left(\tfrac12\left(Y + Y^{{\top}}\right)\right),\; Y = {show(operator)}"
            )
        case Frobenius(operator):
            value = rf"\left\lVert {show(operator)} \right\rVert_F"
    return f"{symbol} = {value}"


def text(expr: sp.Basic, notation: Notation | None = None) -> str:
    """An expression as plain text, in the names of a notation if there is one."""
    return _text(expr, _names(expr, notation.text_names if notation else {}))


@lru_cache(maxsize=4096)
def _text(expr: sp.Basic, names: Names) -> str:
    return str(_TextPrinter(names, _order(expr)).doprint(expr)).replace("**", "^")


def _names(expr: sp.Basic, given: Mapping[sp.Basic, str]) -> Names:
    """Those that occur, so that what is remembered is not that of other names."""
    letters = expr.atoms(sp.Symbol, sp.MatrixSymbol) & given.keys()
    return frozenset((each, given[each]) for each in letters)


_GREEK = {"chi": "χ", "kappa": "κ", "rho": "ρ", "omega": "ω", "sigma": "σ", "alpha": "α"}


def in_prose(expr: sp.Basic) -> str:
    """An expression within a sentence: powers with ^, products with ·, Greek letters as such."""
    words = re.sub(r"\b[a-z]+\b", lambda found: _GREEK.get(found[0], found[0]), text(expr))
    return re.sub(r"\^\((-?\w+)\)", r"^\1", words.replace("*", "·"))
