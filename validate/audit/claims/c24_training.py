"""Judges C24 and C25 by the study alone: does depth harm plain networks, does flow tell error?

The study's protocol was fixed before its first trial, and says how its two primary tests decide.
Records of other networks, and Table 1 beside C24, are shown and judge nothing: they were looked at
before, or are two depths of one training each.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from validate.audit.claims.c23_significance import score
from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.verdicts import Case, Judgement, all_of, in_each
from validate.records.schema import Results
from validate.statistics.before_training import before_training
from validate.statistics.ranking import COEFFICIENT, POOLED, Ranking, ranking
from validate.statistics.slopes import PLAIN, RESIDUAL, Slope
from validate.statistics.survival import NEARNESS, SEEN, SEEN_NEARNESS, START
from validate.study.primary_effects import DepthTest, FlowTest
from validate.study.protocol import read_protocol
from validate.study.study_folder import Study
from validate.study.study_verdicts import StudyVerdict, decide_study

COMMAND = (
    "run `gradbound validate --preset study --out DIR`, which carries on with --resume, then "
    "`gradbound audit --results DIR`"
)
BESIDE = "beside it, judged by nothing"
SCOPE = "interventions on residual networks, not the four families of the paper"


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
class Protocolled:
    """What the study says of a claim: how it was set up, the verdict, and the test in full (None
    while trials are missing). `protocol`: the digest of its text; `amended`: whether the protocol
    that comes with the package is another one by now.
    """

    setting: str
    verdict: StudyVerdict
    test: FlowTest | DepthTest | None
    protocol: str
    amended: bool


@dataclass(frozen=True)
class Degradation:
    """What the study says of depth, and beside it `validate.statistics.slopes.Trends` of other
    records (None: there are none) and, by family, what Table 1 says of its `layers`.
    """

    study: Protocolled | None
    setting: str
    slopes: Mapping[str, Slope] | None
    beyond: Slope | None
    errors: Mapping[str, Mapping[int, float]]
    printed: Mapping[str, Printed]
    layers: tuple[int, int]


@dataclass(frozen=True)
class Agreement:
    """What the study says of flow and error, and beside it how the networks of other records rank:
    every line of the ranking table (None: there are no records), by the measure that comes first
    most of all. `measured`: with which statistics of BatchNorm.
    """

    study: Protocolled | None
    setting: str
    ranking: Ranking | None
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
    study = _protocolled(sources.study, "C24")
    if results is None:
        return Degradation(study, "", None, None, {}, printed, layers)
    return Degradation(
        study, _setting(results), **vars(ranking(results).trends), printed=printed, layers=layers
    )


def _printed(first: Decimal, last: Decimal, images: int) -> Printed:
    z = score(last, first, images)
    return Printed(last - first, z, math.erfc(abs(z) / math.sqrt(2)))


def judge_degradation(evidence: Degradation) -> Finding:
    """As the protocol decides."""
    claims = "plain networks have a higher error, the deeper they are, ResNets a lower one"
    shown = [_of_study(evidence.study)]
    if evidence.slopes:
        depths = sorted({depth for errors in evidence.errors.values() for depth in errors})
        shown.append(
            f"{BESIDE}: {evidence.setting} with {', '.join(map(str, depths))} layers, slopes of "
            "the test error with depth, positive where deeper is worse (a line for each seed, "
            "Student's t over seeds)"
        )
    shown += [f"{family}: {slope}" for family, slope in (evidence.slopes or {}).items()]
    shown += [f"{PLAIN} slope minus {RESIDUAL} slope: {evidence.beyond}"] if evidence.beyond else []
    shown.append(
        f"{BESIDE}: Table 1 (two depths of one training each; error at {evidence.layers[1]} less "
        f"error at {evidence.layers[0]} layers, z of two binomial rates): "
        + "; ".join(f"{family} {change}" for family, change in evidence.printed.items())
    )
    return Finding(
        f"{_reading(evidence.study)}; both parts must hold, as a generalization beyond Table 1 "
        "(judged as printed in C16) and Figure 5 (curves without numbers)",
        _judged(evidence.study, claims, less="a gain of any size"),
        "; ".join(shown),
        _against(evidence.study, "test error with depth", claims),
    )


def agreement(sources: Sources) -> Agreement:
    results, study = sources.results, _protocolled(sources.study, "C25")
    if results is None:
        return Agreement(study, "", None)
    measured = before_training(results.runs)
    return Agreement(study, _setting(results), ranking(results), measured)


def judge_agreement(evidence: Agreement) -> Finding:
    """As the protocol decides: more flow, less error, where nothing else was varied."""
    claims = "the more flow, the less error (ρ < 0)"
    shown = [_of_study(evidence.study)]
    if evidence.study and isinstance(evidence.study.test, FlowTest):
        strata = (f"{name} {rho:.2f}" for name, rho in evidence.study.test.strata.items())
        shown.append(f"ρ by stratum: {', '.join(strata)}".replace("-0", "−0"))
        shown.append(f"exploratory, {evidence.study.test.by_lever}")
    if evidence.ranking is not None:
        shown += [f"{BESIDE}: {evidence.setting}", *_ranked(evidence.ranking)]
        shown.append(evidence.measured.removesuffix("."))
    return Finding(
        f"{_reading(evidence.study)}: {SCOPE}",
        _judged(evidence.study, claims),
        "; ".join(shown),
        _against(evidence.study, "gradient flow ranks as accuracy does", claims),
    )


def _protocolled(study: Study | None, claim: str) -> Protocolled | None:
    if study is None:
        return None
    decision, training = decide_study(study), study.protocol.training
    verdict, test, part = (
        (decision.c24, decision.depth, study.protocol.depth)
        if claim == study.protocol.depth.claim
        else (decision.c25, decision.flow, study.protocol.flow)
    )
    rows = study.of_claim(claim)
    missing = sum(trial.claim == claim for trial in study.missing)
    return Protocolled(
        f"own study: {len(rows)} of {len(rows) + missing} trials, {training.dataset} "
        f"({part.train_samples:,} images to train with, {training.test_samples:,} to test with, "
        f"{part.epochs} epochs)",
        verdict,
        None if isinstance(test, str) else test,
        study.protocol.digest,
        study.protocol != read_protocol(),
    )


def _reading(study: Protocolled | None) -> str:
    if study is None:
        return "own study"
    amended = ", which has been changed since" if study.amended else ""
    return f"{study.setting}, by the protocol {study.protocol[:12]}{amended}"


def _of_study(study: Protocolled | None) -> str:
    if study is None:
        return "no trials"
    chosen = "" if study.amended else ", chosen and powered before the first trial"
    return f"the primary test{chosen}: {study.verdict}"


def _judged(study: Protocolled | None, claims: str, less: str = "") -> Judgement:
    """`less`: what still holds where the claim holds in part."""
    if study is None:
        return all_of(Case(claims, None, "no trials", data=False), way_out=COMMAND)
    verdict = study.verdict
    if verdict.in_part:
        return in_each(Case(less, True), Case(verdict.reason, False))
    way_out = COMMAND if study.test is None else ""
    missing = verdict.grounds if verdict.holds is None else ""
    return all_of(Case(claims, verdict.holds, missing), way_out=way_out)


def _against(study: Protocolled | None, statement: str, claims: str) -> Counterexample | None:
    if study is None or study.verdict.holds is not False:
        return None
    return Counterexample(
        statement,
        {"study": study.setting},
        claims,
        f"{study.verdict.reason}; {study.verdict.effect}",
    )


def _ranked(found: Ranking) -> list[str]:
    """The lines over several families of the first measure, and of its nearness to 1."""
    nearness = SEEN_NEARNESS if found.first.startswith(SEEN) else NEARNESS
    lines = [
        f"{row.measure}, {row.group}: {row}"
        for measure in (found.first, f"{nearness} {START}")
        for row in found.rows
        if (row.measure, row.found.coefficient) == (measure, COEFFICIENT) and row.group in POOLED
    ]
    if found.given_depth is not None:
        rho, p = found.given_depth
        lines.insert(2, f"the same over all networks given their depth: ρ = {rho:.2f}, p = {p:.2g}")
    return [line.replace(" -", " −").replace("e-", "e−") for line in lines]


def _setting(results: Results) -> str:
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
