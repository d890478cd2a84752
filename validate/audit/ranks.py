"""Correlates two measures over networks: Spearman's ρ with a bootstrap interval that resamples networks, and seeds within them.

Runs of one network are not independent of each other, so networks are the units. Deterministic: the seed is fixed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

NETWORKS = 4
RUNS = 10
RESAMPLES = 2000
LEVEL = 0.95
SEED = 2021

Floats = NDArray[np.float64]
Samples = Mapping[str, Sequence[tuple[float, float]]]
"""By network: (first measure, second measure) of each run."""


@dataclass(frozen=True)
class Correlation:
    """ρ of the medians over seeds, its interval, and how many networks and runs it rests on. None: too few of them, see `missing`."""

    networks: int
    runs: int
    rho: float | None = None
    low: float | None = None
    high: float | None = None
    missing: str = ""

    @property
    def sign(self) -> int | None:
        """−1 or 1 where the whole interval lies on that side of 0; None where it does not."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return None
        return 1 if self.low > 0 else -1

    def __str__(self) -> str:
        if self.rho is None:
            return f"{self.networks} networks, {self.runs} runs"
        numbers = f"ρ = {self.rho:.2f}, 95 % interval {self.low:.2f} to {self.high:.2f}".replace("-", "−")
        return f"{numbers}, {self.networks} networks, {self.runs} runs"


def correlation(samples: Samples) -> Correlation:
    """Spearman's ρ between the two measures, and its percentile interval at LEVEL."""
    runs = [np.array(values, dtype=np.float64) for values in samples.values()]
    networks, count = len(runs), sum(map(len, runs))
    if networks < NETWORKS or count < RUNS:
        return Correlation(networks, count, missing=f"has {networks} networks and {count} runs, needs {NETWORKS} and {RUNS}")
    rho = float(_spearman(np.array([np.median(values, axis=0) for values in runs])[None])[0])
    drawn = _spearman(_resamples(runs))
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(rho) or len(drawn) < RESAMPLES / 2:
        return Correlation(networks, count, missing="one of the two measures does not vary")
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Correlation(networks, count, rho, float(low), float(high))


def _resamples(runs: list[Floats]) -> Floats:
    """(resamples, networks, 2): networks drawn with replacement, and of each the median over seeds drawn with replacement."""
    random = np.random.default_rng(SEED)
    drawn = random.integers(len(runs), size=(RESAMPLES, len(runs)))
    out = np.empty((RESAMPLES, len(runs), 2))
    for index, values in enumerate(runs):
        rows, columns = np.nonzero(drawn == index)
        seeds = random.integers(len(values), size=(len(rows), len(values)))
        out[rows, columns] = np.median(values[seeds], axis=1)
    return out


def _spearman(pairs: Floats) -> Floats:
    """ρ of each row of (rows, networks, 2); NaN where a measure is constant."""
    ranks = rankdata(pairs, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    variances = (centred**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((centred[:, :, 0] * centred[:, :, 1]).sum(axis=1) / np.sqrt(variances[:, 0] * variances[:, 1]))
