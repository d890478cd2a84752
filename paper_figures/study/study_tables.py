"""Tabulates the study: its primary tests, the levels of flow, the ratios of fresh networks."""

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import stdev

from paper_figures.drawing.style import look
from paper_figures.figures.select import MissingRecordsError
from paper_figures.tables.table import Cell, Column, Table
from validate.comparison.initial_bands import BANDS, BATCH, DATASET, WIDTH
from validate.statistics.correlation import LEVEL
from validate.study.initial_rows import InitialRow
from validate.study.primary_effects import DepthEffect, DepthTest, FlowTest, flow_points
from validate.study.study_folder import Study
from validate.study.study_verdicts import StudyVerdict, decide_study
from validate.study.trials import PERCENT, UNVARIED

QUESTIONS = {
    "C25": "less error with more flow?",
    "C24": "do plain networks lose by depth, residual ones gain?",
}


def study(found: Study) -> Table:
    """Per primary test its effect, its p-value and the verdict; below it what it is made of."""
    columns = (
        Column("claim"), Column("what"), Column("effect", "+.2f"), Column("from", "+.2f"),
        Column("to", "+.2f"), Column("of"), Column("trials"), Column("p", ".2g"),
        Column("p adjusted", ".2g"), Column("verdict"), Column("because"),
    )  # fmt: skip
    decision = decide_study(found)
    rows = (*_flow_rows(found, decision.flow, decision.c25),
            *_depth_rows(found, decision.depth, decision.c24))  # fmt: skip
    caption = (
        "The two primary tests, chosen with their numbers of trials before the first of them. C25: "
        "the mean over strata of Spearman's ρ between the levels' batch ratio before training and "
        "their test error, bootstrap interval, exact permutation test, two-sided. C24: the "
        "difference in test error, in points, deep less shallow, over pairs; interval of Student's "
        f"t, one-sided tests, of which the larger p counts. Intervals of {LEVEL:.0%}; both p "
        f"adjusted for each other (Holm), judged at {found.protocol.level:g}; the p of a verdict "
        "is that of the test which it follows from. Lines without a verdict describe."
    )
    return Table(caption, columns, rows)


def _flow_rows(
    found: Study, test: FlowTest | str, verdict: StudyVerdict
) -> Iterator[tuple[Cell, ...]]:
    if isinstance(test, str):
        yield _primary(found, verdict, (None,) * 3, "ρ")
        return
    ends = test.found.interval or (None, None)
    yield _primary(found, verdict, (test.found.value, *ends), "ρ")
    for network, rho in test.strata.items():
        trials = sum(row.trial.network == network for row in found.of_claim(verdict.claim))
        defined = None if math.isnan(rho) else rho
        yield ("", title_of(network), defined, None, None, "ρ", str(trials), None, None, "", "")


def _depth_rows(
    found: Study, test: DepthTest | str, verdict: StudyVerdict
) -> Iterator[tuple[Cell, ...]]:
    yield _primary(found, verdict, (None,) * 3, "points")
    if isinstance(test, DepthTest):
        yield _effect_row(found, test.gain, test.gain.below)
        yield _effect_row(found, test.gate, test.gate.above)


def _effect_row(found: Study, effect: DepthEffect, p: float) -> tuple[Cell, ...]:
    part = found.protocol.depth
    name = f"{look(effect.family).title}: {part.deep} less {part.shallow} layers"
    trials = str(2 * len(effect.differences))
    return ("", name, effect.mean, effect.low, effect.high, "points", trials, p, None, "", "")


def _primary(
    found: Study, verdict: StudyVerdict, effect: tuple[Cell, ...], unit: str
) -> tuple[Cell, ...]:
    there = len(found.of_claim(verdict.claim))
    missing = sum(trial.claim == verdict.claim for trial in found.missing)
    trials = f"{there} of {there + missing}" if missing else str(there)
    return (
        verdict.claim, QUESTIONS[verdict.claim], *effect, unit, trials, verdict.p,
        verdict.adjusted, verdict.outcome, verdict.reason,
    )  # fmt: skip


def levels(found: Study) -> Table:
    """Per stratum and level: the means of flow and error over seeds, and how many these are."""
    points = flow_points(found)
    if not points:
        raise MissingRecordsError(f"no trial of {found.protocol.flow.claim} in {found.folder} yet")
    columns = (
        Column("stratum"), Column("skip", "g"), Column("branch", "g"), Column("batch ratio", ".3g"),
        Column("test error (%)", ".2f"), Column("seeds"), Column("note"),
    )  # fmt: skip
    part = found.protocol.flow
    named = {level.name: level for level in part.levels}
    rows = tuple(
        (
            title_of(point.network),
            named[point.level].skip,
            named[point.level].branch,
            10**point.flow,
            PERCENT * point.error,
            point.seeds,
            "not varied" if point.level == UNVARIED.name else "",
        )
        for point in points
    )
    caption = (
        "Levels at which flow is varied: H = F(x) + skip · x, the weight of F's last BatchNorm "
        "starting at branch. Batch ratio ‖∂L/∂h₀‖ / ‖∂L/∂hₙ‖ before training (geometric mean) and "
        f"test error after {part.epochs} epochs of {part.train_samples:,} images (mean) over seeds."
    )
    return Table(caption, columns, rows)


def initial_ratios(found: Study) -> Table:
    """Per band: what was foretold of fresh networks before training, and what was measured."""
    if not found.initial:
        raise MissingRecordsError(f"no ratios of fresh networks in {found.folder} yet")
    columns = (
        Column("network"), Column("slope", "g"), Column("foretold", ".3f"),
        Column("±", ".2f"), Column("measured", ".3f"), Column("deviation", ".3f"),
        Column("seeds"), Column("the mean is"), Column("note"),
    )  # fmt: skip
    return Table(_about_ratios(found.initial), columns, tuple(map(_ratio_row, found.initial)))


def _ratio_row(row: InitialRow) -> tuple[Cell, ...]:
    notes = [
        "the band has been changed since" if row.amended else "",
        "had left it before" if row.had_left else "",
    ]
    return (
        title_of(row.network), row.slope, row.predicted, row.half_width, row.mean,
        stdev(row.measured) if len(row.measured) > 1 else None, len(row.seeds),
        "inside" if row.inside else "outside", "; ".join(filter(None, notes)),
    )  # fmt: skip


def _about_ratios(rows: tuple[InitialRow, ...]) -> str:
    seeds = sorted({seed for row in rows for seed in row.seeds})
    known = {(row.network, row.slope) for row in rows}
    reasons: dict[str, list[str]] = {}
    for band in BANDS:
        family = look(band.network.rpartition("-")[0]).title
        if (band.network, band.slope) in known and family not in reasons.setdefault(
            band.reason, []
        ):
            reasons[band.reason].append(family)
    before = ", ".join(
        f"{title_of(row.network)} (slope {row.slope:g})" for row in rows if row.had_left
    )
    left = f" {before} had left the band in the exploration already: no law of ours works there."
    why = "; ".join(f"{', '.join(families)}: {reason}" for reason, families in reasons.items())
    return (
        f"log₁₀ ‖∂L/∂h₀‖ / ‖∂L/∂hₙ‖ of fresh networks of width {WIDTH} on the first {BATCH} "
        f"training images of {DATASET}; slope: of the ReLUs below 0. The mean over seeds is "
        f"foretold within the band, which was fixed before seeds {seeds[0]} to {seeds[-1]} were "
        f"looked at; deviation: over seeds. What is foretold is, for {why}.{left if before else ''}"
    )


def title_of(network: str) -> str:
    """A network as it is called everywhere: SE residual-26."""
    family, _, depth = network.rpartition("-")
    return f"{look(family).title}-{depth}"


STUDY_TABLES: Mapping[str, Callable[[Study], Table]] = {
    "table_study": study,
    "table_levels": levels,
    "table_initial_ratios": initial_ratios,
}
