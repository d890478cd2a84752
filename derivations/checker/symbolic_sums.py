"""Checks steps whose sums and products run to a symbolic number of layers l.

Two ways: normal forms or induction over l for every l at once, and the expansion of both sides,
term by term, for l = 1…12. Outer indices are expanded here: SymPy's nested `Sum.doit()` reverses
the sign of sums with reversed limits.
"""

from collections.abc import Callable, Sequence, Set
from functools import lru_cache

import sympy as sp
from sympy.polys.rings import sring

from derivations.algebra.letters import LAYERS
from derivations.algebra.steps import Step
from derivations.checker.induction import holds_by_induction
from derivations.errors import InputError
from derivations.exact.normal_forms import equal, vanishes
from derivations.exact.series import tends_to
from derivations.exact.signs import signs_of

EXPANDED = range(1, 13)


def has_sums(kinds: Set[type], sides: Sequence[sp.Expr]) -> bool:
    """Whether sides that are no matrices, with nodes of these types, speak of a symbolic number of
    layers.
    """
    return not kinds.isdisjoint((sp.Sum, sp.Product)) or any(
        side.has(LAYERS) and not side.has(sp.MatrixExpr) for side in sides
    )


def check_sums(step: Step) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name. Raises InputError for a sum that may run backwards,
    which SymPy negates.
    """
    factors = [
        sp.sympify(factor)
        for certificate in step.certificates
        for product in certificate.products
        for factor in product
    ]
    for node in {
        node
        for expr in (step.before, step.after, *factors)
        for node in expr.atoms(sp.Sum, sp.Product)
    }:
        if not _runs_forwards(node.limits):
            raise InputError(
                f"{node} may run backwards: its limits must satisfy low ≤ high + 1 for every l ≥ 1"
            )
    if step.relation == "->":
        return {
            "limit of sums": lambda: tends_to(step.before, step.after, step.vanishing),
            "convergence for l = 1…12": lambda: _converges(step),
        }
    if step.relation == "=":
        return {
            "induction, or algebra of sums": lambda: (
                equal(step.before, step.after)
                or holds_by_induction(step.before, step.after, LAYERS)
            ),
            "expansion for l = 1…12": lambda: all(
                _expanded_difference(step, n) == 0 for n in EXPANDED
            ),
        }
    return {
        "certificate": lambda: _certified(step),
        "expansion for l = 1…12": lambda: all(_sum_of_squares(step, n) for n in EXPANDED),
    }


@lru_cache(maxsize=256)
def expand_sums(expr: sp.Expr, layers: int) -> sp.Expr:
    """The expression for a concrete number of layers, every sum written out, outermost first."""
    return write_out(expr.xreplace({LAYERS: sp.Integer(layers)}))


def write_out(expr: sp.Basic) -> sp.Basic:
    """The expression with its sums and products, which run between numbers, written out."""
    if isinstance(expr, (sp.Sum, sp.Product)):
        function, *limits = expr.args
        variable, low, high = limits[-1]
        inner = expr.func(function, *limits[:-1]) if limits[:-1] else function
        bound = any(variable in run.bound_symbols for run in inner.atoms(sp.Sum, sp.Product))
        # `subs` leaves the indices of inner sums alone; `xreplace` is faster and does not.
        values = [sp.Integer(value) for value in range(int(low), int(high) + 1)]
        terms = [
            write_out(inner.subs(variable, value) if bound else inner.xreplace({variable: value}))
            for value in values
        ]
        return sp.Add(*terms) if isinstance(expr, sp.Sum) else sp.Mul(*terms)
    return expr.func(*map(write_out, expr.args)) if expr.has(sp.Sum, sp.Product) else expr


def _runs_forwards(limits: tuple[sp.Tuple, ...]) -> bool:
    """Whether every sum has a length ≥ 0, at both ends of the sums around it. A bare inner sum
    takes l as its outer end.
    """
    for k, (_, low, high) in enumerate(limits):
        lengths = [high - low + 1]
        for variable, first, last in limits[k + 1 :]:
            lengths = [length.subs(variable, end) for length in lengths for end in (first, last)]
        free = [symbol for length in lengths for symbol in length.free_symbols - {LAYERS}]
        lengths = [length.subs(dict.fromkeys(free, LAYERS - 1)) for length in lengths]
        if not all(sp.expand(length).is_nonnegative for length in lengths):
            return False
    return True


def _sides(step: Step) -> tuple[sp.Expr, sp.Expr]:
    return (step.before, step.after) if step.relation == ">=" else (step.after, step.before)


def _certified(step: Step) -> bool:
    """larger^p − smaller^p = Σ Π factors for every l, each factor ≥ 0."""
    (certificate,) = step.certificates
    larger, smaller = _sides(step)
    factors = [sp.sympify(factor) for product in certificate.products for factor in product]
    signs = signs_of([larger, smaller, *factors])
    if certificate.power not in (1, 2) or certificate.assuming is not None:
        return False
    if certificate.power == 2 and not signs.nonnegative(larger):
        return False
    stated = sp.Add(*(sp.Mul(*factors) for factors in certificate.products))
    difference = larger**certificate.power - smaller**certificate.power - stated
    return all(map(signs.nonnegative, factors)) and (
        vanishes(difference, signs) or holds_by_induction(difference, sp.S.Zero, LAYERS)
    )


def _expanded_difference(step: Step, layers: int) -> sp.Expr:
    return sp.expand(expand_sums(step.before, layers) - expand_sums(step.after, layers))


def _sum_of_squares(step: Step, layers: int) -> bool:
    """Whether the difference of the sides, or of their squares where there are roots and the larger
    side is ≥ 0, has, written out, only even powers with coefficients ≥ 0.
    """
    larger, smaller = (expand_sums(side, layers) for side in _sides(step))
    power = (
        2
        if any(
            isinstance(node, sp.Pow) and not node.exp.is_Integer
            for node in sp.preorder_traversal(larger - smaller)
        )
        else 1
    )
    if power == 2 and not signs_of([larger]).nonnegative(larger):
        return False
    difference = sp.expand(larger**power - smaller**power)
    if difference.is_Rational:
        return bool(difference >= 0)
    symbols = sorted(difference.free_symbols | difference.atoms(sp.Indexed), key=str)
    # Sparse: a dense polynomial in as many letters takes longer than all that is done with it.
    ring, polynomial = sring(difference, *(s for s in symbols if not isinstance(s, sp.IndexedBase)))
    return all(
        ring.domain.to_sympy(k).is_nonnegative and all(e % 2 == 0 for e in powers)
        for powers, k in polynomial.terms()
    )


def _converges(step: Step) -> bool:
    """Whether the sums, written out, come within O(ε²) of their limit, all derivatives being 1."""
    for layers in EXPANDED:
        before, after = (expand_sums(side, layers) for side in (step.before, step.after))
        ones = dict.fromkeys(before.atoms(sp.Indexed) | after.atoms(sp.Indexed), 1)
        ones |= {
            s: 1
            for s in (before.free_symbols | after.free_symbols) - {step.vanishing}
            if not isinstance(s, sp.IndexedBase)
        }
        for k in (8, 16, 24):
            gap = before.subs(ones).subs(step.vanishing, sp.Rational(1, 2**k)) - after.subs(ones)
            if abs(sp.N(gap, 40)) > sp.Rational(layers, 2 ** (2 * k)):
                return False
    return True
