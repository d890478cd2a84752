"""Ranks networks by how much of their gradient survives, and how that goes with their error.

Every statistic asked for is a line of the table. Lines pooled over families are adjusted together;
lines of a single family are not: so few networks cannot reject whatever their order, and would only
weaken the others. None judges a claim: these networks differ in much else beside their flow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from validate.records.schema import Results
from validate.statistics.correlation import (
    SYMBOLS,
    Coefficient,
    Correlation,
    Floats,
    correlate,
    lacking,
    partial_spearman,
)
from validate.statistics.holm_adjustment import holm
from validate.statistics.slopes import Trends, trends
from validate.statistics.survival import SEED, START, Point, measures, points, primary

WITHIN, ACROSS = "within families", "over all networks"
POOLED = (WITHIN, ACROSS)
COEFFICIENT: Coefficient = "Spearman"
"""The coefficient that is looked at first; the other stands beside it."""


@dataclass(frozen=True)
class Row:
    """One line of the ranking table. `adjusted` is its p-value adjusted by Holm for the pooled
    lines; None for a line of one family, and where nothing is determinable.
    """

    measure: str
    group: str
    found: Correlation
    adjusted: float | None = None

    def __str__(self) -> str:
        if self.found.p is None:
            return str(self.found)
        if self.adjusted is None:
            return f"{self.found}, not adjusted"
        return f"{self.found}, p = {self.adjusted:.2g} adjusted".replace("e-", "e−")


@dataclass(frozen=True)
class Ranking:
    """The whole table, and the slopes of error with depth beside it. `first`: the measure that is
    looked at first, as is its place; `tests`: how many pooled lines are adjusted for each other;
    `given_depth`: of the first measure, Spearman's ρ over all networks given their depth, and p.
    """

    trends: Trends
    rows: tuple[Row, ...]
    first: str
    tests: int
    given_depth: tuple[float, float] | None


def ranking(results: Results, seed: int = SEED) -> Ranking:
    """Each measure in each group by each coefficient. The table is remembered as long as the
    networks and their numbers stay.
    """
    families = tuple(dict.fromkeys(run.config.family for run in results.runs))
    found = {name: points(results.runs, each) for name, each in measures(results.runs).items()}
    rows, tests = _adjusted(families, tuple(found.items()), seed)
    first = f"{primary(results.runs)} {START}"
    return Ranking(trends(results), rows, first, tests, _given_depth(found[first]))


def _given_depth(networks: Sequence[Point]) -> tuple[float, float] | None:
    pairs = np.array([(point.survival, point.error) for point in networks]).reshape(-1, 2)
    return partial_spearman(pairs, np.array([point.depth for point in networks], np.float64))


# The audit, a figure and a table ask for it in turn, and it counts permutations.
@lru_cache(maxsize=1)
def _adjusted(
    families: tuple[str, ...],
    networks: tuple[tuple[str, tuple[Point, ...]], ...],
    seed: int,
) -> tuple[tuple[Row, ...], int]:
    rows = _rows(families, networks, seed)
    pooled = {
        each: row.found.p
        for each, row in enumerate(rows)
        if row.group in POOLED and row.found.p is not None
    }
    for each, adjusted in zip(pooled, holm(list(pooled.values())), strict=True):
        rows[each] = replace(rows[each], adjusted=adjusted)
    return tuple(rows), len(pooled)


def _rows(
    families: Iterable[str], networks: Iterable[tuple[str, tuple[Point, ...]]], seed: int
) -> list[Row]:
    return [
        Row(name, group, _correlate(group, strata, coefficient, seed))
        for name, found in networks
        for group, strata in _strata(families, found).items()
        for coefficient in SYMBOLS
    ]


def _correlate(
    group: str, strata: list[Floats], coefficient: Coefficient, seed: int
) -> Correlation:
    families = (
        sum(1 for points in strata if not lacking(points))
        if group == WITHIN
        else sum(1 for points in strata if len(points))
    )
    if group in POOLED and families < 2:
        return Correlation(
            coefficient,
            sum(map(len, strata)),
            missing=f"needs 2 families with networks enough, has {families}",
        )
    return correlate([np.concatenate(strata)] if group == ACROSS else strata, coefficient, seed)


def _strata(families: Iterable[str], networks: Iterable[Point]) -> Mapping[str, list[Floats]]:
    """The networks of each group, by family: (networks, 2) of survival and error each."""
    found: dict[str, list[tuple[float, float]]] = {family: [] for family in families}
    for point in networks:
        found[point.family].append((point.survival, point.error))
    by_family = {
        family: [np.array(values, dtype=np.float64).reshape(-1, 2)]
        for family, values in found.items()
    }
    everything = [stratum for (stratum,) in by_family.values()]
    return by_family | {WITHIN: everything, ACROSS: everything}
