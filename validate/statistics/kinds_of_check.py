"""Tells checks of our own code from predictions that could have failed, and counts both apart.

The one place that says of which kind a check is: what prints counts takes it from here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from validate.records.schema import Results
from validate.statistics.correlation import SIGNIFICANT, side
from validate.statistics.distance_from_law import LawFit, law_fits
from validate.statistics.summary import SINGLE, Summary, misses_limit, summarize

OF_THE_CODE = "checks of the code"
COULD_FAIL = "predictions that could have failed"
MEANINGS = {
    OF_THE_CODE: "follow from the chain rule and hold for any network, trained or not: a failure "
    "would be an error of ours, and that there is none says nothing of networks",
    COULD_FAIL: "say how networks behave, and could have come out otherwise with every line of our "
    "code right",
}
FRESH_RATIOS = "ratios of fresh networks, in bands fixed beforehand"
LAWS = "laws of gains before training, one per family"
C24 = "C24: more layers harm plain networks and help residual ones"
C25 = "C25: more gradient goes with less error"
RUNS = 8
"""With fewer a bootstrap of runs gives no interval worth the name."""


@dataclass(frozen=True)
class Outcome:
    """How many checks there were, and how many failed; `silent`: how many could not fail, for the
    bound says nothing. `note`: the largest error, if one is known. `said`: what is to be shown in
    place of numbers.
    """

    checks: int
    failed: int
    silent: int = 0
    note: str = ""
    said: str = ""


@dataclass(frozen=True)
class Check:
    """What is held against what, of which kind it is, and how many records hold.

    `count` is None of what is judged elsewhere; `where` says by which command.
    """

    kind: str
    name: str
    failed: str
    about: str
    count: Callable[[Results], Outcome] | None = None
    where: str = ""


def _summary(results: Results) -> Summary:
    return summarize(
        (row for run in results.runs for row in run.blocks),
        (row for run in results.runs for row in run.epochs),
    )


def _bounds(results: Results) -> Outcome:
    found = _summary(results)
    return Outcome(found.bound_checks, found.violations, found.vacuous)


def _gains(results: Results) -> Outcome:
    found = _summary(results)
    note = f"largest relative error {found.identity_error:.1e}"
    return Outcome(found.identity_checks, found.identity_failures, note=note)


def _products(results: Results) -> Outcome:
    found = _summary(results)
    note = f"largest relative error {found.total_error:.1e}"
    return Outcome(found.total_checks, found.total_failures, note=note)


def _float32(results: Results) -> Outcome:
    found = _summary(results)
    note = f"largest relative error {found.float32_error:.1e}"
    return Outcome(found.float32_checks, found.float32_failures, note=note)


def _limits(results: Results) -> Outcome:
    limits = [row for row in results.vanishing if row.epsilon == 0]
    return Outcome(len(limits), len(list(filter(misses_limit, limits))))


def _before_training(results: Results) -> list[LawFit]:
    """Trained weights are no independent draws, so that any would be far from the law."""
    return [fit for fit in law_fits(results) if fit.epoch == 0]


def _random_gains(results: Results) -> Outcome:
    fits = _before_training(results)
    return Outcome(len(fits), sum(fit.adjusted <= SIGNIFICANT for fit in fits))


def _alignments(results: Results) -> Outcome:
    found = [fit for fit in _before_training(results) if fit.alignment is not None]
    enough = [fit.alignment for fit in found if fit.alignment and fit.runs >= RUNS]
    off = [side(each.mean_low, each.mean_high) for each in enough]
    few = len(found) - len(enough)
    note = f"{few} with fewer than {RUNS} runs" if few else ""
    return Outcome(len(off), len(off) - off.count(None), note=note)


CHECKS: tuple[Check, ...] = (
    Check(
        OF_THE_CODE,
        "bounds on measured gains",
        "violated",
        "theorems about any network",
        _bounds,
    ),
    Check(
        OF_THE_CODE,
        "gains of single blocks",
        "not as predicted",
        "the chain rule, calculated twice",
        _gains,
    ),
    Check(
        OF_THE_CODE,
        "products of gains over whole networks",
        "not the ratio from end to end",
        "they telescope",
        _products,
    ),
    Check(
        OF_THE_CODE,
        "epochs with gains in float32, as the device computes them",
        "beyond float32's rounding",
        f"beside the same gains in float64, from which they may differ by a relative {SINGLE:.1e}",
        _float32,
    ),
    Check(
        OF_THE_CODE,
        "limits of vanishing branches",
        "missed",
        "what is left of the chain rule at ε = 0",
        _limits,
    ),
    Check(
        COULD_FAIL,
        LAWS,
        "rejected",
        "distributions over random weights, tested at 5 %, p adjusted by Holm",
        _random_gains,
    ),
    Check(
        COULD_FAIL,
        "mean alignments of branch and skip before training, one per family",
        "off 0",
        "0 for random weights that the signals do not depend on; 95 % intervals, not adjusted",
        _alignments,
    ),
    Check(
        COULD_FAIL,
        "laws of depth",
        "missed",
        "how ratios of random networks grow with depth",
        where="gradbound check-laws depth",
    ),
    Check(
        COULD_FAIL,
        FRESH_RATIOS,
        "outside",
        "laws of BatchNorm networks from strides, maps and padding; seeds that were not looked at",
        where="gradbound validate --preset study",
    ),
    Check(
        COULD_FAIL,
        C24,
        "refuted",
        "a claim of the paper about training",
        where="gradbound audit",
    ),
    Check(
        COULD_FAIL,
        C25,
        "refuted",
        "a claim of the paper about training",
        where="gradbound audit",
    ),
)


def of_kind(kind: str) -> tuple[Check, ...]:
    """The checks of a kind, in order."""
    return tuple(check for check in CHECKS if check.kind == kind)


def tally(results: Results) -> list[str]:
    """How many checks the records hold and how many failed, a line for each kind."""
    return [
        f"{kind}: " + "; ".join(_counted(check, results) for check in of_kind(kind) if check.count)
        for kind in MEANINGS
    ]


def _counted(check: Check, results: Results) -> str:
    assert check.count is not None
    found = check.count(results)
    details = [f"{found.silent:,} say nothing"] if found.silent else []
    details += [found.note] if found.note else []
    beside = f" ({', '.join(details)})" if details else ""
    if not found.checks:
        return f"{check.name}: not measured{beside}"
    return f"{found.checks:,} {check.name}, {found.failed:,} {check.failed}{beside}"
