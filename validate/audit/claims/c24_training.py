"""Judges C24 and C25 from records alone: does depth harm plain networks, does flow tell error?

Without records, or with too few networks, it says which command makes them. Table 1 stands beside
C24 and judges nothing: two depths of one training each are no trend. C25 speaks of various models:
networks of one family, which differ in depth alone, stand beside it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from validate.audit.claims.c23_significance import score
from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.verdicts import Case, all_of
from validate.records.schema import Results
from validate.statistics.before_training import before_training
from validate.statistics.ranking import ACROSS, COEFFICIENT, POOLED, WITHIN, Row, ranking
from validate.statistics.slopes import PLAIN, RESIDUAL, Slope
from validate.statistics.survival import NEARNESS, SEEN, SEEN_NEARNESS, START

COMMAND = (
    "run `gradbound validate --preset cpu --out DIR`, with --seeds N for more seeds, then "
    "`gradbound audit --results DIR`"
)


FLOW = (
    "flow is log₁₀ of ‖∂L/∂h_0‖ / ‖∂L/∂h_n‖, where h_0 is the input of the first block, h_n the "
    "output of the last, before training, {by}; ρ is Spearman's over networks, negative where a "
    "larger flow goes with a lower test error"
)
SAMPLES = "by medians over test images and seeds"
BATCH = "of one training batch in train mode, as a step of training sees it, by medians over seeds"
CONFOUNDED = (
    "the mean of ρ over families, is not judged: networks of one family differ in depth alone, "
    "which may change flow and error without one changing the other, and which an analysis of one "
    "block does not rank"
)


@dataclass(frozen=True)
class Printed:
    """How the error (%) changes from the first to the last row of Table 1: the difference in
    points, in units of its binomial standard error, and its two-sided p-value.
    """

    difference: Decimal
    z: float
    p: float

    def __str__(self) -> str:
        text = f"{self.difference:+} points, z = {self.z:.1f}, p = {self.p:.2g}"
        return text.replace("-", "−")


@dataclass(frozen=True)
class Degradation:
    """`validate.statistics.slopes.Trends` of the records, the slopes adjusted for the `primary`
    tests; None where there are no records. `printed`, by family: what Table 1 says of its `layers`.
    """

    setting: str
    slopes: Mapping[str, Slope] | None
    beyond: Slope | None
    errors: Mapping[str, Mapping[int, float]]
    primary: tuple[str, ...]
    printed: Mapping[str, Printed]
    layers: tuple[int, int]


@dataclass(frozen=True)
class Agreement:
    """How gradient survival ranks networks against their final test error: every line of the
    ranking table, of which those that are primary are judged, by the measure that comes first.
    None: there are no records. `measured` says of which network the ratios before training are.
    """

    setting: str
    table: tuple[Row, ...] | None
    primary: tuple[str, ...]
    secondary: int
    measured: str = ""


def degradation(sources: Sources) -> Degradation:
    results = sources.results
    first, last = sources.paper.table1[0], sources.paper.table1[-1]
    printed = {
        family: _printed(*errors, sources.paper.images)
        for family, errors in (
            (PLAIN, (first.plain, last.plain)),
            (RESIDUAL, (first.resnet, last.resnet)),
        )
    }
    layers = (first.layers, last.layers)
    if results is None:
        return Degradation(_setting(results), None, None, {}, (), printed, layers)
    found = ranking(results)
    return Degradation(
        _setting(results),
        **vars(found.trends),
        primary=found.primary,
        printed=printed,
        layers=layers,
    )


def _printed(first: Decimal, last: Decimal, images: int) -> Printed:
    z = score(last, first, images)
    return Printed(last - first, z, math.erfc(abs(z) / math.sqrt(2)))


def judge_degradation(evidence: Degradation) -> Finding:
    """Both slopes must have their sign."""
    cases = [
        _sloped(evidence, PLAIN, "plain networks have a higher error, the deeper they are", 1),
        _sloped(evidence, RESIDUAL, "ResNets have a lower error, the deeper they are", -1),
    ]
    depths = sorted({depth for errors in evidence.errors.values() for depth in errors})
    shown = [
        f"Table 1, which is not judged (two depths of one training each; error at "
        f"{evidence.layers[1]} less error at {evidence.layers[0]} layers, z of two binomial "
        "rates): " + "; ".join(f"{family} {change}" for family, change in evidence.printed.items())
    ]
    if evidence.slopes:
        shown.append(
            f"own runs with {', '.join(map(str, depths))} layers, slopes of the test error with "
            "depth, positive where deeper is worse (least squares, bootstrap over seeds)"
        )
    shown += [f"{family}: {slope}" for family, slope in (evidence.slopes or {}).items()]
    shown += [f"{PLAIN} slope minus {RESIDUAL} slope: {evidence.beyond}"] if evidence.beyond else []
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
        f"{evidence.setting}; both parts must hold, as a generalization beyond Table 1 (judged as "
        "printed in C16) and Figure 5 (curves without numbers)",
        all_of(*cases, way_out=COMMAND),
        "; ".join(shown if evidence.slopes else [*shown, "no records"]),
        wrong,
    )


def _sloped(evidence: Degradation, family: str, name: str, sign: int) -> Case:
    """Whether the slope has this sign."""
    if evidence.slopes is None:
        return Case(name, None, "no records of training", data=False)
    slope = evidence.slopes[family]
    if slope.sign is None:
        layers = ", ".join(map(str, evidence.errors[family]))
        lacks = slope.missing or (
            f"the slope of their test error with depth ({layers} layers) is {slope}, which decides "
            "nothing"
        )
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
    measured = before_training(results.runs)
    return Agreement(_setting(results), found.rows, found.primary, found.secondary, measured)


def judge_agreement(evidence: Agreement) -> Finding:
    """Flow and error agree where more flow goes with less error, over the networks of all families
    and depths together.
    """
    if evidence.table is None:
        case = Case(ACROSS, None, "no records of training", data=False)
        return Finding(evidence.setting, all_of(case, way_out=COMMAND), "no records")
    judged = evidence.table[0].measure
    rows, seen = _lines(evidence.table, judged), judged.startswith(SEEN)
    across = next(row for row in rows if row.group == ACROSS)
    case = _ranked(across)
    wrong = None
    if case.holds is False:
        wrong = Counterexample(
            "gradient survival ranks as accuracy does",
            {"networks": case.name},
            "more flow, less error (ρ < 0)",
            str(across),
        )
    near = _lines(evidence.table, f"{SEEN_NEARNESS if seen else NEARNESS} {START}")
    shown = [evidence.measured.removesuffix(".")] if evidence.measured else []
    shown += [FLOW.format(by=BATCH if seen else SAMPLES)]
    shown += [f"{ACROSS}, families and depths pooled, judged: {across}"]
    shown += [
        f"{row.group}{', ' + CONFOUNDED if row.group == WITHIN else ''}: {row}"
        for row in sorted(rows, key=lambda row: row.group != WITHIN)
        if row is not across
    ]
    shown += [
        f"{row.measure.removesuffix(f' {START}')} (−|log₁₀|) in place of flow, {row.group}: {row}"
        for row in near
        if row.group in POOLED
    ]
    shown += [_adjusted(evidence.primary)] if evidence.primary else []
    shown.append(
        f"the {evidence.secondary} other pooled lines of the table, which the JSON holds, by Holm "
        "among themselves"
    )
    return Finding(evidence.setting, all_of(case, way_out=COMMAND), "; ".join(shown), wrong)


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
    manifest, configs = results.manifest, [run.config for run in results.runs]
    seeds = (
        f"{'seeds' if len(manifest.seeds) > 1 else 'seed'} {', '.join(map(str, manifest.seeds))}"
    )
    trained, tested, epochs = (
        "/".join(f"{each:,}" for each in sorted(values))
        for values in (
            {config.train_samples for config in configs},
            {config.test_samples for config in configs},
            {config.epochs for config in configs},
        )
    )
    return (
        f"own runs ({len(configs)}): {manifest.dataset}, preset {manifest.preset} ({trained} "
        f"images to train with, {tested} to test with, {epochs} epochs), {seeds}"
    )


CLAIMS = (
    Claim(
        "C24",
        "Figure 5, Table 1, section 4",
        "in general, beyond Table 1 and Figure 5, plain networks lose accuracy with more layers, "
        "where ResNets gain",
        degradation,
        judge_degradation,
    ),
    Claim(
        "C25",
        "research question 2; section 4",
        "the analysis of gradient flow coincides with the error rates of various CNN models, which "
        "are “consistent with the gradient flow analysis results”: over all networks, the larger "
        "the flow, the lower the error",
        agreement,
        judge_agreement,
    ),
)
