"""Judges C24 and C25 from records alone: does depth harm plain networks, does flow tell error?

Without records, or with too few networks, it says which command makes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.verdicts import Case, all_of, in_each
from validate.records.schema import Results
from validate.statistics.correlation import SIGNIFICANT
from validate.statistics.slopes import PLAIN, RESIDUAL, Slope, trends
from validate.statistics.survival import ACROSS, NEARNESS, RATIO, START, WITHIN, Row, ranking

COMMAND = (
    "run `gradbound validate --preset cpu --out DIR`, with --seeds N for more seeds, then "
    "`gradbound audit --results DIR`"
)
JUDGED, COEFFICIENT = f"{RATIO} {START}", "Spearman"
"""The measure and the coefficient that C25 is judged by, chosen beforehand; the others stand beside
them as evidence."""


@dataclass(frozen=True)
class Degradation:
    """`validate.statistics.slopes.Trends` of the records; None where there are none."""

    setting: str
    slopes: Mapping[str, Slope] | None
    beyond: Slope | None
    errors: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Agreement:
    """How gradient survival ranks networks against their final test error: every line of the
    ranking table. None: there are no records.
    """

    setting: str
    table: tuple[Row, ...] | None


def degradation(sources: Sources) -> Degradation:
    results = sources.results
    if results is None:
        return Degradation(_setting(results), None, None, {})
    return Degradation(_setting(results), **vars(trends(results)))


def judge_degradation(evidence: Degradation) -> Finding:
    """Both slopes must have their sign; no correction for two tests, as both have to pass."""
    cases = [
        _sloped(
            evidence.slopes, PLAIN, "plain networks have a higher error, the deeper they are", 1
        ),
        _sloped(evidence.slopes, RESIDUAL, "ResNets have a lower error, the deeper they are", -1),
    ]
    shown = [f"{family}: {slope}" for family, slope in (evidence.slopes or {}).items()]
    shown += [f"{PLAIN} beyond {RESIDUAL}: {evidence.beyond}"] if evidence.beyond else []
    wrong = next(
        (
            _against(case, evidence, family)
            for case, family in zip(cases, (PLAIN, RESIDUAL), strict=True)
            if case.holds is False
        ),
        None,
    )
    return Finding(
        evidence.setting, all_of(*cases, way_out=COMMAND), "; ".join(shown) or "no records", wrong
    )


def _sloped(found: Mapping[str, Slope] | None, family: str, name: str, sign: int) -> Case:
    """Whether the slope has this sign."""
    if found is None:
        return Case(name, None, "no records of training")
    slope = found[family]
    if slope.sign is None:
        return Case(name, None, slope.missing or f"{slope}, which holds 0")
    return Case(name, slope.sign == sign)


def _against(case: Case, evidence: Degradation, family: str) -> Counterexample:
    assert evidence.slopes is not None
    given = {
        f"{depth} layers": f"{100 * error:.1f} %"
        for depth, error in evidence.errors[family].items()
    }
    return Counterexample(
        "test error with depth", {"family": family} | given, case.name, str(evidence.slopes[family])
    )


def agreement(sources: Sources) -> Agreement:
    results = sources.results
    return Agreement(_setting(results), None if results is None else ranking(results))


def judge_agreement(evidence: Agreement) -> Finding:
    """Flow and error agree where more survival goes with less error: pooled, and in each family
    with networks enough to tell.
    """
    if evidence.table is None:
        case = Case(f"{WITHIN} and {ACROSS}", None, "no records of training")
        return Finding(evidence.setting, in_each(case, way_out=COMMAND), "no records")
    # Of the whole table, not of the rows that are judged: all of them were looked at.
    tests = sum(1 for row in evidence.table if row.adjusted is not None)
    rows = [
        row
        for row in evidence.table
        if row.measure == JUDGED and row.found.coefficient == COEFFICIENT
    ]
    judged = {
        row.group: row for row in rows if row.group in (WITHIN, ACROSS) or _can_tell(row, tests)
    }
    cases = [_ranked(row) for row in judged.values()]
    failed = next((case.name for case in cases if case.holds is False), None)
    wrong = None
    if failed:
        claims = "more survival, less error (ρ < 0)"
        wrong = Counterexample(
            "gradient survival ranks as accuracy does",
            {"networks": failed},
            claims,
            str(judged[failed]),
        )
    near = [
        row
        for row in evidence.table
        if row.measure == f"{NEARNESS} {START}" and row.found.coefficient == COEFFICIENT
    ]
    shown = [f"{row.group}: {row}" for row in rows]
    shown += [f"{NEARNESS}, {row.group}: {row}" for row in near if row.group in (WITHIN, ACROSS)]
    shown.append(f"Holm over {tests} tests")
    return Finding(evidence.setting, in_each(*cases, way_out=COMMAND), "; ".join(shown), wrong)


def _can_tell(row: Row, tests: int) -> bool:
    """Whether the most extreme order of so few networks would pass for more than chance."""
    return row.found.least_p is not None and row.found.least_p * tests <= SIGNIFICANT


def _ranked(row: Row) -> Case:
    if row.sign is None:
        return Case(
            row.group,
            None,
            row.found.missing if row.found.value is None else f"{row}, which decides nothing",
        )
    return Case(row.group, row.sign == -1)


def _setting(results: Results | None) -> str:
    if results is None:
        return "own runs"
    manifest = results.manifest
    seeds = (
        f"{'seeds' if len(manifest.seeds) > 1 else 'seed'} {', '.join(map(str, manifest.seeds))}"
    )
    return f"own runs ({len(results.runs)}): {manifest.dataset}, preset {manifest.preset}, {seeds}"


CLAIMS = (
    Claim(
        "C24",
        "Figure 5, section 4",
        "plain networks degrade with depth where ResNets gain",
        degradation,
        judge_degradation,
    ),
    Claim(
        "C25",
        "research question 2",
        "the ranking by gradient flow agrees with the ranking by error rate",
        agreement,
        judge_agreement,
    ),
)
