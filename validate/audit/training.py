"""Judges C24 and C25 from records of training alone: does depth harm plain networks only, and does gradient flow rank as error does?

Without records, or with too few networks, it says which command makes them.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.ranks import Correlation, correlation
from validate.audit.verdicts import Case, all_of, in_each
from validate.records import Results, Run

COMMAND = "run `gradbound validate --preset cpu --out DIR`, with --seeds N for more seeds, then `gradbound audit --results DIR`"
PLAIN, RESIDUAL = "plain", "residual"
POOLED = "pooled over families"
LOST = 1.0
"""The error of a run that diverged."""


@dataclass(frozen=True)
class Trends:
    """Rank correlation of depth with the final test error, by family; None: there are no records."""

    setting: str
    trends: Mapping[str, Correlation] | None
    errors: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of gradient survival with the final test error, by family and pooled, and the same for how near to 1 the
    gradient stays. Survival: log₁₀ of the median over probe samples of ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ at initialization.
    """

    setting: str
    survival: Mapping[str, Correlation] | None
    stability: Mapping[str, Correlation] | None


def trends(sources: Sources) -> Trends:
    results = sources.results
    if results is None:
        return Trends(_setting(results), None, {})
    found, errors = {}, {}
    for family in (PLAIN, RESIDUAL):
        runs = [run for run in results.runs if run.config.family == family]
        found[family] = correlation(_grouped(runs, lambda run: (float(run.config.depth), test_error(run))))
        by_depth: defaultdict[int, list[float]] = defaultdict(list)
        for run in runs:
            by_depth[run.config.depth].append(test_error(run))
        errors[family] = {depth: median(values) for depth, values in sorted(by_depth.items())}
    return Trends(_setting(results), found, errors)


def judge_trends(evidence: Trends) -> Finding:
    cases = [
        _sided(evidence.trends, PLAIN, "plain networks have a higher error, the deeper they are", 1),
        _sided(evidence.trends, RESIDUAL, "ResNets have a lower error, the deeper they are", -1),
    ]
    shown = [f"{family}: {trend}" for family, trend in (evidence.trends or {}).items()]
    wrong = next(
        (_against(case, evidence, family) for case, family in zip(cases, (PLAIN, RESIDUAL), strict=True) if case.holds is False), None
    )
    return Finding(evidence.setting, all_of(*cases, way_out=COMMAND), "; ".join(shown) or "no records", wrong)


def _against(case: Case, evidence: Trends, family: str) -> Counterexample:
    assert evidence.trends is not None
    given = {f"{depth} layers": f"{100 * error:.1f} %" for depth, error in evidence.errors[family].items()}
    return Counterexample("test error with depth", {"family": family} | given, case.name, str(evidence.trends[family]))


def agreement(sources: Sources) -> Agreement:
    results = sources.results
    if results is None:
        return Agreement(_setting(results), None, None)
    groups = {POOLED: list(results.runs)}
    for run in results.runs:
        groups.setdefault(run.config.family, []).append(run)

    def correlate(measure: Callable[[Run], float]) -> dict[str, Correlation]:
        return {name: correlation(_grouped(runs, lambda run: (measure(run), test_error(run)))) for name, runs in groups.items()}

    return Agreement(_setting(results), correlate(survival), correlate(lambda run: -abs(survival(run))))


def judge_agreement(evidence: Agreement) -> Finding:
    """Flow and error agree where more survival goes with less error."""
    names = list(evidence.survival) if evidence.survival else [POOLED]
    cases = [_sided(evidence.survival, name, name, -1) for name in names]
    shown = [f"{name}: {found}" for name, found in (evidence.survival or {}).items()]
    nearness = (evidence.stability or {}).get(POOLED)
    shown += [f"nearness of the gradient to its size, pooled: {nearness}"] if nearness else []
    failed = next((case.name for case in cases if case.holds is False), None)
    wrong = None
    if failed and evidence.survival:
        claims = "more survival, less error (ρ < 0)"
        wrong = Counterexample("gradient survival ranks as accuracy does", {"networks": failed}, claims, str(evidence.survival[failed]))
    return Finding(evidence.setting, in_each(*cases, way_out=COMMAND), "; ".join(shown) or "no records", wrong)


def _sided(found: Mapping[str, Correlation] | None, key: str, name: str, sign: int) -> Case:
    """Whether the correlation has this sign."""
    if found is None:
        return Case(name, None, "no records of training")
    each = found[key]
    if each.sign is None:
        return Case(name, None, each.missing or "its interval holds 0")
    return Case(name, each.sign == sign)


def test_error(run: Run) -> float:
    """After the last epoch; LOST for a run that diverged."""
    error = run.epochs[-1].test_error
    return LOST if error is None else error


def survival(run: Run) -> float:
    """log₁₀ of the median over probe samples of ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ before training; −∞ where nothing arrives."""
    total = run.epochs[0].total
    ratios = [ratio for ratio in total.measured if ratio is not None] if total else []
    middle = median(ratios) if ratios else 0.0
    return math.log10(middle) if middle > 0 else -math.inf


def _grouped(runs: list[Run], pair: Callable[[Run], tuple[float, float]]) -> dict[str, list[tuple[float, float]]]:
    """Runs of the same network (family, depth, width) together."""
    groups: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for run in runs:
        groups[f"{run.config.network}, width {run.config.width}"].append(pair(run))
    return groups


def _setting(results: Results | None) -> str:
    if results is None:
        return "own runs"
    manifest = results.manifest
    return f"own runs: {manifest.dataset}, preset {manifest.preset}, {len(results.runs)} runs, seeds {', '.join(map(str, manifest.seeds))}"


CLAIMS = (
    Claim("C24", "Figure 5, section 4", "plain networks degrade with depth where ResNets gain", trends, judge_trends),
    Claim("C25", "research question 2", "the ranking by gradient flow agrees with the ranking by error rate", agreement, judge_agreement),
)
