"""Sums up by family and epoch how far networks are from the law of random weights.

Of each block and run one sample counts, the first: samples of a batch share their weights. Blocks
of a run share a network, so intervals come from a bootstrap of runs. Of a dozen runs they cover
nine times in ten, not 95 %. Runs of one seed see the same images and start from the same weights in
their first blocks: they are worth fewer than there are, and p and intervals are somewhat too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from scipy.stats import kstest

from validate.records.schema import BlockRow, Gains, Results, Run
from validate.statistics.correlation import RESAMPLES, percentiles
from validate.statistics.holm_adjustment import holm

SEED = 2021
NORMAL_95 = 1.959963984540054
"""The alignment exceeds this in 5 % of all blocks, if weights are normal and the signals do not
depend on them."""


@dataclass(frozen=True)
class Spread:
    """The mean of alignments, 0 under the law, and their root mean square, 1 under the law, with
    intervals from a bootstrap of runs; the share beyond ±NORMAL_95, 5 % under the law; `cosine`:
    the median of c, of the same blocks.
    """

    mean: float
    mean_low: float
    mean_high: float
    rms: float
    rms_low: float
    rms_high: float
    beyond: float
    cosine: float


@dataclass(frozen=True)
class LawFit:
    """A family after an epoch. `chi`: the median of E t² as predicted, `seen` that of t² as
    measured (for plain blocks, γ²).

    `distance`: of the probabilities from the uniform distribution (Kolmogorov–Smirnov), `p` under
    the law, `adjusted` by Holm for all that were fitted together. `alignment` is None where blocks
    have no skip.
    """

    family: str
    epoch: int
    runs: int
    blocks: int
    chi: float
    seen: float
    distance: float
    p: float
    alignment: Spread | None
    adjusted: float = 1.0


def law_fits(results: Results, seed: int = SEED) -> tuple[LawFit, ...]:
    """Every family at every epoch with rows of the law, in order of appearance.

    Empty where there are no such rows.
    """
    families = dict.fromkeys(run.config.family for run in results.runs)
    fits = []
    for family in families:
        runs = [run for run in results.runs if run.config.family == family]
        epochs = sorted({row.epoch for run in runs for row in run.blocks})
        fits += [fit for epoch in epochs if (fit := _fit(family, epoch, runs, seed)) is not None]
    return tuple(
        replace(fit, adjusted=p) for fit, p in zip(fits, holm([fit.p for fit in fits]), strict=True)
    )


def _fit(family: str, epoch: int, runs: Sequence[Run], seed: int) -> LawFit | None:
    by_run = [[row for row in run.blocks if row.epoch == epoch] for run in runs]
    rows = [row for each in by_run for row in each]
    found, means = probabilities(rows), [pair for row in rows if (pair := _mean_squares(row))]
    if not found or not means:
        return None
    # Where weights are drawn from the law, its probability of what was seen is uniform.
    test = kstest(found, "uniform")
    chi, seen = (median(each) for each in zip(*means, strict=True))
    alignment = _spread([aligned for each in by_run if (aligned := alignments(each))], seed)
    return LawFit(
        family,
        epoch,
        len(runs),
        len(found),
        chi,
        seen,
        float(test.statistic),
        float(test.pvalue),
        alignment,
    )


def probabilities(rows: Sequence[BlockRow]) -> list[float]:
    """The law's probability of a gain up to that of each block's first sample, where there is a law
    that is no point.
    """
    found = [_first(row, row.law.probability) for row in rows if row.law is not None]
    return [probability for probability in found if probability is not None]


def alignments(rows: Sequence[BlockRow]) -> list[tuple[float, float]]:
    """The alignment of each block's first sample, with its cosine.

    Blocks without a skip are left out.
    """
    found = [
        (_first(row, row.law.alignment), _first(row, row.terms.get("c", ())))
        for row in rows
        if row.law is not None
    ]
    return [
        (aligned, cosine) for aligned, cosine in found if aligned is not None and cosine is not None
    ]


def _mean_squares(row: BlockRow) -> tuple[float, float] | None:
    """E t² and t² of the block's first sample (γ² without a skip)."""
    chi = None if row.law is None else _first(row, row.law.chi)
    size = _first(row, row.terms.get("t", row.measured))
    return None if chi is None or size is None else (chi, size**2)


def _first(row: BlockRow, gains: Gains) -> float | None:
    """The number of the first sample whose signal had not vanished, None where it has none."""
    live = (sample for sample, measured in enumerate(row.measured) if measured is not None)
    return next((gains[sample] for sample in live if gains), None)


def _spread(by_run: list[list[tuple[float, float]]], seed: int) -> Spread | None:
    if not by_run:
        return None
    aligned, cosines = (
        np.array([pair[part] for each in by_run for pair in each]) for part in (0, 1)
    )
    counts = np.array([len(each) for each in by_run], dtype=np.float64)
    powers = [
        np.array([sum(value**power for value, _ in each) for each in by_run]) for power in (1, 2)
    ]
    chosen = np.random.default_rng(seed).integers(len(by_run), size=(RESAMPLES, len(by_run)))
    means, squares = (sums[chosen].sum(1) / counts[chosen].sum(1) for sums in powers)
    rms, beyond = np.sqrt((aligned**2).mean()), (abs(aligned) > NORMAL_95).mean()
    intervals = (
        float(aligned.mean()),
        *percentiles(means),
        float(rms),
        *percentiles(np.sqrt(squares)),
    )
    return Spread(*intervals, float(beyond), float(np.median(cosines)))
