"""Binds the symbolic pullback and bounds of a term to numbers at a real activation and a real
backward signal.

The formulas are those that `derivations` derived and checked; a number is never reported as more
certain than the quantities it was made from.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, singledispatch
from itertools import product
from typing import Any

import sympy as sp
import torch
from torch import Tensor

from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    Cosine,
    Definition,
    NormRatio,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.terms import Term
from derivations.errors import InputError, UnknownNodeError
from derivations.rules.bound import Bound, Bounds
from derivations.rules.bounds import bounds, column
from derivations.rules.jacobian import Linearization, linearize
from numeric.checks import Function, check_estimate
from numeric.evaluation.columns import Columns
from numeric.evaluation.point import Point
from numeric.operators.operators import DiagonalOperator
from numeric.operators.spectra import Enclosure, singular_extremes, symmetric_extremes
from numeric.operators.upcast import block_in_single
from numeric.operators.vector_norms import cosine, norm
from numeric.tolerances import tolerances


@dataclass(frozen=True)
class BoundNumbers:
    """One bound for every sample: `value` (batch,) bounds γ = ‖∂L/∂x‖₂ / ‖∂L/∂H‖₂ from its side.

    `certainty` is "exact" (up to floating point) or "probable" (holds with probability ≥ 1 −
    `delta` for each sample). `reason` says what the bound rests on and for which signals it holds.
    """

    id: str
    side: str
    certainty: str
    delta: float | None
    value: Tensor
    reason: str = ""


@dataclass(frozen=True)
class BlockNumbers:
    """What the formulas say of one block: tensors (batch,), except `pullback` (batch, n) = ∂L/∂x.

    `gain` is γ = ‖pullback‖ / ‖g‖. `terms` holds norms ("norm_g", "norm_pullback", and "norm " +
    each addend of the pullback), the quantities t and c where the block has them, and "cosine_law":
    γ by the law of cosines.
    """

    pullback: Tensor
    gain: Tensor
    terms: Mapping[str, Tensor]
    bounds: tuple[BoundNumbers, ...]

    def tightest(self, side: str) -> tuple[BoundNumbers, ...]:
        """For each sample the bound of this side ("lower" or "upper") that says most; its `reason`
        says why it can.

        Of equal bounds it is the first, which needs least. Raises InputError if there is no such
        bound.
        """
        return tightest(self.bounds, side)


def tightest(bounding: Sequence[BoundNumbers], side: str) -> tuple[BoundNumbers, ...]:
    """For each sample the bound of this side that says most, of equal ones the first; raises
    InputError if there is no such bound.
    """
    sided = [bound for bound in bounding if bound.side == side]
    if not sided:
        raise InputError(
            f"there is no {side} bound among "
            f"{', '.join(bound.id for bound in bounding) or 'none'}: evaluate with spectra"
        )
    values = torch.stack([bound.value for bound in sided])
    best = values.argmax(0) if side == "lower" else values.argmin(0)
    return tuple(sided[index] for index in best.tolist())


@dataclass(frozen=True)
class Effort:
    """How hard the Krylov methods work: `steps` at most, failure probability `delta` per quantity,
    random `seed`. Raises InputError.
    """

    steps: int = 40
    delta: float = 1e-6
    seed: int = 0

    def __post_init__(self) -> None:
        check_estimate(self.steps, self.delta, self.seed)


def evaluate(
    term: Term,
    leaves: Mapping[str, Function],
    x: Tensor,
    g: Tensor,
    *,
    spectra: bool = True,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
) -> BlockNumbers:
    """Evaluates the pullback and every bound of `term`; without `spectra` only bounds that need no
    singular values.

    x: (batch, *in), g: (batch, *out), float32 or float64; half precision is taken to float32, with
    a PrecisionWarning. Raises InputError for a zero backward signal, for tensors and modules that
    `numeric.checks` refuses, and where leaves do not fit the term.
    """
    effort = Effort(steps, delta, seed)
    leaves, (x, g) = block_in_single(leaves, x, g)
    point = Point(term, leaves, x, g)
    derived = derive_at(point)
    signal_norm = _nonzero(norm(point.g), "the backward signal")
    pullback = point.column(derived.line.pullback)
    measure = _Quantities(point, effort)
    wanted = [bound for bound in derived.bounds.bounds if spectra or not _needs_spectra(bound)]
    numbers = {bound: _number(bound, measure, signal_norm) for bound in wanted}
    terms = (
        {"norm_g": signal_norm, "norm_pullback": norm(pullback)}
        | _addends(point, derived.line)
        | measure.exact()
    )
    terms |= {
        bound.name: number.value for bound, number in numbers.items() if bound.side == "equal"
    }
    bounding = tuple(number for bound, number in numbers.items() if bound.side != "equal")
    return BlockNumbers(pullback, norm(pullback) / signal_norm, terms, bounding)


@dataclass(frozen=True)
class Derived:
    """What `derivations` says of a term with these sizes."""

    notation: Notation
    line: Linearization
    bounds: Bounds


def derive_at(point: Columns[Any]) -> Derived:
    """The derivation of a point's term, whose symbols the point is taught to read."""
    derived = _derive(
        point.term, tuple(sorted(point.notation.dims.items())), int(point.notation.inputs)
    )
    point.notation = derived.notation
    return derived


@lru_cache(maxsize=256)
def _derive(
    term: Term, dims: tuple[tuple[str, tuple[int | str, int | str]], ...], inputs: int
) -> Derived:
    notation = Notation(term, dict(dims), "operator", inputs=inputs)
    return Derived(notation, linearize(notation), bounds(notation))


def _addends(point: Point, line: Linearization) -> dict[str, Tensor]:
    addends = line.pullback.args if isinstance(line.pullback, sp.MatAdd) else (line.pullback,)
    return {f"norm {sp.sstr(addend)}": norm(point.column(addend)) for addend in addends}


class _Quantities:
    """Evaluates each quantity of a block once."""

    def __init__(self, point: Point, effort: Effort) -> None:
        self.point, self.effort = point, effort
        self._known: dict[Definition, Enclosure] = {}
        self._names: dict[str, Tensor] = {}

    def value(self, name: str, definition: Definition) -> Enclosure:
        if definition not in self._known:
            self._known |= quantity(definition, self.point, self.effort)
        found = self._known[definition]
        if found.low is found.high:
            self._names[name] = found.low
        return found

    def exact(self) -> dict[str, Tensor]:
        return dict(self._names)


@singledispatch
def quantity(definition: Definition, point: Point, effort: Effort) -> dict[Definition, Enclosure]:
    """The enclosure of a quantity for every sample, by definition; some are found in pairs."""
    raise UnknownNodeError(
        f"no evaluation of {type(definition).__name__}: register one in "
        "numeric/evaluation/evaluate.py"
    )


@quantity.register
def _(definition: NormRatio, point: Point, effort: Effort) -> dict[Definition, Enclosure]:
    bottom = _nonzero(
        norm(point.column(definition.denominator)), f"the signal {definition.denominator}"
    )
    return {definition: _exact(norm(point.column(definition.numerator)) / bottom)}


@quantity.register
def _(definition: Cosine, point: Point, effort: Effort) -> dict[Definition, Enclosure]:
    return {
        definition: _exact(cosine(point.column(definition.first), point.column(definition.second)))
    }


@quantity.register(SigmaMax)
@quantity.register(SigmaMinAdjoint)
def _(
    definition: SigmaMax | SigmaMinAdjoint, point: Point, effort: Effort
) -> dict[Definition, Enclosure]:
    operator = point.operator(definition.operator)
    if isinstance(operator, DiagonalOperator):
        sizes = operator.diagonal.abs()
        least, largest = _exact(sizes.amin(1)), _exact(sizes.amax(1))
    else:
        least, largest = singular_extremes(
            operator, steps=effort.steps, delta=effort.delta, seed=effort.seed
        )
    return {SigmaMinAdjoint(definition.operator): least, SigmaMax(definition.operator): largest}


@quantity.register
def _(definition: NumericalRange, point: Point, effort: Effort) -> dict[Definition, Enclosure]:
    operator = point.operator(definition.operator)
    least, largest = symmetric_extremes(
        operator, steps=effort.steps, delta=effort.delta, seed=effort.seed
    )
    return {
        NumericalRange(definition.operator, -1): least,
        NumericalRange(definition.operator, +1): largest,
    }


def _number(bound: Bound, measure: _Quantities, signal_norm: Tensor) -> BoundNumbers:
    """The bound at the worst ends of its quantities' enclosures, in units of the gain relative to
    the whole signal.
    """
    found = [measure.value(str(q.symbol), q.definition) for q in bound.quantities]
    formula = _compile(bound)
    ends = [
        _ends(q.definition, e, bound.side) for q, e in zip(bound.quantities, found, strict=True)
    ]
    values = torch.stack([_as_batch(formula(*corner), signal_norm) for corner in product(*ends)])
    worst = values.amin(0) if bound.side == "lower" else values.amax(0)
    base = _nonzero(norm(measure.point.column(column(bound.base))), f"the signal {bound.base}")
    delta = sum(e.delta for e in found)
    value = worst * (base / signal_norm)
    if value.isnan().any() or not (base / signal_norm > 0).all():
        raise InputError(
            f"{bound.id} is beyond the range of {signal_norm.dtype}: the slices of the signal "
            "differ too much in size"
        )
    reason = f"{bound.source}; holds for {bound.holds_for}"
    return BoundNumbers(
        bound.id, bound.side, "probable" if delta else bound.certainty, delta or None, value, reason
    )


def _ends(definition: Definition, found: Enclosure, side: str) -> tuple[Tensor, ...]:
    """Where a quantity makes a bound worst.

    Lower bounds grow with least singular values and least Rayleigh quotients and fall with the
    greatest, upper bounds grow with the greatest (tested where bounds are). A cosine gets its
    rounding error: near c = −1 the alignment bound √(1 − c²) would turn 1e-16 into 1e-8, and exceed
    the gain.
    """
    if isinstance(definition, Cosine) and side != "equal":
        allowance = tolerances(found.low.dtype).rounding
        return (found.low - allowance).clamp(min=-1), (found.high + allowance).clamp(max=1)
    greatest = isinstance(definition, SigmaMax) or (
        isinstance(definition, NumericalRange) and definition.end > 0
    )
    return (found.high if greatest else found.low,)


@lru_cache(maxsize=256)
def _compile(bound: Bound) -> Callable[..., Tensor | float]:
    functions = {
        "Max": _extreme(torch.maximum),
        "Min": _extreme(torch.minimum),
        "Abs": torch.abs,
        "sqrt": _root,
    }
    return sp.lambdify([q.symbol for q in bound.quantities], bound.expr, modules=[functions])


def _root(value: Tensor | float) -> Tensor | float:
    return value.sqrt() if isinstance(value, Tensor) else math.sqrt(value)


def _extreme(pairwise: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def over(*values: Tensor | float) -> Tensor:
        like = next(
            (value for value in values if isinstance(value, Tensor)),
            torch.zeros((), dtype=torch.float64),
        )
        first, *others = (
            value if isinstance(value, Tensor) else torch.full_like(like, float(value))
            for value in values
        )
        for other in others:
            first = pairwise(first, other)
        return first

    return over


def _needs_spectra(bound: Bound) -> bool:
    return any(
        isinstance(q.definition, (SigmaMax, SigmaMinAdjoint, NumericalRange))
        for q in bound.quantities
    )


def _as_batch(value: Tensor | float, like: Tensor) -> Tensor:
    return (
        value if isinstance(value, Tensor) and value.dim() else torch.full_like(like, float(value))
    )


def _exact(value: Tensor) -> Enclosure:
    return Enclosure(value, value, 0.0, torch.zeros_like(value))


def _nonzero(lengths: Tensor, name: str) -> Tensor:
    if not (lengths > 0).all():
        sample = int((lengths <= 0).nonzero()[0])
        raise InputError(
            f"{name} is zero for sample {sample}: gains relative to it do not exist; leave "
            "the sample out"
        )
    return lengths
