"""Checks every step of a derivation, each in two independent ways, and that it exists at all.

Equalities: expansion into noncommutative words, and explicit functions in exact rational
arithmetic. Inequalities: a certificate, and drawn matrices. Limits: continuity, and convergence.
Sums, binomial coefficients, traces and recurrences over depth have modules of their own. The rules
that produced a step are not imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp

from derivations.algebra.letters import LAYERS, Expectation
from derivations.algebra.quantities import NormRatio
from derivations.algebra.steps import Derivation, Step
from derivations.checker.binomials import check_binomials, has_binomials
from derivations.checker.branch_limits import check_branch_limit, is_branch_limit
from derivations.checker.certificates import (
    Prover,
    frozen,
    gram_equal,
    nonzero_columns,
    squares_of_lengths,
)
from derivations.checker.concrete_sums import check_written_out, has_written_out_sums
from derivations.checker.drawn_instance import Draw, drawn_instance
from derivations.checker.matrix_words import Expansion, equal
from derivations.checker.quantity_samples import holds_on_samples
from derivations.checker.recurrences import check_recurrence, has_recurrence, integrated
from derivations.checker.symbolic_sums import check_sums, has_sums
from derivations.checker.traces import check_traces, has_traces
from derivations.exact.chance import drawing
from derivations.exact.definedness import is_defined
from derivations.exact.series import exists_near_zero, tends_to
from derivations.exact.shapes_fit import fit, well_formed

SEEDS = (1, 2, drawing("world").getrandbits(32))
"""Two worlds whose sizes differ where they can, and one that is new in every process."""


@dataclass(frozen=True)
class Check:
    """One way of checking one step."""

    method: str
    ok: bool


@dataclass(frozen=True)
class CheckedStep:
    """A step with the outcome of its checks; `ok` asks for at least two, all passed."""

    step: Step
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return len(self.checks) >= 2 and all(check.ok for check in self.checks)


def check(derivation: Derivation) -> tuple[CheckedStep, ...]:
    """Checks all steps in order: an inequality may rest on those before it, if they passed."""
    checker = _Checker(derivation)
    return tuple(checker.check(step) for step in derivation.steps)


DEFINED = "defined on its whole domain"


class _Checker:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.expansion = Expansion(derivation.notation)
        self.instances = [drawn_instance(derivation.notation, Draw(seed)) for seed in SEEDS]
        self.prover = Prover(derivation)
        self.lengths = squares_of_lengths(derivation.quantities)
        self.nonzero = nonzero_columns(derivation, self.expansion)
        self.symbols = {quantity.symbol for quantity in derivation.quantities}

    def check(self, step: Step) -> CheckedStep:
        numbers = [
            side for side in (step.before, step.after) if not isinstance(side, sp.MatrixExpr)
        ]
        kinds = {type(node) for side in numbers for node in sp.preorder_traversal(side)}
        if is_branch_limit(step):
            methods = check_branch_limit(step, self.derivation)
        elif has_recurrence(step) or self._equates_plain_numbers(step, kinds):
            methods = check_recurrence(step)
        elif has_traces(kinds):
            methods = check_traces(step, self.expansion, self.instances)
        elif has_binomials(kinds):
            methods = check_binomials(step)
        elif has_written_out_sums(kinds, step, LAYERS):
            methods = check_written_out(step)
        elif has_sums(kinds, numbers):
            methods = check_sums(step)
        elif step.relation == "->":
            methods = {
                "continuity at 0": lambda: tends_to(step.before, step.after, step.vanishing),
                "convergence": lambda: _converges(step),
            }
        elif step.relation == "=":
            methods = self._equality(step)
        else:
            methods = {
                "certificate": lambda: self.prover.proves(step),
                "random matrices": lambda: holds_on_samples(step, self.derivation),
            }
        exists = _passes(lambda: self._exists(step, numbers))
        # What does not exist is not calculated with, and only then its existence is spoken of.
        outcomes = [Check(name, exists and _passes(test)) for name, test in methods.items()]
        checked = CheckedStep(step, (*outcomes, *([] if exists else [Check(DEFINED, False)])))
        if checked.ok and self.symbols and step.before.free_symbols & self.symbols:
            self.prover.learn(step)
        return checked

    def _equates_plain_numbers(self, step: Step, kinds: set[type]) -> bool:
        """Whether it equates numbers whose letters say no more than their signs."""
        known = self.symbols | self.derivation.notation.meanings.keys()
        letters = step.before.free_symbols | step.after.free_symbols
        return (
            step.relation == "="
            and not any(isinstance(side, sp.MatrixExpr) for side in (step.before, step.after))
            and bool(letters)
            and letters.isdisjoint(known)
            and {type(letter) for letter in letters} == {sp.Symbol}
            and kinds.isdisjoint((sp.Sum, sp.Trace, sp.binomial, Expectation, sp.Tuple))
            and not any(issubclass(kind, sp.MatrixExpr) for kind in kinds)
        )

    def _exists(self, step: Step, numbers: list[sp.Expr]) -> bool:
        """Whether both sides exist wherever the symbols of the step are, and are of one shape."""
        if len(numbers) < 2:
            return not numbers and fit(step.before, step.after)
        if any(isinstance(side, sp.Tuple) or side.has(sp.MatrixExpr) for side in numbers):
            return well_formed(*numbers) and all(map(_exists_around_matrices, numbers))
        factors = [
            sp.sympify(factor)
            for certificate in step.certificates
            for product in certificate.products
            for factor in product
        ]
        if not self._ratios_exist([*numbers, *factors]):
            return False
        if step.relation == "->" and step.before.has(step.vanishing):
            given = {*self.symbols, *self.derivation.notation.meanings}
            return step.vanishing not in given and exists_near_zero(
                step.before, step.after, step.vanishing
            )
        integrals = [node for each in numbers for node in each.atoms(sp.Integral)]
        # What integrals are divided by has a sign once they have their values.
        exprs = [*map(integrated, numbers), *factors] if integrals else [*numbers, *factors]
        known = self.prover.nonnegative | self.lengths
        return is_defined(integrals) and is_defined(exprs, known)

    def _ratios_exist(self, exprs: list[sp.Expr]) -> bool:
        """Whether no ratio that these speak of is one to a column that may be 0."""
        met = {symbol for expr in exprs for symbol in expr.free_symbols}
        return all(
            frozen(self.expansion.expand(quantity.definition.denominator)) in self.nonzero
            for quantity in self.derivation.quantities
            if quantity.symbol in met and isinstance(quantity.definition, NormRatio)
        )

    def _equality(self, step: Step) -> dict[str, Callable[[], bool]]:
        if step.before.free_symbols & self.symbols:
            return {
                "inner products": lambda: gram_equal(step, self.derivation),
                "random matrices": lambda: holds_on_samples(step, self.derivation),
            }
        expansion = (
            "polynomial zero test"
            if self.derivation.notation.reading == "scalar"
            else "noncommutative expansion"
        )
        return {
            expansion: lambda: equal(step.before, step.after, self.derivation.notation),
            "dual numbers through explicit functions": lambda: all(
                instance.equal(step.before, step.after) for instance in self.instances
            ),
        }


def _exists_around_matrices(side: sp.Expr) -> bool:
    """Whether a number exists that is made of traces; a tuple, if its entries do."""
    if isinstance(side, sp.Tuple):
        return is_defined(side)
    for kind in (Expectation, sp.Trace):
        side = side.xreplace({node: sp.Dummy(real=True) for node in side.atoms(kind)})
    return is_defined([side])


def _passes(test: Callable[[], bool]) -> bool:
    """A check that cannot be carried out has not passed."""
    try:
        return bool(test())
    except Exception:  # noqa: BLE001, whatever SymPy trips over is not proved
        return False


def _converges(step: Step) -> bool:
    """Whether the distance to the limit shrinks at least like √ε, the other quantities at fixed
    rational values.
    """
    others = sorted(
        (step.before.free_symbols | step.after.free_symbols) - {step.vanishing}, key=str
    )
    values = {symbol: sp.Rational(i + 1, len(others) + 3) for i, symbol in enumerate(others)}

    def gap(k: int) -> sp.Expr:
        at = values | {
            step.vanishing: sp.Rational(1, 2**k)
        }  # all at once: SymPy compares the parts of a maximum after every subs
        return sp.N(sp.Abs(step.before.xreplace(at) - step.after.xreplace(at)), 30)

    # From one to the next ε shrinks by 2¹⁶ and √ε by 2⁸; half of that is asked for.
    gaps = [gap(k) for k in (8, 24, 40, 56)]
    return all(closer <= gap / 2**7 for gap, closer in pairwise(gaps))
