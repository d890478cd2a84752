"""Encloses the quantities that bounds speak of, for every sample at one real activation.

One rule per kind of quantity; one without a rule is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch

import sympy as sp
import torch
from torch import Tensor

from derivations.algebra.quantities import (
    Cosine,
    Definition,
    NormRatio,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.errors import UnknownNodeError
from derivations.rules.bound_types import Bound
from derivations.rules.bounds import column
from numeric.evaluation.block_numbers import needs_spectrum
from numeric.evaluation.bound_values import worst
from numeric.evaluation.column_expressions import Columns
from numeric.operators.composed_operators import DiagonalOperator
from numeric.operators.ritz_ends import Enclosure
from numeric.operators.spectra import enclosed_singular_ends, enclosed_symmetric_ends
from numeric.operators.vector_norms import cosine, norm
from numeric.settings import Effort

Decided = Callable[[Mapping[Definition, Enclosure]], Tensor]


class QuantityValues:
    """The quantities of one block, each of them found once."""

    def __init__(
        self, point: Columns[Tensor], effort: Effort, wanted: Sequence[Bound] = ()
    ) -> None:
        """`wanted` are the bounds that the quantities are for; without them, runs go to the end."""
        self.point, self.effort, self.wanted = point, effort, wanted
        self._known: dict[Definition, Enclosure] = {}
        self._names: dict[str, Tensor] = {}
        self._lengths: dict[sp.Expr, Tensor] = {}

    def value(self, name: str, definition: Definition) -> Enclosure:
        if definition not in self._known:
            self._known |= quantity(definition, self.point, self.effort, self._decided)
        found = self._known[definition]
        # Numbers are enclosures of one tensor; those of a Krylov run differ by rounding at least.
        if found.low is found.high:
            self._names[name] = found.low
        return found

    def length(self, expr: sp.Expr) -> Tensor:
        """‖column‖₂ of every sample."""
        if expr not in self._lengths:
            self._lengths[expr] = norm(self.point.column(expr))
        return self._lengths[expr]

    def _decided(self, ends: Mapping[Definition, Enclosure]) -> Tensor:
        """(batch,) whether a longer run would change no wanted bound by more than it may."""
        using = [b for b in self.wanted if any(q.definition in ends for q in b.quantities)]
        if not using:
            return torch.zeros((), dtype=torch.bool)
        return torch.stack([self._settled(bound, ends) for bound in using]).all(0)

    def _settled(self, bound: Bound, ends: Mapping[Definition, Enclosure]) -> Tensor:
        rtol = self.effort.rtol or 0.0
        if any(q.definition not in ends and needs_spectrum(q.definition) for q in bound.quantities):
            size = torch.stack([torch.maximum(e.low.abs(), e.high.abs()) for e in ends.values()])
            own = [ends[q.definition] for q in bound.quantities if q.definition in ends]
            widths = torch.stack([end.high - end.low for end in own]).amax(0)
            return widths <= rtol * size.amax(0)
        found = [
            ends[q.definition] if q.definition in ends else self.value(str(q.symbol), q.definition)
            for q in bound.quantities
        ]
        gain = self.length(self.point.derived.line.pullback) / self.length(column(bound.base))
        said, hoped = (worst(bound, found, gain, inner) for inner in (False, True))
        return (hoped - said).abs() <= rtol * torch.maximum(said.abs(), gain)

    def exact(self) -> dict[str, Tensor]:
        """Those found so far that are numbers rather than enclosures, by name."""
        return dict(self._names)


@singledispatch
def quantity(
    definition: Definition, point: Columns[Tensor], effort: Effort, decided: Decided | None = None
) -> dict[Definition, Enclosure]:
    """The enclosure of a quantity for every sample, by definition; some are found in pairs.

    Samples for which `decided` says so of the ends found so far are not run further.
    """
    raise UnknownNodeError(
        f"no evaluation of {type(definition).__name__}: register one in "
        "numeric/evaluation/quantity_values.py"
    )


@quantity.register
def _(
    definition: NormRatio, point: Columns[Tensor], effort: Effort, decided: Decided | None = None
) -> dict[Definition, Enclosure]:
    """Relative to a signal that is zero: 0 where there is nothing to compare, else infinite."""
    top, bottom = (
        norm(point.column(each)) for each in (definition.numerator, definition.denominator)
    )
    absent = torch.where(top > 0, torch.inf, 0.0).to(top.dtype)
    return {definition: _exact(torch.where(bottom > 0, top / bottom, absent))}


@quantity.register
def _(
    definition: Cosine, point: Columns[Tensor], effort: Effort, decided: Decided | None = None
) -> dict[Definition, Enclosure]:
    return {
        definition: _exact(cosine(point.column(definition.first), point.column(definition.second)))
    }


@quantity.register(SigmaMax)
@quantity.register(SigmaMinAdjoint)
def _(
    definition: SigmaMax | SigmaMinAdjoint,
    point: Columns[Tensor],
    effort: Effort,
    decided: Decided | None = None,
) -> dict[Definition, Enclosure]:
    pair = SigmaMinAdjoint(definition.operator), SigmaMax(definition.operator)
    operator = point.operator(definition.operator)
    # A diagonal's singular values are read off: no Krylov run, and nothing is left to chance.
    if isinstance(operator, DiagonalOperator):
        sizes = operator.diagonal.abs()
        least, largest = _exact(sizes.amin(1)), _exact(sizes.amax(1))
    else:
        least, largest = enclosed_singular_ends(operator, effort, _of_pair(decided, pair))
    return dict(zip(pair, (least, largest), strict=True))


@quantity.register
def _(
    definition: NumericalRange,
    point: Columns[Tensor],
    effort: Effort,
    decided: Decided | None = None,
) -> dict[Definition, Enclosure]:
    pair = NumericalRange(definition.operator, -1), NumericalRange(definition.operator, +1)
    operator = point.operator(definition.operator)
    return dict(
        zip(pair, enclosed_symmetric_ends(operator, effort, _of_pair(decided, pair)), strict=True)
    )


def _of_pair(
    decided: Decided | None, pair: tuple[Definition, Definition]
) -> Callable[[tuple[Enclosure, ...]], Tensor] | None:
    return decided and (lambda ends: decided(dict(zip(pair, ends, strict=True))))


def _exact(value: Tensor) -> Enclosure:
    return Enclosure(value, value, 0.0, torch.zeros_like(value))
