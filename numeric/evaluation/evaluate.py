"""Evaluates the pullback and the bounds of a block at a real activation and backward signal.

The formulas are those that `derivations` derived and checked; a number is never reported as more
certain than the quantities it was made from.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import sympy as sp
import torch
from torch import Tensor

from derivations.algebra.blocks import Block, term_of
from derivations.algebra.notation import Signal
from derivations.algebra.printing import short_text
from derivations.algebra.terms import Term
from derivations.rules.bound_types import Bound
from derivations.rules.bounds import column
from derivations.rules.jacobian import Linearization
from numeric.checks import Function, check_input
from numeric.evaluation.activation_point import Point
from numeric.evaluation.block_numbers import (
    BlockNumbers,
    BoundNumbers,
    needs_spectra,
    not_looser,
)
from numeric.evaluation.bound_values import worst
from numeric.evaluation.column_expressions import Columns
from numeric.evaluation.law_bounds import check_beside, check_laws, check_signal, law_bounds
from numeric.evaluation.live_samples import live_samples, spread
from numeric.evaluation.quantity_values import QuantityValues
from numeric.evaluation.repeated_skips import warn_of_repeated_skips
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.operators.upcast import block_in_single
from numeric.operators.vector_norms import norm
from numeric.runs.full_float32 import full_float32
from numeric.settings import Effort


def evaluate(
    term: Term | Block | str,
    leaves: Mapping[str, Function],
    x: Tensor,
    g: Tensor,
    *,
    spectra: bool = True,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
    basis: str | None = None,
    law: GeneralizedChiSquare | None = None,
) -> BlockNumbers:
    """Evaluates the pullback and every bound of `term`: a term, a block, or a block's name.

    Without `spectra` only bounds that need no singular values; `steps`, `delta`, `seed`, `rtol` and
    `basis` are the `Effort` of finding those. A sample's run stops where no bound made of it could
    change by going on; with `rtol`, where none could by more than rtol of its own value or of the
    gain, whichever is larger (of a bound of several runs: where each end is as narrow as that,
    relative to its run's largest). `delta` stays what it is. A run of k steps keeps 2k vectors per
    sample until it ends, k for Rayleigh quotients: with 40 steps and n entries 320 n bytes in
    float32, beside the graph of autograd. Fewer samples at a time take less, and say the same;
    basis="float32" halves it in float64, and widens spectra by about 1e-5 of their largest end.

    With `law`, one of ‖∂L/∂x‖² per sample over random weights (`numeric.laws`), also the bounds of
    certainty "law" of `law_bounds` at `delta`: they are about the draws that the law states, not
    about these weights. x: (batch, *in), g: (batch,
    *out), float32 or float64; half precision is taken to float32, with a PrecisionWarning. Samples
    whose backward signal is zero have no gain: a VanishedSignalWarning names them. Warns, too,
    where a leaf already adds the input that its term adds (`RepeatedSkipWarning`). Raises
    InputError where no sample has a signal, for tensors and modules that `numeric.checks` refuses,
    where leaves do not fit the term, and for a law of another signal or block.
    """
    effort = Effort(steps, delta, seed, rtol, basis)  # refused even where no spectra are wanted
    structure = term_of(term)
    if law is not None:
        check_laws(law, x)
    leaves, (x, g) = block_in_single(leaves, x, g)
    live = live_samples(x, g)
    if not live.all():
        check_input(x)
        x, g = x[live.to(x.device)], g[live.to(g.device)]
    with full_float32():
        point = Point(structure, leaves, x, g)
        numbers = numbers_at(point, effort, spectra)
    if law is not None:
        chosen = law.where(live.numpy(force=True))
        _check_law(chosen, point)
        own = law_bounds(chosen, numbers.terms["norm_g"], delta)
        numbers = replace(numbers, bounds=(*numbers.bounds, *own))
    warn_of_repeated_skips(point)
    return numbers if live.all() else _spread(numbers, live)


def _check_law(law: GeneralizedChiSquare, point: Point) -> None:
    """Refuses a law that is not of this signal, with its part beside the leaves."""
    draws = check_signal(law, point.g)
    fixed, random = torch.zeros_like(point.column(point.derived.line.pullback)), []
    for addend in _addends_of(point.derived.line):
        letters = map(point.notation.meanings.get, addend.atoms(sp.MatrixSymbol))
        if all(isinstance(each, Signal) for each in letters):
            fixed = fixed + point.column(addend)
        else:
            random.append(point.column(addend))
    check_beside(draws, fixed, random)


def numbers_at(point: Columns[Tensor], effort: Effort, spectra: bool) -> BlockNumbers:
    """The numbers of one block whose columns can be evaluated, every sample's signal not zero.

    Operators are asked for only where `spectra` are wanted, so `point` is a `Point` then.
    """
    derived = point.derived
    signal_norm = norm(point.g)
    wanted = [bound for bound in derived.bounds.bounds if spectra or not needs_spectra(bound)]
    measure = QuantityValues(point, effort, wanted)
    pullback, length = point.column(derived.line.pullback), measure.length(derived.line.pullback)
    gain = length / signal_norm
    numbers = {bound: _number(bound, measure, signal_norm, gain) for bound in wanted}
    terms = (
        {"norm_g": signal_norm, "norm_pullback": length}
        | _addends(measure, derived.line)
        | measure.exact()
    )
    terms |= {
        bound.name: number.value for bound, number in numbers.items() if bound.side == "equal"
    }
    known = not_looser(numbers, derived.bounds.order)
    bounding = tuple(known[bound.id] for bound in numbers if bound.side != "equal")
    return BlockNumbers(pullback, gain, terms, bounding, torch.ones_like(gain, dtype=torch.bool))


def _spread(numbers: BlockNumbers, live: Tensor) -> BlockNumbers:
    """The numbers of the live samples in their places of the whole batch."""
    return BlockNumbers(
        spread(numbers.pullback, live, 0.0),
        spread(numbers.gain, live, math.nan),
        {name: spread(value, live, math.nan) for name, value in numbers.terms.items()},
        tuple(
            replace(bound, value=spread(bound.value, live, math.nan)) for bound in numbers.bounds
        ),
        live.to(numbers.gain.device),
    )


def _addends(measure: QuantityValues, line: Linearization) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    met = Counter[str]()
    for addend in _addends_of(line):
        said = f"norm {_said(addend)}"
        met[said] += 1  # of long ones not all is said
        found[f"{said} ({met[said]})" if met[said] > 1 else said] = measure.length(addend)
    return found


def _addends_of(line: Linearization) -> tuple[sp.Expr, ...]:
    found: tuple[sp.Expr, ...] = line.pullback.args
    return found if isinstance(line.pullback, sp.MatAdd) else (line.pullback,)


@lru_cache(maxsize=1024)
def _said(expr: sp.Expr) -> str:
    said: str = short_text(expr)
    return said


def _number(
    bound: Bound, measure: QuantityValues, signal_norm: Tensor, gain: Tensor
) -> BoundNumbers:
    """The bound at the worst ends of its quantities, relative to the whole signal like the gain.

    Where it is relative to a signal that is zero, or that is lost beside the others in size, it
    says nothing; an equation then says γ = γ.
    """
    found = [measure.value(str(q.symbol), q.definition) for q in bound.quantities]
    value = worst(bound, found, signal_norm)
    base = measure.length(column(bound.base))
    delta = sum(e.delta for e in found)  # union bound: it may fail where any of them does
    relative = base / signal_norm
    # A ratio of norms beyond the range of floats is infinite, and |1 − t| no bound at all; a base
    # that is lost beside the signal takes a bound from above with it, though its t is not.
    said = value.isfinite() & ((relative >= torch.finfo(gain.dtype).tiny) | (base == 0))
    nothing = {"lower": torch.zeros_like(gain), "upper": torch.full_like(gain, torch.inf)}
    value = torch.where(said, value * relative, nothing.get(bound.side, gain))
    reason = f"{bound.source}; holds for {bound.holds_for}"
    return BoundNumbers(
        bound.id, bound.side, "probable" if delta else bound.certainty, delta or None, value, reason
    )
