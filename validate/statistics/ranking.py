"""Ranks networks by how much of their gradient survives, and says which tests count for which.

Every statistic asked for is a line of the table. The primary tests, by which the claims about depth
(two slopes) and about flow and error are judged, were chosen beforehand and are adjusted for each
other alone; what else is pooled over families is adjusted together. Lines of a single family are
not adjusted: so few networks cannot reject whatever their order, and would only weaken the others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from validate.records.schema import Results
from validate.statistics.correlation import (
    SIGNIFICANT,
    SYMBOLS,
    Coefficient,
    Correlation,
    Floats,
    correlate,
    lacking,
    side,
)
from validate.statistics.holm_adjustment import holm
from validate.statistics.slopes import Slope, Trends, trends
from validate.statistics.survival import SEED, START, Point, measures, points, primary

WITHIN, ACROSS = "within families", "over all networks"
POOLED = (WITHIN, ACROSS)
COEFFICIENT: Coefficient = "Spearman"
"""The coefficient that flow and error are judged by, as is the primary ratio at START; both were
chosen beforehand, the others stand beside them as evidence."""


@dataclass(frozen=True)
class Row:
    """One line of the ranking table. `adjusted` is its p-value adjusted by Holm for `tests` of
    them, of which it is one; both None for a line of one family, and where nothing is determinable.
    `primary`: whether a claim is judged by it.
    """

    measure: str
    group: str
    found: Correlation
    adjusted: float | None = None
    tests: int | None = None
    primary: bool = False

    @property
    def sign(self) -> int | None:
        """−1 or 1 where the adjusted p-value and the interval exclude that there is no correlation.

        None where they do not.
        """
        if self.adjusted is None or self.adjusted > SIGNIFICANT:
            return None
        return side(self.found.low, self.found.high)

    def __str__(self) -> str:
        if self.found.p is None:
            return str(self.found)
        if self.adjusted is None:
            return f"{self.found}, not adjusted"
        return f"{self.found}, p = {self.adjusted:.2g} adjusted".replace("e-", "e−")


@dataclass(frozen=True)
class Ranking:
    """The whole table, and the trends whose slopes are primary tests beside its primary lines.
    `primary` names those tests, `judged` their measure of survival, which comes first in the table;
    `secondary` counts the other pooled lines, adjusted together.
    """

    trends: Trends
    rows: tuple[Row, ...]
    primary: tuple[str, ...]
    secondary: int
    judged: str


def ranking(results: Results, seed: int = SEED) -> Ranking:
    """Each measure in each group by each coefficient. The table is remembered as long as the
    networks and their numbers stay.
    """
    families = tuple(dict.fromkeys(run.config.family for run in results.runs))
    found = trends(results)
    names = [name for name, slope in found.slopes.items() if slope.p is not None]
    judged = f"{primary(results.runs)} {START}"
    rows, adjusted, tested, secondary = _adjusted(
        families,
        tuple((name, points(results.runs, each)) for name, each in measures(results.runs).items()),
        judged,
        tuple(found.slopes[name] for name in names),
        seed,
    )
    slopes: dict[str, Slope] = {**found.slopes, **dict(zip(names, adjusted, strict=True))}
    named = (*(f"slope of {name} networks" for name in names), *tested)
    return Ranking(replace(found, slopes=slopes), rows, named, secondary, judged)


# The audit, a figure and a table ask for it in turn, and it counts permutations.
@lru_cache(maxsize=1)
def _adjusted(
    families: tuple[str, ...],
    networks: tuple[tuple[str, tuple[Point, ...]], ...],
    judged: str,
    slopes: tuple[Slope, ...],
    seed: int,
) -> tuple[tuple[Row, ...], tuple[Slope, ...], tuple[str, ...], int]:
    rows = _rows(families, networks, seed)
    most = len(slopes) + len(POOLED) + len(families)
    first = [each for each, row in enumerate(rows) if _is_primary(row, judged, most)]
    others = [
        each
        for each, row in enumerate(rows)
        if each not in first and row.group in POOLED and row.found.p is not None
    ]
    in_order = [slope.p for slope in slopes] + [rows[each].found.p for each in first]
    tested = holm([p for p in in_order if p is not None])
    for each, adjusted in zip(first, tested[len(slopes) :], strict=True):
        rows[each] = replace(rows[each], adjusted=adjusted, tests=len(tested), primary=True)
    beside = holm([p for each in others if (p := rows[each].found.p) is not None])
    for each, adjusted in zip(others, beside, strict=True):
        rows[each] = replace(rows[each], adjusted=adjusted, tests=len(others))
    return (
        tuple(rows),
        tuple(replace(slope, adjusted=p) for slope, p in zip(slopes, tested, strict=False)),
        tuple(f"{SYMBOLS[COEFFICIENT]} {_of(rows[each].group)}" for each in first),
        len(others),
    )


def _of(group: str) -> str:
    return group if group in POOLED else f"of {group} networks"


def _is_primary(row: Row, judged: str, most: int) -> bool:
    """Whether a claim is judged by this line: pooled, or of a family with networks enough that the
    most extreme order would pass among `most` tests, which no outcome decides.
    """
    if (row.measure, row.found.coefficient) != (judged, COEFFICIENT) or row.found.p is None:
        return False
    least = row.found.least_p
    return row.group in POOLED or (least is not None and least * most <= SIGNIFICANT)


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
