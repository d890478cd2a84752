"""Checks steps about recurrences over depth: products, Gamma functions, powers, integrals.

Each in two independent ways. Equalities: induction over the number of layers, and every product
written out for l = 1…12. Limits: Stirling's series (DLMF 5.11.8, cited), and convergence at rate
1/l. Integrals: SymPy's, and quadrature. Imports no rule.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

import mpmath
import sympy as sp
from flint import fmpq, fmpq_poly

from derivations.algebra.letters import BLOCK, CHI, DEPTH, LAYERS
from derivations.algebra.steps import Step
from derivations.checker.exact_values import Writer
from derivations.checker.symbolic_sums import EXPANDED

RATE_OF_CONVERGENCE = (
    1.9  # the gap to a limit must shrink by this factor where l doubles; O(1/l) gives 2
)
QUADRATURE_DIGITS = 25


def has_recurrence(step: Step) -> bool:
    """Whether a side of the step has a product, a Gamma function, an integral, or the depth L of a
    stack, and no indexed letters.
    """
    sides = (step.before, step.after)
    return any(side.has(sp.Product, sp.gamma, sp.Integral, DEPTH) for side in sides) and not any(
        side.has(sp.Indexed) for side in sides
    )


def check_recurrence(step: Step) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name. A relation other than "=" and "->" passes neither."""
    if step.relation == "->":
        limit = (
            {"Stirling's series": lambda: _stirling(step)}
            if step.before.has(sp.gamma)
            else {"SymPy's limit": lambda: _limit(step)}
        )
        return limit | {"convergence at rate 1/l": lambda: _converges(step)}
    if step.relation == "=" and (step.before.has(sp.Integral) or step.after.has(sp.Integral)):
        return {"integration": lambda: _integrates(step), "quadrature": lambda: _quadrature(step)}
    if step.relation == "=":
        return {
            "induction": lambda: _by_induction(step),
            "written out for l = 1…12": lambda: _written_out(step),
        }
    return {"induction": lambda: False}


def _by_induction(step: Step) -> bool:
    """Solves the step for its one sum or product, and shows that the result starts and grows as the
    sum or product does.

    A limit that holds the block i is lowered by one, else the depth in the upper limit is raised by
    one. SymPy finds the value of a sum between numbers.
    """
    nodes = step.before.atoms(sp.Sum, sp.Product) | step.after.atoms(sp.Sum, sp.Product)
    if not nodes:
        return _vanishes(step.before - step.after)
    (node,) = nodes
    ((variable, low, high),) = node.limits
    claimed = _solved(step, node)
    if not (low.free_symbols | high.free_symbols):
        return _vanishes((step.before - step.after).doit())
    if low.has(BLOCK):
        moving, shift, next_term = BLOCK, 1, node.function.subs(variable, low)
        empty = high + 1 - (low - BLOCK)
    else:
        (moving,) = high.free_symbols & {DEPTH, LAYERS}
        shift, next_term = -1, node.function.subs(variable, high)
        empty = low - 1 - (high - moving)
    # A start or a summand that moves along would change more than one term.
    if empty.has(moving) or node.function.has(moving):
        return False
    shorter, start = claimed.subs(moving, moving + shift), claimed.subs(moving, empty)
    if isinstance(node, sp.Sum):
        return _vanishes(start) and _vanishes(claimed - shorter - next_term)
    return _vanishes(start - 1) and _vanishes(sp.gammasimp(claimed / (shorter * next_term)) - 1)


def _solved(step: Step, node: sp.Expr) -> sp.Expr:
    """What the step claims the sum or product to be: both sides are linear in it."""
    unknown = sp.Dummy("T")
    difference = (step.before - step.after).subs(node, unknown)
    slope = sp.diff(difference, unknown)
    if slope == 0 or slope.has(unknown):
        raise ValueError("the step is not linear in its sum or product")
    return -difference.subs(unknown, 0) / slope


def _vanishes(expr: sp.Expr) -> bool:
    """Whether Gamma-function identities and the laws of powers reduce the expression to 0."""
    reduced = sp.gammasimp(expr) if expr.has(sp.gamma) else expr
    return reduced == 0 or sp.cancel(reduced.replace(sp.Pow, _symbolic_power)) == 0


def _symbolic_power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """b^(e + m) as b^m times a symbol for b^e, the same wherever it occurs."""
    whole, rest = exponent.as_coeff_Add()
    if rest == 0 or not whole.is_Integer:
        return sp.Pow(base, exponent)
    sign = -1 if rest.could_extract_minus_sign() else 1
    return base**whole * sp.Symbol(f"({base})**({sign * rest})", positive=True) ** sign


def _written_out(step: Step) -> bool:
    """Equality as rational functions of the first symbol (χ where it occurs), the others at
    rational values of their own.
    """
    others = sorted(_free(step) - {LAYERS, DEPTH, BLOCK, CHI}, key=str)
    generator = CHI if CHI in _free(step) or not others else others.pop(0)
    values = {symbol: fmpq_poly([fmpq(3 * k + 5, 2 * k + 7)]) for k, symbol in enumerate(others)}
    writer = Writer(values | {generator: fmpq_poly([0, 1])})
    for layers in EXPANDED:
        for block in (
            sorted({0, 1, layers // 2, layers - 1} & set(range(layers)))
            if BLOCK in _free(step)
            else [0]
        ):
            before, after = (
                writer.write_out(side, {LAYERS: layers, DEPTH: layers, BLOCK: block})
                for side in (step.before, step.after)
            )
            if not before.equals(after):
                return False
    return True


def _free(step: Step) -> set[sp.Symbol]:
    return set(step.before.free_symbols | step.after.free_symbols)


def _stirling(step: Step) -> bool:
    """ln(before/after) expanded at x = 1/ε, x → ∞, by ln Γ(αx + c) = (αx + c − ½) ln(αx) − αx + ½
    ln 2π + O(1/x): all terms must cancel.
    """
    if step.after == 0:
        return False
    x, log_x = sp.symbols("x log_x", positive=True)
    constant, moving = (step.before / step.after).as_independent(step.vanishing, as_Add=False)
    total = sp.log(sp.gammasimp(constant)) + sp.Add(
        *(power * _log(base, step.vanishing, x, log_x) for base, power in _factors(moving))
    )
    return sp.expand(sp.expand_log(sp.expand(total), force=True)) == 0


def _limit(step: Step) -> bool:
    return _vanishes(sp.limit(step.before, step.vanishing, 0, "+") - step.after)


def _factors(expr: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    for factor in sp.Mul.make_args(expr):
        base, exponent = factor.as_base_exp()
        if isinstance(base, sp.Mul):
            yield from ((part, power * exponent) for part, power in _factors(base))
        else:
            yield base, exponent


def _log(base: sp.Expr, vanishing: sp.Symbol, x: sp.Symbol, log_x: sp.Symbol) -> sp.Expr:
    if not base.has(vanishing):  # from a product within a power
        return sp.log(base)
    if base == vanishing:
        return -log_x
    if not isinstance(base, sp.gamma):
        raise ValueError(f"{base} is neither a Gamma function nor a power")
    argument = sp.expand(base.args[0].subs(vanishing, 1 / x))
    slope, constant = argument.coeff(x, 1), argument.coeff(x, 0)
    if sp.expand(argument - slope * x - constant) != 0 or not slope.is_positive:
        raise ValueError(f"{base} has no Stirling series in 1/{vanishing}")
    return (
        (slope * x + constant - sp.S.Half) * (sp.log(slope) + log_x)
        - slope * x
        + sp.log(2 * sp.pi) / 2
    )


def _converges(step: Step) -> bool:
    """Whether the gap to the limit almost halves where l doubles, at l = 2^10 and 2^40, the other
    symbols at rational values.
    """
    others = sorted(_free(step) - {step.vanishing}, key=str)
    values = {
        symbol: k if symbol.is_integer else sp.Rational(3 * k + 4, 2 * k + 5)
        for k, symbol in enumerate(others, start=1)
    }
    before, after = (side.subs(values) for side in (step.before, step.after))
    points = [
        sp.Float(1, 2 * QUADRATURE_DIGITS + 10) / 2**k for k in (10, 11, 40, 41)
    ]  # exact numbers would be expanded into factorials
    gaps = [
        sp.Abs(sp.N((before - after).subs(step.vanishing, point), QUADRATURE_DIGITS))
        for point in points
    ]
    return all(RATE_OF_CONVERGENCE * closer <= gap for gap, closer in pairwise(gaps))


def _integrates(step: Step) -> bool:
    return _vanishes((step.before - step.after).replace(sp.Integral, _integral))


def _integral(function: sp.Expr, *limits: sp.Tuple) -> sp.Expr:
    """∫₀^∞ z^k e^{−z²/2} dz = 2^((k−1)/2) Γ((k+1)/2) (Euler's integral) for polynomials times a
    Gaussian; SymPy integrates the others.
    """
    ((z, low, high),) = limits
    polynomial = sp.powsimp(function * sp.exp(z**2 / 2))
    if (low, high) == (0, sp.oo) and polynomial.is_polynomial(z):
        terms = sp.Poly(polynomial, z).terms()
        return sp.Add(
            *(c * sp.sqrt(2) ** (k - 1) * sp.gamma(sp.Rational(k + 1, 2)) for (k,), c in terms)
        )
    return sp.integrate(function, (z, low, high))


def _quadrature(step: Step) -> bool:
    """Both sides by tanh-sinh quadrature, at two values of every other symbol."""
    symbols = sorted(_free(step), key=str)
    tolerance = sp.Rational(1, 10 ** (QUADRATURE_DIGITS - 8))
    for offset in (2, 5) if symbols else (0,):
        values = {symbol: sp.Rational(k + offset, 4) for k, symbol in enumerate(symbols)}
        difference = (step.before - step.after).subs(values).replace(sp.Integral, _tanh_sinh)
        if abs(sp.N(difference, QUADRATURE_DIGITS)) > tolerance:
            return False
    return True


@lru_cache(maxsize=64)
def _tanh_sinh(function: sp.Expr, *limits: sp.Tuple) -> sp.Float:
    ((variable, low, high),) = limits
    with mpmath.workdps(QUADRATURE_DIGITS):
        ends = [sp.lambdify((), end, "mpmath")() for end in (low, high)]
        return sp.Float(
            mpmath.quad(sp.lambdify(variable, function, "mpmath"), ends), QUADRATURE_DIGITS
        )
