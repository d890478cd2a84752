"""Certifies the gain of a block and its bounds for the stored tensors, rounding included.

The expressions are those that `derivations` derived, at enclosed columns and at certified norms of
the layers; the last step rounds outward. What cannot be certified is left out or refused, never
estimated.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import singledispatchmethod

import sympy as sp
import torch
from flint import arb
from torch import Tensor

from derivations.algebra.blocks import Block, term_of
from derivations.algebra.notation import DiagonalOf, Meaning
from derivations.algebra.quantities import (
    Cosine,
    Definition,
    NormRatio,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.showing import Showing, Shown
from derivations.algebra.terms import Term
from derivations.errors import UnknownNodeError
from derivations.rules.bound_types import Bound
from derivations.rules.bounds import column
from numeric.certified import enclosed_tensors
from numeric.certified.ball_formula import ball_of, power
from numeric.certified.balls import float_above, float_below, precise, root
from numeric.certified.enclosed_layers import Run
from numeric.certified.enclosed_point import EnclosedPoint, check_stored
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.layer_lipschitz import lipschitz_upper
from numeric.certified.matrix_norms import check_subnormals
from numeric.checks import Function
from numeric.evaluation.block_numbers import BoundNumbers, bounds_shown, not_looser, tightest
from numeric.evaluation.live_samples import live_samples, spread
from numeric.runs.sample_summary import samples, without_gain

Balls = list[arb]  # one per sample


@dataclass(frozen=True, repr=False)
class CertifiedNumbers(Shown):
    """What holds for one block beyond doubt, for its stored tensors in exact arithmetic.

    All are (batch,) float64 on the CPU. `low` ≤ γ = ‖∂L/∂x‖₂ / ‖∂L/∂H‖₂ ≤ `high`, and `bounds`
    (certainty "certified") bound γ from their sides. `live` says which samples have a backward
    signal that is not zero: only those have a gain, and the numbers of the others are NaN.
    """

    low: Tensor
    high: Tensor
    bounds: tuple[BoundNumbers, ...]
    live: Tensor

    @property
    def vanished(self) -> tuple[int, ...]:
        """The samples without a gain, for their backward signal is exactly zero."""
        return tuple((~self.live).nonzero()[:, 0].tolist())

    def tightest(self, side: str) -> tuple[BoundNumbers, ...]:
        """For each sample the bound of this side ("lower" or "upper") that says most.

        Of equal ones it is the first.
        """
        return tightest(self.bounds, side)

    def showing(self) -> Showing:
        title = f"Certified gain and bounds over {samples(len(self.live))}, rounding included"
        ends = (
            BoundNumbers("gain", side, "certified", None, value)
            for side, value in (("lower", self.low), ("upper", self.high))
        )
        return bounds_shown(title, {}, (*ends, *self.bounds), without_gain(self.live))


@torch.inference_mode(False)
@torch.no_grad()
def certify(
    term: Term | Block | str, leaves: Mapping[str, Function], x: Tensor, g: Tensor
) -> CertifiedNumbers:
    """The gain of `term` at x (batch, *in) for the signal g (batch, *out), and every bound of it.

    `term` is a term, a block, or a block's name. Rounding is included. Leaves are torch layers in
    eval mode (or sequences of them, or torch's relu, tanh, sigmoid). Of least singular values
    nothing is known but what other bounds say, by their proved order. Samples whose backward signal
    is zero have no gain: a VanishedSignalWarning names them. Raises InputError where no sample has
    a signal and for tensors or layers that do not fit, UnknownNodeError for a layer without a rule.
    Costs the norm of each weight once, as `lipschitz_upper`, which is remembered by its content;
    beyond that a dozen passes in float64, and a ball per smooth activation.
    """
    check_subnormals()
    structure = term_of(term)
    live = live_samples(x, g, levels=5)
    if live.all():
        point = EnclosedPoint(structure, leaves, x, g)
    else:
        check_stored(x)
        point = EnclosedPoint(structure, leaves, x[live.to(x.device)], g[live.to(g.device)])
    live = live.cpu()
    derived = point.derived
    with precise():
        numbers = _Certifier(point)
        gain = numbers.relative(derived.line.pullback)
        sided = [each for each in derived.bounds.bounds if each.side != "equal"]
        known = not_looser({each: numbers.bound(each) for each in sided}, derived.bounds.order)
        bounding = tuple(known[each.id] for each in sided)
        low, high = (_floats(end, gain) for end in (float_below, float_above))
    return CertifiedNumbers(
        spread(low.clamp(min=0), live, math.nan),
        spread(high, live, math.nan),
        tuple(replace(each, value=spread(each.value, live, math.nan)) for each in bounding),
        live,
    )


class _Certifier:
    """Evaluates each quantity of a block once, to one ball per sample."""

    def __init__(self, point: EnclosedPoint) -> None:
        self.point = point
        self.signal = enclosed_tensors.norm(point.g)  # of live samples: none is zero
        self._known: dict[Definition, Balls] = {}

    def relative(self, expr: sp.Expr) -> Balls:
        """‖column‖ / ‖g‖."""
        return [
            length / unit
            for length, unit in zip(
                enclosed_tensors.norm(self.point.column(expr)), self.signal, strict=True
            )
        ]

    def bound(self, bound: Bound) -> BoundNumbers:
        """Where a quantity is relative to a signal that may be zero, it says nothing."""
        symbols = [quantity.symbol for quantity in bound.quantities]
        found = [self.value(quantity.definition) for quantity in bound.quantities]
        base = self.relative(column(bound.base))
        end, nothing = (float_below, 0.0) if bound.side == "lower" else (float_above, math.inf)
        rounded = [
            end(ball_of(bound.expr, dict(zip(symbols, sample, strict=True))) * unit)
            if all(each.is_finite() for each in sample)
            else nothing
            for unit, *sample in zip(base, *found, strict=True)
        ]
        return BoundNumbers(
            bound.id,
            bound.side,
            "certified",
            None,
            torch.tensor(rounded, dtype=torch.float64),
            f"{bound.source}; holds for {bound.holds_for}",
        )

    def value(self, definition: Definition) -> Balls:
        if definition not in self._known:
            self._known[definition] = self._quantity(definition)
        return self._known[definition]

    @singledispatchmethod
    def _quantity(self, definition: Definition) -> Balls:
        """A ball that holds the quantity.

        Of extreme singular values and Rayleigh quotients it is the end that makes bounds worst.
        """
        raise UnknownNodeError(
            f"no certified value of {type(definition).__name__}: register one in "
            "numeric/certified/certify.py"
        )

    @_quantity.register
    def _(self, definition: NormRatio) -> Balls:
        tops, bottoms = (
            enclosed_tensors.norm(self.point.column(each))
            for each in (definition.numerator, definition.denominator)
        )
        return list(map(_ratio, tops, bottoms))

    @_quantity.register
    def _(self, definition: Cosine) -> Balls:
        return enclosed_tensors.cosine(
            self.point.column(definition.first), self.point.column(definition.second)
        )

    @_quantity.register
    def _(self, definition: SigmaMax) -> Balls:
        return self._sigma_max(definition.operator)

    @_quantity.register
    def _(self, definition: SigmaMinAdjoint) -> Balls:
        # No certified lower bound of it is known but this one, which is always true.
        return [arb(0)] * len(self.signal)

    @_quantity.register
    def _(self, definition: NumericalRange) -> Balls:
        # |xᵀAx| ≤ ‖A‖₂ for unit x.
        return [definition.end * size for size in self._sigma_max(definition.operator)]

    def _sigma_max(self, expr: sp.Expr) -> Balls:
        """No less than ‖A‖₂ of an expression: a sum of norms for a sum, a product for a product."""
        if expr in self.point.notation.meanings:
            return self._leaf_norm(self.point.notation.meanings[expr])
        match expr:
            case sp.Identity():
                return [arb(1)] * len(self.signal)
            case sp.ZeroMatrix():
                return [arb(0)] * len(self.signal)
            case _ if expr.is_number:
                return [abs(ball_of(expr, {}))] * len(self.signal)
            case sp.Transpose():
                return self._sigma_max(expr.arg)
            case sp.MatAdd():
                return [sum(parts, arb(0)) for parts in self._parts(expr.args)]
            case sp.MatMul():
                return [math.prod(parts, start=arb(1)) for parts in self._parts(expr.args)]
            case sp.BlockMatrix() if 1 in expr.blockshape:
                return [
                    root(sum((power(part, 2) for part in parts), arb(0)))
                    for parts in self._parts(expr.blocks)
                ]
        raise UnknownNodeError(f"no certified norm of {expr}: teach numeric/certified/certify.py")

    def _parts(self, parts: Iterable[sp.Expr]) -> Iterator[tuple[arb, ...]]:
        return zip(*map(self._sigma_max, parts), strict=True)

    def _leaf_norm(self, meaning: Meaning) -> Balls:
        if isinstance(meaning, DiagonalOf):
            return _largest(self.point.value(meaning.value))
        return _layer_norm(self.point.run_of(meaning))


def _layer_norm(here: Run) -> Balls:
    """No less than ‖J‖₂ at the run's input, or at every input where no more is known.

    Of a sequence it is the product, of an activation its largest slope there, of other layers a
    norm for every input.
    """
    if here.parts:
        return [
            math.prod(sizes, start=arb(1))
            for sizes in zip(*map(_layer_norm, here.parts), strict=True)
        ]
    if here.slopes is not None:
        return _largest(here.slopes)
    return [arb(lipschitz_upper(here.layer, tuple(here.shape[1:])))] * here.shape[0]


def _largest(diagonal: Enclosed) -> Balls:
    return [arb(size) for size in diagonal.size().flatten(1).amax(1).tolist()]


def _floats(end: Callable[[arb], float], values: Balls) -> Tensor:
    return torch.tensor([end(value) for value in values], dtype=torch.float64)


def _ratio(top: arb, bottom: arb) -> arb:
    """top/bottom of norms; not finite where the second may be zero.

    0 where both are, beyond doubt: then there is nothing to compare.
    """
    if bottom > 0:
        return top / bottom
    return arb(0) if top == 0 and bottom == 0 else arb("nan")
