"""Judges C24 and C25 from records alone: does depth harm plain networks, does flow tell error?

Without records, or with too few networks, it says which command makes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.verdicts import Case, all_of, in_each
from validate.records.schema import Results
from validate.statistics.ranking import ACROSS, COEFFICIENT, JUDGED, POOLED, WITHIN, Row, ranking
from validate.statistics.slopes import PLAIN, RESIDUAL, Slope
from validate.statistics.survival import NEARNESS, START

COMMAND = (
    "run `gradbound validate --preset cpu --out DIR`, with --seeds N for more seeds, then "
    "`gradbound audit --results DIR`"
)


@dataclass(frozen=True)
class Degradation:
    """`validate.statistics.slopes.Trends` of the records, the slopes adjusted for the `primary`
    tests; None where there are no records.
    """

    setting: str
    slopes: Mapping[str, Slope] | None
    beyond: Slope | None
    errors: Mapping[str, Mapping[int, float]]
    primary: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """How gradient survival ranks networks against their final test error: every line of the
    ranking table, of which those that are primary are judged. None: there are no records.
    """

    setting: str
    table: tuple[Row, ...] | None
    primary: tuple[str, ...]
    secondary: int


def degradation(sources: Sources) -> Degradation:
    results = sources.results
    if results is None:
        return Degradation(_setting(results), None, None, {}, ())
    found = ranking(results)
    return Degradation(_setting(results), **vars(found.trends), primary=found.primary)


def judge_degradation(evidence: Degradation) -> Finding:
    """Both slopes must have their sign."""
    cases = [
        _sloped(
            evidence.slopes, PLAIN, "plain networks have a higher error, the deeper they are", 1
        ),
        _sloped(evidence.slopes, RESIDUAL, "ResNets have a lower error, the deeper they are", -1),
    ]
    shown = [f"{family}: {slope}" for family, slope in (evidence.slopes or {}).items()]
    shown += [f"{PLAIN} beyond {RESIDUAL}: {evidence.beyond}"] if evidence.beyond else []
    shown += [_adjusted(evidence.primary)] if evidence.primary else []
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
        return Case(name, None, "no records of training", data=False)
    slope = found[family]
    if slope.sign is None:
        lacks = slope.missing or f"{slope}, which decides nothing"
        return Case(name, None, lacks, data=slope.depths > 0)
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
    if results is None:
        return Agreement(_setting(results), None, (), 0)
    found = ranking(results)
    return Agreement(_setting(results), found.rows, found.primary, found.secondary)


def judge_agreement(evidence: Agreement) -> Finding:
    """Flow and error agree where more survival goes with less error: pooled, and in each family
    with networks enough to tell.
    """
    if evidence.table is None:
        case = Case(f"{WITHIN} and {ACROSS}", None, "no records of training", data=False)
        return Finding(evidence.setting, in_each(case, way_out=COMMAND), "no records")
    rows = _lines(evidence.table, JUDGED)
    judged = {row.group: row for row in rows if row.primary or row.group in POOLED}
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
    near = _lines(evidence.table, f"{NEARNESS} {START}")
    shown = [f"{row.group}: {row}" for row in rows]
    shown += [f"{NEARNESS}, {row.group}: {row}" for row in near if row.group in POOLED]
    shown += [_adjusted(evidence.primary)] if evidence.primary else []
    shown.append(
        f"secondary: the {evidence.secondary} other pooled lines of the table, by Holm too"
    )
    return Finding(evidence.setting, in_each(*cases, way_out=COMMAND), "; ".join(shown), wrong)


def _lines(table: tuple[Row, ...], measure: str) -> list[Row]:
    return [row for row in table if row.measure == measure and row.found.coefficient == COEFFICIENT]


def _adjusted(primary: tuple[str, ...]) -> str:
    return f"adjusted by Holm for {len(primary)} primary tests: {', '.join(primary)}"


def _ranked(row: Row) -> Case:
    if row.sign is None:
        return Case(
            row.group,
            None,
            row.found.missing if row.found.value is None else f"{row}, which decides nothing",
            data=row.found.networks > 0,
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
