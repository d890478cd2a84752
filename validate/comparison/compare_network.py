"""Compares predictions with measurements: is the identity met, does every bound hold, how tightly?

Float64 rounding is the only allowance. Counts violations; never drops one.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context
from typing import cast

import numpy as np
import torch
from torch import Tensor

from derivations.errors import InputError
from numeric import BoundNumbers, Segment, tolerances
from validate.comparison.first_weights import scaled
from validate.comparison.predict import Prediction
from validate.measure.network_gains import Measurement
from validate.records.codec import DIGITS
from validate.records.schema import BlockRow, BoundRow, Gains, LawRow, Masked, Side, Total

ROUNDING = tolerances(torch.float64).identity
"""Allowed error relative to the sum of the quantities involved: of the gains, and of what was added
to form them."""


RECORDED_TERMS = ("t", "c")
"""The terms that are stored; of the others, the gain and these two give every ratio."""


@dataclass(frozen=True)
class Comparison:
    """What a block row states about numbers: see `records.BlockRow`."""

    measured: Gains
    predicted: Gains
    vanished: int
    identity_error: float | None
    identity_failures: int
    terms: dict[str, Gains]
    bounds: tuple[BoundRow, ...]
    masked: tuple[Masked | None, ...] = ()


def compare(measured: Tensor, prediction: Prediction) -> Comparison:
    """Holds the prediction of a segment against its measured gains (batch,). Raises InputError if a
    number is NaN.
    """
    live, numbers = prediction.live, prediction.numbers
    vanished, masked = int((~live).sum()), _masks(prediction)
    if numbers is None:
        nothing: Gains = (None,) * len(live)
        return Comparison(nothing, nothing, vanished, None, 0, {}, (), masked)
    if not numbers.gain.isfinite().all():
        raise InputError("a predicted gain is not finite: report the network and its seed")
    seen = measured[live]
    # A gain can be that of a sum whose parts cancel: rounding is relative to the parts.
    scale = numbers.terms.get("t", torch.zeros_like(seen))
    difference = (numbers.gain - seen).abs()
    return Comparison(
        measured=_spread(seen, live),
        predicted=_spread(numbers.gain, live),
        vanished=vanished,
        identity_error=float(relative_error(numbers.gain, seen).max()),
        identity_failures=int((~(difference <= ROUNDING * (numbers.gain + seen + scale))).sum()),
        terms={
            name: _rounded(_spread(value, live))
            for name, value in numbers.terms.items()
            if name in RECORDED_TERMS
        },
        bounds=tuple(
            bound_row(bound, seen, ROUNDING * (seen + bound.value.abs() + scale), live)
            for bound in numbers.bounds
        ),
        masked=masked,
    )


def _masks(prediction: Prediction) -> tuple[Masked | None, ...]:
    if prediction.live.all():
        return ()
    none = torch.zeros_like(prediction.live)
    faint_ones = none if prediction.faint is None else prediction.faint
    pairs = zip(prediction.live.tolist(), faint_ones.tolist(), strict=True)
    return tuple(None if live else "faint" if faint else "zero" for live, faint in pairs)


def block_row(
    run: str,
    epoch: int,
    index: int,
    name: str,
    segment: Segment,
    comparison: Comparison,
    law: LawRow | None,
    every_loss: tuple[BoundRow, ...] = (),
) -> BlockRow:
    """The record of one segment after one epoch, with the bounds that hold for `every_loss`."""
    term, numbers = repr(segment.term), vars(comparison)
    return BlockRow(
        run=run,
        epoch=epoch,
        index=index,
        name=name,
        kind=segment.kind,
        term=term,
        **numbers | {"bounds": (*comparison.bounds, *every_loss)},
        law=law,
    )


def law_row(
    measured: Tensor, before: Tensor, after: Tensor, prediction: Prediction
) -> LawRow | None:
    """Where the gains (batch,) and signals ∂L/∂h_{k−1}, ∂L/∂h_k (batch, *shape), as measured, lie
    in the law of random weights, if any.
    """
    weights = prediction.weights
    if weights is None:
        return None
    live, measured, before, after = (
        each.cpu() for each in (prediction.live, measured, before, after)
    )
    kept = weights.square.answerable()
    probability = np.full(kept.shape, np.inf)
    if kept.any():
        probability[kept] = weights.square.where(kept).cdf(measured[live].square().numpy()[kept])
    arrived = scaled(before[live], after[live]) - weights.v
    alignment = torch.where(
        weights.deviation > 0, (weights.v * arrived).flatten(1).sum(1) / weights.deviation, math.inf
    )
    return LawRow(
        weight_std=weights.weight_std,
        chi=_rounded(_spread(weights.chi, live)),
        probability=_rounded(_spread(torch.from_numpy(probability), live)),
        alignment=_rounded(_spread(alignment, live)),
    )


def bound_row(bound: BoundNumbers, measured: Tensor, allowed: Tensor, live: Tensor) -> BoundRow:
    """The record of a bound beside the gains of the samples marked in `live` (batch,), which may be
    beyond it by what rounding is `allowed`.
    """
    excess = bound.value - measured if bound.side == "lower" else measured - bound.value
    # An infinite bound on the wrong side: ∞ − gain ≤ ROUNDING · ∞ would pass as rounding.
    absurd = bound.value == (math.inf if bound.side == "lower" else -math.inf)
    violated = absurd | ~(excess <= allowed)
    stored = _rounded(
        _spread(bound.value, live), ROUND_FLOOR if bound.side == "lower" else ROUND_CEILING
    )
    alive = [value for value, is_live in zip(stored, live.tolist(), strict=True) if is_live]
    ratios = [
        gain / value
        for gain, value in zip(measured.tolist(), alive, strict=True)
        if value is not None and value > 0
    ]
    return BoundRow(
        id=bound.id,
        side=cast(Side, bound.side),
        certainty=bound.certainty,
        delta=bound.delta,
        value=stored,
        violations=int(violated.sum()),
        tightness=_rounded((statistics.median(ratios),))[0] if ratios else None,
    )


def total(measurement: Measurement, predicted: Sequence[Gains]) -> Total:
    """The measured end-to-end ratio beside the product of the predicted gains (they telescope)."""
    telescoped = [_product(gains) for gains in zip(*predicted, strict=True)]
    measured = [None if math.isnan(value) else value for value in measurement.total.tolist()]
    pairs = [
        (p, m) for p, m in zip(telescoped, measured, strict=True) if p is not None and m is not None
    ]
    errors = [
        float(
            relative_error(
                torch.tensor(p, dtype=torch.float64), torch.tensor(m, dtype=torch.float64)
            )
        )
        for p, m in pairs
    ]
    return Total(
        measured=tuple(measured),
        telescoped=tuple(telescoped),
        relative_error=max(errors, default=None),
    )


def relative_error(first: Tensor, second: Tensor) -> Tensor:
    """|first − second| / max(|first|, |second|): within [0, 1] for gains, 0 where both are exactly
    zero.
    """
    largest = torch.maximum(first.abs(), second.abs())
    return torch.where(largest > 0, (first - second).abs() / largest, 0.0)


def _product(gains: tuple[float | None, ...]) -> float | None:
    return None if None in gains else math.prod(gain for gain in gains if gain is not None)


def _spread(values: Tensor, live: Tensor) -> Gains:
    """The values of the live samples in their places, null elsewhere and where infinite (a bound
    that says nothing).
    """
    if values.isnan().any():
        raise InputError(
            "a prediction or measurement is not a number: report the network and its seed"
        )
    numbers = iter(values.tolist())
    spread = (next(numbers) if alive else None for alive in live.tolist())
    return tuple(None if value is None or math.isinf(value) else value for value in spread)


def _rounded(values: Gains, rounding: str = ROUND_HALF_EVEN) -> Gains:
    """The values to DIGITS significant digits."""
    # Decimal, because rounding up or down to so many digits is no operation of floats.
    context = Context(prec=DIGITS, rounding=rounding)
    return tuple(
        None if value is None else float(context.create_decimal(value)) for value in values
    )
