"""Judges C23: are the differences of error rates in Tables 1 and 2 significant?

By the paper's own rule, and by a test of what a rate over so many images can differ by. They are
two questions with two answers: the rule asks for far larger differences than the test.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.verdicts import Case, in_each
from validate.statistics.correlation import SIGNIFICANT
from validate.statistics.holm_adjustment import holm


@dataclass(frozen=True)
class Differences:
    """Both error rates (%) of every row of Tables 1 and 2, the deviation of accuracies (points)
    that the paper cites, and over how many images each rate was counted.
    """

    errors: Mapping[str, tuple[Decimal, Decimal]]
    deviation: Decimal
    images: int


@dataclass(frozen=True)
class Tested:
    """A difference (points) in units of its binomial standard error, and its two-sided p-value,
    adjusted by Holm for all rows.
    """

    difference: Decimal
    z: float
    p: float
    adjusted: float


def differences(sources: Sources) -> Differences:
    found = {
        f"Table 1, {row.layers} layers": (row.plain, row.resnet) for row in sources.paper.table1
    }
    for row in sources.paper.table2:
        found |= {
            f"Table 2, {row.layers} layers, top-1": (row.top1, row.se_top1),
            f"Table 2, {row.layers} layers, top-5": (row.top5, row.se_top5),
        }
    return Differences(found, sources.paper.deviation, sources.paper.images)


def by_binomial_test(evidence: Differences) -> dict[str, Tested]:
    """Each row by a test of two binomial rates, as if on images of their own.

    Both networks of a row saw the same images, which makes their errors agree more and the test
    miss differences rather than find them.
    """
    scores = {name: _score(*pair, evidence.images) for name, pair in evidence.errors.items()}
    p_values = [math.erfc(abs(z) / math.sqrt(2)) for z in scores.values()]
    return {
        name: Tested(first - second, scores[name], p, adjusted)
        for (name, (first, second)), p, adjusted in zip(
            evidence.errors.items(), p_values, holm(p_values), strict=True
        )
    }


def _score(first: Decimal, second: Decimal, images: int) -> float:
    """The difference of two rates (%) over √(p₁(1 − p₁)/n + p₂(1 − p₂)/n)."""
    one, two = (float(each) / 100 for each in (first, second))
    return (one - two) / ((one * (1 - one) + two * (1 - two)) / images) ** 0.5


def judge_differences(evidence: Differences) -> Finding:
    """Every row must pass. The paper's rule in its weakest form: a difference is significant if it
    exceeds one standard deviation.
    """
    rows, deviation = by_binomial_test(evidence), evidence.deviation
    by_rule = [name for name, row in rows.items() if abs(row.difference) > deviation]
    by_test = [name for name, row in rows.items() if row.adjusted <= SIGNIFICANT]
    cases = (
        Case(f"by the paper's rule, more than {deviation} point", len(by_rule) == len(rows)),
        Case(
            f"by a binomial test of {evidence.images:,} images at {SIGNIFICANT:.0%}",
            len(by_test) == len(rows),
        ),
    )
    least = min(rows, key=lambda name: abs(rows[name].difference))
    shown = "; ".join(
        f"{name} {row.difference} points, z = {row.z:.2f}, p = {row.adjusted:.1g}"
        for name, row in rows.items()
    )
    summary = (
        f"by the paper's rule {len(by_rule)} of {len(rows)} differences exceed {deviation} point; "
        f"by a test of binomial rates over {evidence.images:,} images, Holm for {len(rows)} rows, "
        f"{len(by_test)} of {len(rows)} are significant: {shown}".replace("e-", "e−")
    )
    wrong = None
    if len(by_rule) < len(rows) or len(by_test) < len(rows):
        first, second = evidence.errors[least]
        wrong = Counterexample(
            "every difference is significant",
            {"row": least, "errors": f"{first} and {second} %", "images": f"{evidence.images:,}"},
            f"more than {deviation} point, or |z| > 1.96",
            f"a difference of {rows[least].difference} points, z = {rows[least].z:.2f}",
        )
    return Finding(
        "percentage points; the networks as they were trained, not what other trainings would give",
        in_each(*cases),
        summary,
        wrong,
    )


CLAIMS = (
    Claim(
        "C23",
        "section 4",
        "the differences in Tables 1 and 2 are significant, as accuracies deviate by less than 1 %",
        differences,
        judge_differences,
    ),
)
