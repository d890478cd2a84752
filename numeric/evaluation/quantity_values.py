"""Encloses the quantities that bounds speak of, for every sample at one real activation.

One rule per kind of quantity; one without a rule is refused.
"""

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
from numeric.evaluation.column_expressions import Columns
from numeric.operators.composed_operators import DiagonalOperator
from numeric.operators.ritz_ends import Enclosure
from numeric.operators.spectra import enclosed_singular_ends, enclosed_symmetric_ends
from numeric.operators.vector_norms import cosine, norm
from numeric.settings import Effort


class QuantityValues:
    """The quantities of one block, each of them found once."""

    def __init__(self, point: Columns[Tensor], effort: Effort) -> None:
        self.point, self.effort = point, effort
        self._known: dict[Definition, Enclosure] = {}
        self._names: dict[str, Tensor] = {}
        self._lengths: dict[sp.Expr, Tensor] = {}

    def value(self, name: str, definition: Definition) -> Enclosure:
        if definition not in self._known:
            self._known |= quantity(definition, self.point, self.effort)
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

    def exact(self) -> dict[str, Tensor]:
        """Those found so far that are numbers rather than enclosures, by name."""
        return dict(self._names)


@singledispatch
def quantity(
    definition: Definition, point: Columns[Tensor], effort: Effort
) -> dict[Definition, Enclosure]:
    """The enclosure of a quantity for every sample, by definition; some are found in pairs."""
    raise UnknownNodeError(
        f"no evaluation of {type(definition).__name__}: register one in "
        "numeric/evaluation/quantity_values.py"
    )


@quantity.register
def _(definition: NormRatio, point: Columns[Tensor], effort: Effort) -> dict[Definition, Enclosure]:
    """Relative to a signal that is zero: 0 where there is nothing to compare, else infinite."""
    top, bottom = (
        norm(point.column(each)) for each in (definition.numerator, definition.denominator)
    )
    absent = torch.where(top > 0, torch.inf, 0.0).to(top.dtype)
    return {definition: _exact(torch.where(bottom > 0, top / bottom, absent))}


@quantity.register
def _(definition: Cosine, point: Columns[Tensor], effort: Effort) -> dict[Definition, Enclosure]:
    return {
        definition: _exact(cosine(point.column(definition.first), point.column(definition.second)))
    }


@quantity.register(SigmaMax)
@quantity.register(SigmaMinAdjoint)
def _(
    definition: SigmaMax | SigmaMinAdjoint, point: Columns[Tensor], effort: Effort
) -> dict[Definition, Enclosure]:
    operator = point.operator(definition.operator)
    # A diagonal's singular values are read off: no Krylov run, and nothing is left to chance.
    if isinstance(operator, DiagonalOperator):
        sizes = operator.diagonal.abs()
        least, largest = _exact(sizes.amin(1)), _exact(sizes.amax(1))
    else:
        least, largest = enclosed_singular_ends(operator, effort)
    return {SigmaMinAdjoint(definition.operator): least, SigmaMax(definition.operator): largest}


@quantity.register
def _(
    definition: NumericalRange, point: Columns[Tensor], effort: Effort
) -> dict[Definition, Enclosure]:
    least, largest = enclosed_symmetric_ends(point.operator(definition.operator), effort)
    return {
        NumericalRange(definition.operator, -1): least,
        NumericalRange(definition.operator, +1): largest,
    }


def _exact(value: Tensor) -> Enclosure:
    return Enclosure(value, value, 0.0, torch.zeros_like(value))
