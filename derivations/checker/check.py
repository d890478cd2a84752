"""Checks every step of a derivation, each in two independent ways.

Equalities: expansion into noncommutative words, and explicit functions in exact rational
arithmetic. Inequalities: a certificate, and drawn matrices. Limits: continuity, and convergence.
Sums, binomial coefficients, traces and recurrences over depth have modules of their own. The rules
that produced a step are not imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp
from sympy.matrices.exceptions import ShapeError
from sympy.polys.matrices.exceptions import DMShapeError

from derivations.algebra.letters import LAYERS
from derivations.algebra.steps import Derivation, Step
from derivations.checker.binomials import check_binomials, has_binomials
from derivations.checker.branch_limits import check_branch_limit, is_branch_limit
from derivations.checker.certificates import Prover, gram_equal
from derivations.checker.concrete_sums import check_written_out, has_written_out_sums
from derivations.checker.drawn_instance import Draw, drawn_instance
from derivations.checker.matrix_words import Expansion
from derivations.checker.quantity_samples import holds_on_samples
from derivations.checker.recurrences import check_recurrence, has_recurrence
from derivations.checker.symbolic_sums import check_sums, has_sums
from derivations.checker.traces import check_traces, has_traces
from derivations.errors import GradboundError

SEEDS = (1, 2)


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


class _Checker:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.expansion = Expansion(derivation.notation)
        self.instances = [drawn_instance(derivation.notation, Draw(seed)) for seed in SEEDS]
        self.prover = Prover(derivation)
        self.symbols = {quantity.symbol for quantity in derivation.quantities}

    def check(self, step: Step) -> CheckedStep:
        numbers = [
            side for side in (step.before, step.after) if not isinstance(side, sp.MatrixExpr)
        ]
        kinds = {type(node) for side in numbers for node in sp.preorder_traversal(side)}
        if is_branch_limit(step):
            methods = check_branch_limit(step, self.derivation)
        elif has_recurrence(step):
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
                "continuity at 0": lambda: _continuous(step),
                "convergence": lambda: _converges(step),
            }
        elif step.relation == "=":
            methods = self._equality(step)
        else:
            methods = {
                "certificate": lambda: self.prover.proves(step),
                "random matrices": lambda: holds_on_samples(step, self.derivation),
            }
        checked = CheckedStep(
            step, tuple(Check(name, _passes(test)) for name, test in methods.items())
        )
        if checked.ok and self.symbols and step.before.free_symbols & self.symbols:
            self.prover.learn(step)
        return checked

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
            expansion: lambda: self.expansion.equal(step.before, step.after),
            "dual numbers through explicit functions": lambda: all(
                instance.equal(step.before, step.after) for instance in self.instances
            ),
        }


def _passes(test: Callable[[], bool]) -> bool:
    """A check that cannot be carried out has not passed."""
    try:
        return bool(test())
    except (
        GradboundError,
        ShapeError,
        DMShapeError,
        ValueError,
        TypeError,
        KeyError,
        NotImplementedError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ):
        return False


def _continuous(step: Step) -> bool:
    """The value at 0 of an expression that is continuous there is its limit."""
    continuous = (sp.Add, sp.Mul, sp.Max, sp.Min, sp.Abs, sp.Symbol, sp.Number)
    nodes = sp.preorder_traversal(step.before)
    whitelisted = all(
        isinstance(node, continuous)
        or (isinstance(node, sp.Pow) and node.exp.is_Rational and node.exp > 0)
        for node in nodes
    )
    return whitelisted and sp.simplify(step.before.subs(step.vanishing, 0) - step.after) == 0


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
