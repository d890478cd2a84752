"""Counts what a study holds among the checks that records of networks hold none of."""

from validate.comparison.initial_bands import Band
from validate.statistics.kinds_of_check import C24, C25, FRESH_RATIOS, Outcome
from validate.study.initial_rows import InitialRow
from validate.study.study_folder import Study
from validate.study.study_verdicts import Decision


def counted_checks(study: Study, decision: Decision) -> dict[str, Outcome]:
    """By the name of the check, as far as the study has come: a claim counts once it is judged."""
    found = {}
    if study.initial:
        outside = sum(not row.inside for row in study.initial)
        found[FRESH_RATIOS] = Outcome(len(study.initial), outside, note=_known(study))
    for name, test, verdict in (
        (C24, decision.depth, decision.c24),
        (C25, decision.flow, decision.c25),
    ):
        if not isinstance(test, str):
            found[name] = Outcome(1, int(verdict.outcome == "refuted"), said=verdict.outcome)
    return found


def _known(study: Study) -> str:
    """Which of those outside had left their bands in the exploration, and what is missing."""
    outside = [_named(row) for row in study.initial if not row.inside and row.had_left]
    missing = [_named(band) for band in study.missing_bands]
    said = (
        [f"of these {', '.join(outside)} was outside in the exploration already"] if outside else []
    )
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        said.append(f"not measured: {missing[0]}{more}")
    return "; ".join(said)


def _named(of: InitialRow | Band) -> str:
    return f"{of.network} (slope {of.slope:g})"
