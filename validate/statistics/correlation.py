"""Correlates the ranks of two measures over networks, with an interval and a permutation test.

Spearman's ρ and Kendall's τ_b. A point is a network (family, depth), never a run: runs of one
network share what makes it good or bad, so they are one cluster. What cannot be determined is None
with a reason, never NaN. Numbers of resamples are fixed, seeds are arguments.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata, spearmanr
from scipy.stats import t as student

LEAST = 4
"""Points without which there is no correlation."""

RESAMPLES = 2000
PERMUTATIONS = 9999
EXACT = 8
"""Up to so many points in each stratum all permutations are counted."""

LEVEL = 0.95
SIGNIFICANT = 0.05

Floats = NDArray[np.float64]
Coefficient = Literal["Spearman", "Kendall"]
SYMBOLS: Mapping[Coefficient, str] = {"Spearman": "ρ", "Kendall": "τ"}
_ROUNDING = 1e-9
_LARGEST = 10_000_000


@dataclass(frozen=True)
class Correlation:
    """A rank correlation, its LEVEL percentile interval from a bootstrap of networks, and its
    two-sided permutation p-value.

    `exact`: all permutations were counted, else PERMUTATIONS were drawn. `least_p`: what the
    p-value of the most extreme order would be: few networks cannot give a small one. All None where
    nothing can be determined; `missing` says why, or which strata were left out. An interval of no
    width says only that no resample breaks the order, and is not printed; `least_p` says how little
    that may be.
    """

    coefficient: Coefficient
    networks: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    least_p: float | None = None
    exact: bool | None = None
    missing: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval, where it has one that says something."""
        if self.low is None or self.high is None or self.high - self.low < _ROUNDING:
            return None
        return self.low, self.high

    def __str__(self) -> str:
        if self.value is None or self.p is None:
            return f"not determinable: {self.missing}"
        kind = "exact" if self.exact else f"{PERMUTATIONS:,} permutations"
        ends = self.interval
        interval = (
            "no interval" if ends is None else f"95 % interval {ends[0]:.2f} to {ends[1]:.2f}"
        )
        text = (
            f"{SYMBOLS[self.coefficient]} = {self.value:.2f}, {interval}, p = {self.p:.2g} "
            f"({kind}), {self.networks} networks"
        )
        return text.replace("-", "−")


def correlate(strata: Sequence[Floats], coefficient: Coefficient, seed: int) -> Correlation:
    """The mean over strata, (networks, 2) each, of the correlation within each.

    One stratum gives the plain correlation. Networks are resampled, and permuted, within their
    stratum. A stratum too small or without variation is left out; with none left, there is nothing
    to determine. Phipson & Smyth 2010 for drawn permutations: p = (1 + b)/(1 + B), never 0.
    """
    reasons = [lacking(points) for points in strata]
    kept = [
        rankdata(points, axis=0)
        for points, reason in zip(strata, reasons, strict=True)
        if not reason
    ]
    networks = sum(map(len, kept))
    if not kept:
        return Correlation(
            coefficient,
            sum(map(len, strata)),
            missing="; ".join(dict.fromkeys(reasons)) or "there are no networks",
        )
    value = float(np.mean([_by_scipy(points, coefficient) for points in kept]))
    p, least_p, exact = _test(kept, coefficient, value, seed)
    low, high = _interval(kept, coefficient, seed)
    left_out = len(strata) - len(kept)
    why = "; ".join(dict.fromkeys(filter(None, reasons)))
    note = f"{left_out} of {len(strata)} families left out: {why}" if left_out else ""
    return Correlation(coefficient, networks, value, low, high, p, least_p, exact, note)


def partial_spearman(points: Floats, given: Floats) -> tuple[float, float] | None:
    """Spearman's ρ of two measures, (networks, 2), once what their ranks owe to a third is taken
    away, and its p-value by Student's t with n − 3 degrees, which is approximate. None for fewer
    than LEAST + 1 networks, or where nothing is left to vary.
    """
    if len(points) <= LEAST:
        return None
    ranks = rankdata(np.column_stack((points, given)), axis=0)
    (x, y, z) = (ranks - ranks.mean(axis=0)).T
    left = [each - z * (each @ z) / (z @ z) if z.any() else each for each in (x, y)]
    if min(each @ each for each in left) <= _ROUNDING * len(points):
        return None
    value = float(np.clip(_cosine(*left), -1, 1))
    freedom = len(points) - 3
    ratio = abs(value) * math.sqrt(freedom / (1 - value**2)) if abs(value) < 1 else math.inf
    return value, 2 * float(student.sf(ratio, freedom))


def percentiles(drawn: Floats) -> tuple[float, float]:
    """The ends of the LEVEL percentile interval of what a bootstrap drew."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def side(low: float | None, high: float | None) -> int | None:
    """−1 or 1 where the whole interval lies on that side of 0.

    None where it holds 0 or there is none.
    """
    if low is None or high is None or low <= 0 <= high:
        return None
    return 1 if low > 0 else -1


def lacking(points: Floats) -> str:
    """Why (networks, 2) have no correlation; empty if they have one."""
    if len(points) < LEAST:
        return f"needs {LEAST} networks, has {len(points)}"
    return (
        "one of the two measures does not vary" if (points == points[:1]).all(axis=0).any() else ""
    )


def _by_scipy(points: Floats, coefficient: Coefficient) -> float:
    function = spearmanr if coefficient == "Spearman" else kendalltau
    return float(function(points[:, 0], points[:, 1]).statistic)


def _spearman(x: Floats, y: Floats) -> Floats:
    """ρ along the last axis of ranks; NaN where one side is constant."""
    x, y = (each - each.mean(axis=-1, keepdims=True) for each in (x, y))
    return _cosine(x, y)


def _kendall(x: Floats, y: Floats) -> Floats:
    """τ_b along the last axis of ranks; NaN where one side is constant."""
    first, second = np.triu_indices(x.shape[-1], 1)
    x, y = (np.sign(each[..., first] - each[..., second]) for each in (x, y))
    return _cosine(x, y)


def _cosine(x: Floats, y: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((x * y).sum(axis=-1) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1)))


_ALONG: Mapping[Coefficient, Callable[[Floats, Floats], Floats]] = {
    "Spearman": _spearman,
    "Kendall": _kendall,
}


def _test(
    strata: list[Floats], coefficient: Coefficient, value: float, seed: int
) -> tuple[float, float, bool]:
    """The p-value, the least that it could be, and whether it is exact."""
    null = _exact_null(strata, coefficient)
    if null is not None:
        values, weights = null
        # A permutation that ties with what was seen counts as extreme, whatever its last bit.
        p, least_p = (
            float(weights[abs(values) >= extreme - _ROUNDING].sum())
            for extreme in (abs(value), abs(values).max())
        )
        return min(p, 1.0), min(least_p, 1.0), True
    random = np.random.default_rng([seed, 1])
    drawn = np.zeros(PERMUTATIONS)
    for points in strata:
        shuffled = random.permuted(np.tile(points[:, 1], (PERMUTATIONS, 1)), axis=1)
        drawn += _ALONG[coefficient](points[:, 0], shuffled) / len(strata)
    extreme = int((abs(drawn) >= abs(value) - _ROUNDING).sum())
    return (1 + extreme) / (1 + PERMUTATIONS), 1 / (1 + PERMUTATIONS), False


def _exact_null(strata: list[Floats], coefficient: Coefficient) -> tuple[Floats, Floats] | None:
    """The values of the mean over strata under every permutation within each, and their
    probabilities; None if there are too many.
    """
    if max(map(len, strata)) > EXACT:
        return None
    sums: Floats = np.zeros(1)
    weights: Floats = np.ones(1)
    for points in strata:
        permuted = points[:, 1][_permutations(len(points))]
        # Rounded so that values which differ by the order of summation are counted as one.
        values, counts = np.unique(
            _ALONG[coefficient](points[:, 0], permuted).round(12), return_counts=True
        )
        if len(sums) * len(values) > _LARGEST:
            return None
        sums, place = np.unique(np.add.outer(sums, values).ravel().round(11), return_inverse=True)
        weights = np.bincount(
            place, np.outer(weights, counts / math.factorial(len(points))).ravel()
        ).astype(np.float64)
    return sums / len(strata), weights


@cache
def _permutations(count: int) -> NDArray[np.int64]:
    return np.array(list(permutations(range(count))))


def _interval(
    strata: list[Floats], coefficient: Coefficient, seed: int
) -> tuple[float, float] | tuple[None, None]:
    """Percentile interval: whole networks drawn with replacement within each stratum. Resamples
    that do not vary are left out.
    """
    random = np.random.default_rng([seed, 2])
    drawn = np.zeros(RESAMPLES)
    for points in strata:
        sample = rankdata(
            points[random.integers(len(points), size=(RESAMPLES, len(points)))], axis=1
        )
        drawn += _ALONG[coefficient](sample[..., 0], sample[..., 1]) / len(strata)
    # A resample in which one side does not vary has no correlation.
    drawn = drawn[np.isfinite(drawn)]
    # An interval from the few resamples that vary would tell of them and not of the networks.
    if len(drawn) < RESAMPLES / 2:
        return None, None
    return percentiles(drawn)
