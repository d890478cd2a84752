"""Sums up by family whether identities and bounds held, and which depth law the ratio follows.

The ratio is that of a training batch from end to end, at initialization. Counts come from
`validate.comparison.compare_network`. A law is fitted to measured ratios and to those that theory
foretells from the structure of the same networks, so that the fits can be compared.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from derivations.errors import InputError
from validate.comparison.initial_ratios import predicted_ratio
from validate.networks.build import build
from validate.records.schema import Results, Run, RunConfig
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
    """A family's counts, and the better of the two laws: fitted to measured ratios, and to those of
    `validate.comparison.initial_ratios`, which knows neither weights nor images.

    None where there are too few depths, ratios of 0 or without variation, or no law of the network;
    `missing` says which. Records of version 1 hold no ratio of a batch in train mode: those of the
    probe samples are fitted, about which theory says nothing.
    """

    family: str
    runs: int
    summary: Summary
    measured: Fit | None
    theory: Fit | None
    missing: str = ""


def held(results: Results) -> tuple[Held, ...]:
    """Every family in order of appearance."""
    summaries = summarize_by(results, lambda config, _: config.family)
    return tuple(
        _of(family, [run for run in results.runs if run.config.family == family], each)
        for family, each in summaries.items()
    )


def _of(family: str, runs: list[Run], summary: Summary) -> Held:
    batches = all(run.epochs[0].batch_ratio is not None for run in runs)
    pairs = [
        (float(run.config.depth), ratio)
        for run in runs
        if (ratio := _batch_ratio(run) if batches else _probe_ratio(run)) is not None
    ]
    depths, measured = (np.array(each, dtype=np.float64) for each in np.reshape(pairs, (-1, 2)).T)
    if len(set(depths)) < LEAST:
        return Held(
            family, len(runs), summary, None, None, f"needs {LEAST} depths, has {len(set(depths))}"
        )
    if not (measured > 0).all():
        return Held(family, len(runs), summary, None, None, "no gradient arrives in some run")
    if np.ptp(measured) == 0:
        return Held(family, len(runs), summary, None, None, "the ratio does not vary")
    best = max(
        (_fit("exponential", depths, measured), _fit("power", depths, measured)),
        key=lambda fit: fit.r_squared,
    )
    if not batches:
        return Held(family, len(runs), summary, best, None, "not of batches in train mode")
    try:
        foretold = np.array([10 ** _foretold(run.config) for run in runs])
    except InputError as error:
        return Held(family, len(runs), summary, best, None, str(error))
    return Held(family, len(runs), summary, best, _fit(best.law, depths, foretold))


def _batch_ratio(run: Run) -> float | None:
    return run.epochs[0].batch_ratio


def _probe_ratio(run: Run) -> float | None:
    total = run.epochs[0].total
    return None if total is None else median_gain(total.measured)


def _foretold(config: RunConfig) -> float:
    """log₁₀ of the ratio, of the network as it is before training."""
    return _foretold_of(
        config.network, config.in_channels, config.image_size, config.width, config.reduction
    )


@lru_cache
def _foretold_of(name: str, channels: int, size: int, width: int, reduction: int) -> float:
    network = build(name, in_channels=channels, image_size=size, width=width, reduction=reduction)
    return predicted_ratio(network, size).total


def _fit(law: Literal["exponential", "power"], depths: Floats, ratios: Floats) -> Fit:
    x = depths if law == "exponential" else np.log10(depths)
    y = np.log10(ratios)
    x, y = x - x.mean(), y - y.mean()
    rate = float((x @ y) / (x @ x))
    return Fit(law, rate, float(1 - ((y - rate * x) ** 2).sum() / (y @ y)))
