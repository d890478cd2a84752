"""Checks steps about recurrences over depth: products, Gamma functions, powers, integrals.

Each in two independent ways. Equalities: induction over the number of layers, and every product
written out for l = 1…12. Limits: Stirling's series (DLMF 5.11.8, cited), and convergence at rate
1/l. Integrals: SymPy's, and quadrature. Imports no rule.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import mpmath
import sympy as sp
from flint import fmpq, fmpq_poly

from derivations.algebra.letters import BLOCK, CHI, DEPTH, LAYERS
from derivations.algebra.steps import Step
from derivations.checker.exact_values import Writer
from derivations.checker.induction import holds_by_induction
from derivations.checker.symbolic_sums import EXPANDED, write_out
from derivations.exact.chance import WIDTH, drawing
from derivations.exact.gaussian_integrals import half_line
from derivations.exact.logarithms import Logarithms
from derivations.exact.normal_forms import equal, vanishes
from derivations.exact.series import tends_to
from derivations.exact.signs import signs_of

RATE_OF_CONVERGENCE = (
    1.9  # the gap to a limit must shrink by this factor where l doubles; O(1/l) gives 2
)
QUADRATURE_DIGITS = 25


def has_recurrence(step: Step) -> bool:
    """Whether a side of the step has a product, a Gamma function, an integral, the depth L of a
    stack, or a power whose exponent moves in a limit, and no indexed letters.
    """
    sides = (step.before, step.after)
    met = any(side.has(sp.Product, sp.gamma, sp.Integral, DEPTH) for side in sides)
    return (met or _has_moving_power(step)) and not any(side.has(sp.Indexed) for side in sides)


def _has_moving_power(step: Step) -> bool:
    return step.vanishing is not None and any(
        power.exp.has(step.vanishing) for power in step.before.atoms(sp.Pow)
    )


def check_recurrence(step: Step) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name. A relation other than "=" and "->" passes neither."""
    if step.relation == "->":
        limit = (
            {"Stirling's series": lambda: _stirling(step)}
            if step.before.has(sp.gamma)
            else {"series": lambda: tends_to(step.before, step.after, step.vanishing)}
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
    """Normal forms where nothing is repeated, else induction over the depth. SymPy writes out what
    runs between numbers.
    """
    before, after = (_written(side) for side in (step.before, step.after))
    depths = [depth for depth in (LAYERS, DEPTH) if depth in (before - after).free_symbols]
    return equal(before, after) or any(holds_by_induction(before, after, depth) for depth in depths)


def _written(expr: sp.Expr) -> sp.Expr:
    """Without sums and products between numbers."""
    runs = [
        run
        for run in expr.atoms(sp.Sum, sp.Product)
        if not any(end.free_symbols for _, low, high in run.limits for end in (low, high))
    ]
    return expr.xreplace({run: write_out(run) for run in runs})


def _written_out(step: Step) -> bool:
    """Equality as rational functions of the first symbol (χ where it occurs), the others at
    rational values of their own.
    """
    others = sorted(_free(step) - {LAYERS, DEPTH, BLOCK, CHI}, key=str)
    generator = CHI if CHI in _free(step) or not others else others.pop(0)
    values = {symbol: _drawn(symbol) for symbol in others}
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


def _drawn(symbol: sp.Symbol) -> fmpq_poly:
    """A rational number > 1."""
    chance = drawing("number", sp.srepr(symbol))
    bottom = chance.randint(1, WIDTH)
    return fmpq_poly([fmpq(bottom + chance.randint(1, WIDTH), bottom)])


def _free(step: Step) -> set[sp.Symbol]:
    return set(step.before.free_symbols | step.after.free_symbols)


def _stirling(step: Step) -> bool:
    """ln(before/after) expanded at x = 1/ε, x → ∞, by ln Γ(αx + c) = (αx + c − ½) ln(αx) − αx + ½
    ln 2π + O(1/x): all terms must cancel.
    """
    if step.vanishing is None or step.after.has(step.vanishing):
        return False
    x, log_x = (sp.Dummy(name, positive=True) for name in ("x", "log_x"))
    logs = Logarithms(signs_of([step.before, step.after]))
    # The sign of a limit is that of a number before both sides.
    sign, before = step.before.as_coeff_Mul()
    claimed, after = step.after.as_coeff_Mul()
    if sign * claimed <= 0:
        return False
    total = logs.log(abs(sign)) - logs.log(abs(claimed)) - logs.log(after)
    for factor in sp.Mul.make_args(before):
        base, power = factor.as_base_exp() if factor.has(step.vanishing) else (factor, sp.S.One)
        if power.has(step.vanishing):
            return False
        total += power * sp.Add(
            *(_log(part, step.vanishing, x, log_x, logs) for part in sp.Mul.make_args(base))
        )
    return vanishes(total)


def _log(
    base: sp.Expr, vanishing: sp.Symbol, x: sp.Symbol, log_x: sp.Symbol, logs: Logarithms
) -> sp.Expr:
    if not base.has(vanishing):
        return logs.log(base)
    inner, power = base.as_base_exp()
    if inner == vanishing and not power.has(vanishing):
        return -power * log_x
    if not isinstance(base, sp.gamma):
        raise ValueError(f"{base} is neither a Gamma function nor a power")
    argument = sp.expand(base.args[0].subs(vanishing, 1 / x))
    slope, constant = argument.coeff(x, 1), argument.coeff(x, 0)
    if sp.expand(argument - slope * x - constant) != 0 or constant.has(x) or slope.has(x):
        raise ValueError(f"{base} has no Stirling series in 1/{vanishing}")
    return (
        (slope * x + constant - sp.S.Half) * (logs.log(slope) + log_x)
        - slope * x
        + (logs.log(sp.Integer(2)) + logs.log(sp.pi)) / 2
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
    return vanishes(integrated(step.before - step.after))


def integrated(expr: sp.Expr) -> sp.Expr:
    """The expression with its integrals' values; raises ValueError for one that is not known."""
    return expr.replace(sp.Integral, _integral)


@lru_cache(maxsize=64)
def _integral(function: sp.Expr, *limits: sp.Tuple) -> sp.Expr:
    """Exact for polynomials times a Gaussian; for the others SymPy guesses an antiderivative, which
    is differentiated.
    """
    ((z, low, high),) = limits
    known = half_line(sp.Integral(function, *limits))
    if known is not None:
        return known
    plain = sp.Dummy(real=True)
    function = function.xreplace({z: plain})
    found = sp.integrate(function, plain)
    # Differentiable everywhere, or its values at the ends say nothing.
    smooth = all(
        isinstance(node, (sp.Add, sp.Mul, sp.sin, sp.cos, sp.Symbol, sp.Number, sp.NumberSymbol))
        or (isinstance(node, sp.Pow) and (node.exp.is_Integer and node.exp > 0))
        or not node.has(plain)
        for node in sp.preorder_traversal(found)
    )
    if not smooth or not equal(sp.diff(found, plain), function):
        raise ValueError(f"no antiderivative of {function} is known")
    return found.subs(plain, high) - found.subs(plain, low)


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
