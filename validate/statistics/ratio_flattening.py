"""Judges whether the ratio of a training batch depends on depth, before and after training.

Per family: a line through log₁₀ ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ over the depth for every seed; the slopes'
mean and t interval over the seeds, held against a band around 0 that is given as data. Depths of
one seed share images, not weights; a seed lacking a depth is left out and counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log10
from statistics import fmean, stdev

import numpy as np
from scipy import stats

from derivations.errors import InputError
from validate.records.schema import Run
from validate.statistics.correlation import LEVEL
from validate.statistics.slopes import LAYERS
from validate.statistics.survival import END, START

LEAST_DEPTHS = 2
LEAST_SEEDS = 2
FLAT, RISES, FALLS, UNDECIDED = "flat", "rises", "falls", "undecided"
HOLDS, FAILS = "holds", "fails"


@dataclass(frozen=True)
class FlatBand:
    """A slope within ±`limit` per LAYERS layers counts as none.

    0.1: half of the least that the laws of initialisation foretell for the families between the
    depths that are trained (0.19, an SE network from 26 to 44 layers), and 26 % of the ratio.
    """

    limit: float = 0.1
    level: float = LEVEL

    def __post_init__(self) -> None:
        if not (self.limit > 0 and 0 < self.level < 1):
            raise InputError("a band needs a limit above 0 and a level between 0 and 1")


FLAT_BAND = FlatBand()


@dataclass(frozen=True)
class DepthSlope:
    """Change of log₁₀ of the ratio per LAYERS layers: mean over seeds and t interval; `left_out`
    seeds lack a depth. Numbers are None with a reason in `missing`.

    `verdict`: flat if the interval lies within the band, rises or falls if it lies beyond it, else
    undecided.
    """

    depths: int
    seeds: int
    left_out: int
    verdict: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    missing: str = ""


@dataclass(frozen=True)
class Flattening:
    """A family. `verdict` on "the ratio rises with depth before training and does not depend on it
    after": holds, fails (after training it rises or falls; or before it, it does not rise), or
    undecided.
    """

    family: str
    before: DepthSlope
    after: DepthSlope
    verdict: str


def flattenings(runs: Iterable[Run], band: FlatBand = FLAT_BAND) -> tuple[Flattening, ...]:
    """Every family, in order of appearance.

    Raises InputError where a family has two runs of one depth and seed.
    """
    families: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        families[run.config.family].append(run)
    return tuple(_family(name, each, band) for name, each in families.items())


def _family(name: str, runs: list[Run], band: FlatBand) -> Flattening:
    before, after = (depth_slope(_ratios(runs, when), band) for when in (START, END))
    if before.verdict in (FLAT, FALLS) or after.verdict in (RISES, FALLS):
        verdict = FAILS
    else:
        verdict = HOLDS if (before.verdict, after.verdict) == (RISES, FLAT) else UNDECIDED
    return Flattening(name, before, after, verdict)


def _ratios(runs: list[Run], when: str) -> dict[int, dict[int, float | None]]:
    """log₁₀ of the ratio by seed and depth; None where none was recorded, or nothing arrived."""
    found: defaultdict[int, dict[int, float | None]] = defaultdict(dict)
    for run in runs:
        depth, seed = run.config.depth, run.config.seed
        if depth in found[seed]:
            raise InputError(
                f"{run.config.run}: a second {run.config.network} with seed {seed}; give the runs "
                "of one width and treatment"
            )
        ratio = (run.epochs[0] if when == START else run.epochs[-1]).batch_ratio
        found[seed][depth] = log10(ratio) if ratio else None
    return dict(found)


def depth_slope(
    ratios: Mapping[int, Mapping[int, float | None]], band: FlatBand = FLAT_BAND
) -> DepthSlope:
    """Of log₁₀ ratios by seed and depth."""
    depths = sorted({depth for each in ratios.values() for depth in each})
    rows = [
        np.array([each[depth] for depth in depths], dtype=np.float64)
        for each in ratios.values()
        if all(each.get(depth) is not None for depth in depths)
    ]
    left_out = len(ratios) - len(rows)
    if len(depths) < LEAST_DEPTHS or len(rows) < LEAST_SEEDS:
        missing = (
            f"needs {LEAST_DEPTHS} depths and {LEAST_SEEDS} seeds with ratios at all of them, has "
            f"{len(depths)} and {len(rows)}"
        )
        return DepthSlope(len(depths), len(rows), left_out, UNDECIDED, missing=missing)
    centred = np.array(depths) - np.mean(depths)
    weights = LAYERS * centred / (centred @ centred)
    slopes = [float(weights @ row) for row in rows]
    value, count = fmean(slopes), len(slopes)
    reach = float(stats.t.ppf((1 + band.level) / 2, count - 1)) * stdev(slopes) / count**0.5
    low, high = value - reach, value + reach
    return DepthSlope(
        len(depths), count, left_out, _verdict(low, high, band.limit), value, low, high
    )


def _verdict(low: float, high: float, limit: float) -> str:
    if low > limit:
        return RISES
    if high < -limit:
        return FALLS
    return FLAT if -limit <= low and high <= limit else UNDECIDED
