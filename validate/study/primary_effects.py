"""Computes the two primary tests of the protocol from the records of the trials.

What is not there yet is None with a reason: a test is made once, when its trials are complete.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

import numpy as np
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from validate.statistics.correlation import LEVEL, Correlation, Floats, correlate
from validate.study.protocol import Pairs
from validate.study.study_folder import Study
from validate.study.trials import TrialRow, differences, error_of, residual_pairs

SEED = 2021
"""Of the bootstrap interval of ρ."""


@dataclass(frozen=True)
class FlowPoint:
    """A level in a stratum: means over seeds of the measure (−∞ where no signal arrives at h_0) and
    of the test error.
    """

    network: str
    level: str
    flow: float
    error: float
    seeds: int


@dataclass(frozen=True)
class FlowTest:
    """Does more flow go with less error? `found`: the mean of ρ over strata; `strata`: each ρ.

    `levers`, not asked for by the protocol: the mean of ρ over levels where one lever was varied
    and the other was left at 1.
    """

    points: tuple[FlowPoint, ...]
    strata: Mapping[str, float]
    found: Correlation
    levers: Mapping[str, float]

    @property
    def by_lever(self) -> str:
        """In words."""
        found = (f"{name} alone {rho:+.2f}" for name, rho in self.levers.items())
        return f"mean ρ by what is scaled: {', '.join(found)}".replace("-", "−")


@dataclass(frozen=True)
class DepthEffect:
    """The difference in test error, in points, deep less shallow, over pairs: mean, the two-sided
    interval of Student's t at LEVEL, and the p-values of one-sided tests: that it is `below` 0,
    `above` 0, and `within` ± the margin.
    """

    family: str
    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    below: float
    above: float
    within: float

    def __str__(self) -> str:
        text = (
            f"{self.mean:+.2f} points, 95 % interval {self.low:+.2f} to {self.high:+.2f}, "
            f"{len(self.differences)} pairs"
        )
        return text.replace("-", "−")


@dataclass(frozen=True)
class DepthTest:
    """What depth does to residual networks (`gain`) and to plain ones (`gate`); `p`: that both
    parts of the claim hold.
    """

    gain: DepthEffect
    gate: DepthEffect

    @property
    def p(self) -> float:
        return max(self.gain.below, self.gate.above)


def flow_test(study: Study) -> FlowTest | str:
    """The test of C25, or why there is none yet."""
    if lacking := _lacking(study, study.protocol.flow.claim):
        return lacking
    if unmeasured := _unmeasured(study):
        return unmeasured
    points = flow_points(study)
    strata = {network: list(group) for network, group in groupby(points, lambda each: each.network)}
    arrays = {network: _array(each) for network, each in strata.items()}
    return FlowTest(
        points,
        {
            network: correlate([array], "Spearman", SEED).value or math.nan
            for network, array in arrays.items()
        },
        correlate(list(arrays.values()), "Spearman", SEED),
        {lever: _of_lever(study, lever, strata) for lever in ("skip", "branch")},
    )


def _of_lever(study: Study, lever: str, strata: Mapping[str, Sequence[FlowPoint]]) -> float:
    other = "branch" if lever == "skip" else "skip"
    varied = {level.name for level in study.protocol.flow.levels if getattr(level, other) == 1}
    arrays = [_array([each for each in group if each.level in varied]) for group in strata.values()]
    return correlate(arrays, "Spearman", SEED).value or math.nan


def flow_points(study: Study) -> tuple[FlowPoint, ...]:
    """Every level of every stratum for which there are trials, in the order of the protocol."""
    rows: dict[tuple[str, str], list[TrialRow]] = {}
    for row in study.of_claim(study.protocol.flow.claim):
        rows.setdefault((row.trial.network, row.trial.level.name), []).append(row)
    part = study.protocol.flow
    return tuple(
        FlowPoint(
            network,
            level.name,
            fmean(_logarithm(row) for row in found),
            fmean(error_of(study.protocol, row) for row in found),
            len(found),
        )
        for network in part.strata
        for level in part.levels
        if (found := rows.get((network, level.name)))
    )


def depth_test(study: Study) -> DepthTest | str:
    """The test of C24, or why there is none yet."""
    if lacking := _lacking(study, study.protocol.depth.claim):
        return lacking
    gain, gate = depth_pairs(study)
    return DepthTest(_effect(study, gain), _effect(study, gate))


def depth_pairs(study: Study) -> tuple[Pairs, Pairs]:
    """The pairs of residual and of plain networks, as many as their deviation asks for."""
    part = study.protocol.depth
    asked = residual_pairs(study.protocol, study.rows)
    return part.gain.model_copy(update={"pairs": asked}), part.gate


def _effect(study: Study, pairs: Pairs) -> DepthEffect:
    found = differences(study.protocol, pairs, study.rows)
    below, above = (
        float(ttest_1samp(found, 0, alternative=side).pvalue) for side in ("less", "greater")
    )
    margin = study.protocol.depth.margin
    within = max(
        float(ttest_1samp(found, margin, alternative="less").pvalue),
        float(ttest_1samp(found, -margin, alternative="greater").pvalue),
    )
    mean, error = fmean(found), float(np.std(found, ddof=1)) / math.sqrt(len(found))
    reach = float(student.ppf((1 + LEVEL) / 2, len(found) - 1)) * error
    return DepthEffect(
        pairs.family, tuple(found), mean, mean - reach, mean + reach, below, above, within
    )


def _unmeasured(study: Study) -> str:
    """Where the protocol says nothing of how a trial ranks."""
    rows = study.of_claim(study.protocol.flow.claim)
    names = [row.trial.trial for row in rows if row.batch_ratios[0] is None]
    return (
        f"no signal, or no finite one, was measured before training in {', '.join(names)}"
        if names
        else ""
    )


def _lacking(study: Study, claim: str) -> str:
    missing = sum(trial.claim == claim for trial in study.missing)
    there = len(study.of_claim(claim))
    return f"{there} of {there + missing} trials are there" if missing else ""


def _array(points: Sequence[FlowPoint]) -> Floats:
    return np.array([(point.flow, point.error) for point in points], dtype=np.float64)


def _logarithm(row: TrialRow) -> float:
    ratio = row.batch_ratios[0]
    return math.log10(ratio) if ratio else -math.inf
