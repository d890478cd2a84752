"""Fits how the test error changes with depth, a line per family, with intervals over seeds.

Every seed trains every depth and gives a slope of its own, from which differences between seeds
drop out; Student's t over the seeds. A family whose errors bend has no line, and is told to have
none. What cannot be determined is None with a reason.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

import numpy as np
from scipy.stats import t as student

from validate.records.schema import Results
from validate.statistics.correlation import LEVEL, Floats, side
from validate.statistics.survival import test_error

DEPTHS = 4
SEEDS = 3
PLAIN, RESIDUAL = "plain", "residual"
LAYERS = 10
"""A slope is the change of the test error, in points, per so many layers."""

Errors = Mapping[int, Mapping[int, Sequence[float]]]
"""Of one family: by depth, by seed, the test error of each run (one run, unless several networks
share the depth)."""


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, Student's interval at LEVEL, and the two-sided p-value of its being 0."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Slope:
    """Points of test error per LAYERS layers, over seeds. `bend`: the coefficient of depth squared,
    in points per LAYERS² layers²; where its interval excludes 0, no line tells the whole.

    None with a reason in `missing`, or none missing.
    """

    depths: int
    seeds: int
    found: Interval | None = None
    bend: Interval | None = None
    missing: str = ""

    @property
    def sign(self) -> int | None:
        """−1 or 1 where the whole interval lies on that side of 0, else None."""
        return None if self.found is None else side(self.found.low, self.found.high)

    @property
    def bent(self) -> bool:
        """Whether a line is excluded."""
        return self.bend is not None and side(self.bend.low, self.bend.high) is not None

    def __str__(self) -> str:
        if self.found is None:
            return f"not determinable: {self.missing}"
        text = (
            f"{self.found.value:+.2f} points per {LAYERS} layers, 95 % interval "
            f"{self.found.low:+.2f} to {self.found.high:+.2f}, p = {self.found.p:.2g}"
        )
        bent = ", but no line: the errors bend" if self.bent else ""
        return f"{text}{bent}, {self.depths} depths, {self.seeds} seeds".replace("-", "−")


@dataclass(frozen=True)
class Trends:
    """The slope of the final test error with depth, by family and of plain beyond residual
    networks; `errors`: its medians, by family and depth.
    """

    slopes: Mapping[str, Slope]
    beyond: Slope
    errors: Mapping[str, Mapping[int, float]]


def trends(results: Results) -> Trends:
    """Of the plain and the residual networks in the records."""
    errors = {family: _errors(results, family) for family in (PLAIN, RESIDUAL)}
    plain, residual, beyond = slopes(errors[PLAIN], errors[RESIDUAL])
    medians = {
        family: {
            depth: median(error for runs in seeds.values() for error in runs)
            for depth, seeds in sorted(by_depth.items())
        }
        for family, by_depth in errors.items()
    }
    return Trends({PLAIN: plain, RESIDUAL: residual}, beyond, medians)


def slopes(first: Errors, second: Errors) -> tuple[Slope, Slope, Slope]:
    """The slopes of two families, and of the first beyond the second, seed by seed."""
    one, two = _fit(first), _fit(second)
    lacking = one.missing or two.missing
    if not lacking and _seeds(first) != _seeds(second):
        lacking = "the families were trained with other seeds"
    if lacking:
        return one, two, Slope(0, 0, missing=lacking)
    difference = _coefficients(first, 1) - _coefficients(second, 1)
    beyond = Slope(min(one.depths, two.depths), one.seeds, over_seeds(difference))
    return one, two, beyond


def over_seeds(values: Sequence[float] | Floats) -> Interval:
    """The mean of one value per seed, two at least, with Student's interval and p-value."""
    mean, error = fmean(values), stdev(values) / len(values) ** 0.5
    freedom = len(values) - 1
    reach = float(student.ppf((1 + LEVEL) / 2, freedom)) * error
    # Seeds that agree to the last bit leave no doubt but where the mean is 0.
    ratio = abs(mean) / error if error else float("inf") if mean else 0.0
    return Interval(mean, mean - reach, mean + reach, 2 * float(student.sf(ratio, freedom)))


def _errors(results: Results, family: str) -> dict[int, dict[int, list[float]]]:
    """The final test errors of a family, by depth and seed."""
    errors: defaultdict[int, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in results.runs:
        if run.config.family == family:
            errors[run.config.depth][run.config.seed].append(test_error(run))
    return {depth: dict(seeds) for depth, seeds in errors.items()}


def _seeds(errors: Errors) -> list[int]:
    return sorted({seed for each in errors.values() for seed in each})


def _fit(errors: Errors) -> Slope:
    depths, seeds = len(errors), len(_seeds(errors))
    if missing := _missing(errors):
        return Slope(depths, seeds, missing=missing)
    return Slope(
        depths, seeds, over_seeds(_coefficients(errors, 1)), over_seeds(_coefficients(errors, 2))
    )


def _coefficients(errors: Errors, degree: int) -> Floats:
    """Of each seed the leading coefficient of the polynomial of this degree that fits best."""
    depths = sorted(errors)
    table = [[100 * errors[depth][seed][0] for seed in _seeds(errors)] for depth in depths]
    return np.polyfit(np.array(depths) / LAYERS, table, degree)[0]


def _missing(errors: Errors) -> str:
    depths, seeds = sorted(errors), _seeds(errors)
    if len(depths) < DEPTHS or len(seeds) < SEEDS:
        return f"needs {DEPTHS} networks and {SEEDS} seeds, has {len(depths)} and {len(seeds)}"
    if any(len(errors[depth].get(seed, ())) != 1 for depth in depths for seed in seeds):
        return "not every depth was trained once with every seed"
    return ""
