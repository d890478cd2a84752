"""Evaluates the depth laws of `derivations.laws.depth_laws` at numbers.

Returns a float or raises InputError: never a silent NaN, and a law is never evaluated outside the
depths for which it is stated.
"""

from math import inf, isfinite

import sympy as sp

from derivations.algebra.letters import BLOCK, CHI, DEPTH, LAYERS
from derivations.errors import InputError
from derivations.laws.depth_laws import FIRST_WIDTH, DepthLaw
from derivations.laws.gaussian_moments import KAPPA, KAPPA_OF_SLOPE, NEGATIVE_SLOPE
from numeric.settings import between, whole

DIGITS = 30  # Γ(L + …) overflows a float long before the ratio does


def evaluate_law(
    law: DepthLaw,
    depth: int,
    *,
    gain: float = 1.0,
    block: int = 0,
    first_width: float = 1.0,
    slope: float = 0.0,
    asymptote: bool = False,
) -> float:
    """E‖∂L/∂x_block‖² / E‖∂L/∂x_depth‖² per coordinate, or its asymptote.

    `gain` is χ > 0, `first_width` k₀/k > 0, `slope` that of φ below 0. Raises InputError for a
    block that the network does not have, for parameters out of range, and for a result beyond the
    range of float64.
    """
    depth, block = whole(depth, "the depth"), whole(block, "the block", 0)
    if block >= depth or (block and law.family != "dense"):
        raise InputError(
            f"{law.network} has no block {block} in a stack of {depth}: give 0 ≤ block < "
            "depth, and 0 unless it is dense"
        )
    reals = {
        CHI: between(gain, "the gain"),
        FIRST_WIDTH: between(first_width, "the first width"),
        NEGATIVE_SLOPE: between(slope, "the slope", -inf),
    }
    exact = {symbol: sp.Rational(value) for symbol, value in reals.items()} | {
        DEPTH: depth,
        LAYERS: depth,
        BLOCK: block,
    }
    exact[KAPPA] = KAPPA_OF_SLOPE.subs(NEGATIVE_SLOPE, exact[NEGATIVE_SLOPE])
    expr = law.asymptote if asymptote else law.ratio
    value = float(sp.N(expr.subs(exact), DIGITS))
    if not isfinite(value) or value <= 0:
        raise InputError(
            f"{law.network} at depth {depth} is beyond the range of float64: ask for fewer blocks"
        )
    return value


def evaluate_block(
    law: DepthLaw,
    depth: int,
    block: int,
    *,
    gain: float = 1.0,
    first_width: float = 1.0,
    slope: float = 0.0,
) -> float:
    """E‖∂L/∂x_{block−1}‖² / E‖∂L/∂x_block‖² per coordinate of block 1 … depth.

    The law at two places, divided. In a dense network the places are i = block − 1 and i = block.
    The law of any other stack starts at the input, whose statistics it assumes, so there they are
    the ends of its first block − 1 and of its first block blocks. Options and InputError as in
    `evaluate_law`.
    """
    depth, block = whole(depth, "the depth"), whole(block, "the block")
    if block > depth:
        raise InputError(
            f"{law.network} has no block {block} in a stack of {depth}: give 1 ≤ block ≤ depth"
        )

    def ratio(start: int, end: int) -> float:
        return (
            evaluate_law(law, end, block=start, gain=gain, first_width=first_width, slope=slope)
            if start < end
            else 1.0
        )

    if law.family == "dense":
        return ratio(block - 1, depth) / ratio(block, depth)
    return ratio(0, block) / ratio(0, block - 1)
