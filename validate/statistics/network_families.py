"""Sums up by family whether identities and bounds held, and which depth law the ratio follows.

The ratio is that from end to end, at initialization. Counts come from
`validate.comparison.compare_network`. A law is fitted to measured and to predicted ratios alike, so
that the fits can be compared.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from validate.records.schema import Results, Run
from validate.statistics.correlation import LEAST, Floats
from validate.statistics.summary import Summary, summarize_by
from validate.statistics.survival import median_gain


@dataclass(frozen=True)
class Fit:
    """log₁₀ of the ratio ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ on the depth L: "exponential" a + bL, "power" a + b
    log₁₀ L. `r_squared`: share explained.
    """

    law: Literal["exponential", "power"]
    rate: float
    r_squared: float


@dataclass(frozen=True)
class Held:
    """A family's counts, and the better of the two laws: fitted to measured ratios, and to the
    products of predicted gains.

    None where there are too few depths, or ratios of 0 or without variation; `missing` says which.
    """

    family: str
    runs: int
    summary: Summary
    measured: Fit | None
    predicted: Fit | None
    missing: str = ""


def held(results: Results) -> tuple[Held, ...]:
    """Every family in order of appearance."""
    summaries = summarize_by(results, lambda config, _: config.family)
    return tuple(
        _of(family, [run for run in results.runs if run.config.family == family], each)
        for family, each in summaries.items()
    )


def _of(family: str, runs: list[Run], summary: Summary) -> Held:
    totals = [(float(run.config.depth), run.epochs[0].total) for run in runs]
    pairs = [
        (depth, median_gain(total.measured), median_gain(total.telescoped))
        for depth, total in totals
        if total is not None
    ]
    depths, measured, predicted = (
        np.array(each, dtype=np.float64) for each in np.reshape(pairs, (-1, 3)).T
    )
    if len(set(depths)) < LEAST:
        return Held(
            family, len(runs), summary, None, None, f"needs {LEAST} depths, has {len(set(depths))}"
        )
    if not ((measured > 0) & (predicted > 0)).all():
        return Held(family, len(runs), summary, None, None, "no gradient arrives in some run")
    if np.ptp(measured) == 0 or np.ptp(predicted) == 0:
        return Held(family, len(runs), summary, None, None, "the ratio does not vary")
    best = max(
        (_fit("exponential", depths, measured), _fit("power", depths, measured)),
        key=lambda fit: fit.r_squared,
    )
    return Held(family, len(runs), summary, best, _fit(best.law, depths, predicted))


def _fit(law: Literal["exponential", "power"], depths: Floats, ratios: Floats) -> Fit:
    x = depths if law == "exponential" else np.log10(depths)
    y = np.log10(ratios)
    x, y = x - x.mean(), y - y.mean()
    rate = float((x @ y) / (x @ x))
    return Fit(law, rate, float(1 - ((y - rate * x) ** 2).sum() / (y @ y)))
