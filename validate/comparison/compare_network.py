"""Compares predictions with measurements: is the identity met, does every bound hold, how tight is
it?

Float64 rounding is the only allowance. Counts violations; never drops one.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.evaluation.evaluate import BoundNumbers
from numeric.tolerances import tolerances
from validate.comparison.first_weights import scaled
from validate.comparison.predict import Prediction
from validate.measure.network_gains import Measurement
from validate.networks.segments import Segment
from validate.records.codec import DIGITS
from validate.records.schema import (
    BlockRow,
    BoundRow,
    EpochRow,
    Gains,
    LawRow,
    Results,
    RunConfig,
    Side,
    Total,
    VanishingRow,
)

Key = TypeVar("Key", bound=Hashable)
ROUNDING = tolerances(torch.float64).identity
"""Allowed error relative to the sum of the quantities involved: of the gains, and of what was added
to form them."""


TELESCOPING = 1e-9
"""Allowed relative error of a product of gains over a whole network: thousands of segments, each
off by ROUNDING."""


RECORDED_TERMS = ("t", "c")
"""The terms that are stored; of the others, the gain and these two give every ratio."""


LIMIT = 1e-12
"""Allowed relative error of what a vanished branch leaves: float64 rounding of two norms."""


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


def compare(measured: Tensor, prediction: Prediction) -> Comparison:
    """Holds the prediction of a segment against its measured gains (batch,). Raises InputError if a
    number is NaN.
    """
    live, numbers = prediction.live, prediction.numbers
    vanished = int((~live).sum())
    if numbers is None:
        nothing: Gains = (None,) * len(live)
        return Comparison(nothing, nothing, vanished, None, 0, {}, ())
    if not numbers.gain.isfinite().all():
        raise InputError("a predicted gain is not finite: report the network and its seed")
    seen = measured[live]
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
        bounds=tuple(_check(bound, seen, scale, live) for bound in numbers.bounds),
    )


def block_row(
    run: str,
    epoch: int,
    index: int,
    name: str,
    segment: Segment,
    comparison: Comparison,
    law: LawRow | None,
) -> BlockRow:
    """The record of one segment after one epoch."""
    term = repr(segment.term)
    return BlockRow(
        run=run,
        epoch=epoch,
        index=index,
        name=name,
        kind=segment.kind,
        term=term,
        **vars(comparison),
        law=law,
    )


def law_row(
    measured: Tensor, before: Tensor, after: Tensor, prediction: Prediction
) -> LawRow | None:
    """Where the gains (batch,) and signals ∂L/∂h_{k−1}, ∂L/∂h_k (batch, *shape), as measured, lie
    in the law of random weights, if any.
    """
    live, weights = prediction.live, prediction.weights
    if weights is None:
        return None
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


def _check(bound: BoundNumbers, measured: Tensor, scale: Tensor, live: Tensor) -> BoundRow:
    excess = bound.value - measured if bound.side == "lower" else measured - bound.value
    absurd = bound.value == (math.inf if bound.side == "lower" else -math.inf)
    violated = absurd | ~(excess <= ROUNDING * (measured + bound.value.abs() + scale))
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
    """The measured end-to-end ratio beside the product of the predicted gains (telescoping, exact)."""
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


def fails_to_telescope(total: Total) -> bool:
    """Whether the product of the predicted gains misses the measured end-to-end ratio by more than
    rounding can explain.
    """
    return total.relative_error is not None and total.relative_error > TELESCOPING


def misses_limit(row: VanishingRow) -> bool:
    """Whether a branch scaled by 0 leaves another gradient than predicted."""
    return row.epsilon == 0 and not abs(row.measured - row.predicted) <= LIMIT * (1 + row.predicted)


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
    context = Context(prec=DIGITS, rounding=rounding)
    return tuple(
        None if value is None else float(context.create_decimal(value)) for value in values
    )


@dataclass(frozen=True)
class Summary:
    """How many samples were held against bounds and identities, and how many failed."""

    bound_checks: int
    violations: int
    identity_checks: int
    identity_failures: int
    identity_error: float
    total_error: float
    total_failures: int

    @property
    def failures(self) -> int:
        """Zero, if the theory and its implementation are right."""
        return self.violations + self.identity_failures + self.total_failures


def summarize(blocks: Iterable[BlockRow], epochs: Iterable[EpochRow] = ()) -> Summary:
    """Totals over any selection of rows: one run, one family, one epoch, everything."""
    rows = list(blocks)
    bounds = [bound for row in rows for bound in row.bounds]
    totals = [row.total for row in epochs if row.total is not None]
    return Summary(
        bound_checks=sum(bound.checks for bound in bounds),
        violations=sum(bound.violations for bound in bounds),
        identity_checks=sum(len(row.measured) - row.vanished for row in rows),
        identity_failures=sum(row.identity_failures for row in rows),
        identity_error=max(
            (row.identity_error for row in rows if row.identity_error is not None), default=0.0
        ),
        total_error=max(
            (each.relative_error for each in totals if each.relative_error is not None), default=0.0
        ),
        total_failures=sum(map(fails_to_telescope, totals)),
    )


def summarize_by(results: Results, key: Callable[[RunConfig, int], Key]) -> dict[Key, Summary]:
    """One summary for each value of key(config, epoch), such as `lambda config, epoch:
    config.family`, in order of appearance.
    """
    blocks: dict[Key, list[BlockRow]] = defaultdict(list)
    epochs: dict[Key, list[EpochRow]] = defaultdict(list)
    for run in results.runs:
        for block in run.blocks:
            blocks[key(run.config, block.epoch)].append(block)
        for epoch in run.epochs:
            epochs[key(run.config, epoch.epoch)].append(epoch)
    return {value: summarize(blocks[value], epochs[value]) for value in epochs}
