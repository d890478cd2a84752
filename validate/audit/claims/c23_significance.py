"""Judges C23: are the differences of error rates in Tables 1 and 2 significant?

The paper infers it from two standard deviations that it cites. Neither is one of an error rate on
ImageNet, so the inference is no reading; what can be judged is whether the differences are
significant, by such a deviation taken at its word and by a test of rates over so many images.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.verdicts import Case, in_each
from validate.statistics.correlation import SIGNIFICANT
from validate.statistics.holm_adjustment import holm

BEYOND_CHANCE = 1.96
"""Standard deviations that a normal variable exceeds in 5 % of all cases."""

PREMISES = (
    "the paper infers it from a standard deviation of accuracies over 15 data sets (below 1 %, "
    "[23]) and one of the responses of ResNet's 3×3 layers (below 1, [18]), from which it does not "
    "follow: the former is not a deviation of an error rate on ImageNet, over images or trainings, "
    "and the latter is not a deviation of an error rate"
)


NOT_RELIED_ON = "Table 1, 18 layers"


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
    scores = {name: score(*pair, evidence.images) for name, pair in evidence.errors.items()}
    p_values = [math.erfc(abs(z) / math.sqrt(2)) for z in scores.values()]
    return {
        name: Tested(first - second, scores[name], p, adjusted)
        for (name, (first, second)), p, adjusted in zip(
            evidence.errors.items(), p_values, holm(p_values), strict=True
        )
    }


def score(first: Decimal, second: Decimal, images: int) -> float:
    """The difference of two rates (%) over √(p₁(1 − p₁)/n + p₂(1 − p₂)/n)."""
    one, two = (float(each) / 100 for each in (first, second))
    return (one - two) / ((one * (1 - one) + two * (1 - two)) / images) ** 0.5


def judge_differences(evidence: Differences) -> Finding:
    """In each reading every row must pass."""
    rows = by_binomial_test(evidence)
    passed = _readings(evidence, rows)
    cases = [Case(name, len(those) == len(rows)) for name, those in passed.items()]
    least = min(rows, key=lambda name: abs(rows[name].difference))
    shown = "; ".join(
        f"{name} {row.difference} points, z = {row.z:.2f}, p = {row.adjusted:.1g}"
        for name, row in rows.items()
    ).replace("e-", "e−")
    counts = [
        f"{name}: {len(those)} of {len(rows)} rows{_all_but(rows, those)}"
        for name, those in passed.items()
    ]
    summary = (
        f"{PREMISES}; {'; '.join(counts)}; the test divides by the unpooled standard error √(p₁(1 "
        "− p₁)/n + p₂(1 − p₂)/n), as of images of their own; since both networks see the same "
        f"images, the test is conservative; p adjusted by Holm for {len(rows)} rows: {shown}"
    )
    wrong = None
    if not all(case.holds for case in cases):
        first, second = evidence.errors[least]
        wrong = Counterexample(
            "every difference is significant",
            {"row": least, "errors": f"{first} and {second} %", "images": f"{evidence.images:,}"},
            f"more than {evidence.deviation} point, or |z| > {BEYOND_CHANCE}",
            f"a difference of {rows[least].difference} points, z = {rows[least].z:.2f}",
        )
    return Finding(
        "percentage points; the networks as they were trained, not what other trainings would "
        "give; that every row of both tables must pass in each reading is a choice, by the words "
        f"“in Tables 1 and 2”: section 5 does not rely on {NOT_RELIED_ON}",
        in_each(*cases),
        summary,
        wrong,
    )


def _all_but(rows: Mapping[str, Tested], those: list[str]) -> str:
    """The row that fails, where there is one alone."""
    fails = [name for name in rows if name not in those]
    return f", all but {fails[0]}" if len(fails) == 1 else ""


def _readings(evidence: Differences, rows: Mapping[str, Tested]) -> dict[str, list[str]]:
    """The rows that pass, by the name of the reading. A difference of two numbers that deviate by
    1 deviates by √2.
    """
    one = evidence.deviation
    two = BEYOND_CHANCE * math.sqrt(2) * float(one)

    def beyond(threshold: Decimal | float) -> list[str]:
        return [name for name, row in rows.items() if abs(row.difference) > threshold]

    return {
        f"the reading “a difference of more than one such deviation” ({one} point)": beyond(one),
        f"the reading “beyond chance, if both errors deviated by as much” ({BEYOND_CHANCE} · √2 · "
        f"{one} = {two:.2f} points)": beyond(two),
        f"a binomial test of {evidence.images:,} images at {SIGNIFICANT:.0%}": [
            name for name, row in rows.items() if row.adjusted <= SIGNIFICANT
        ],
    }


CLAIMS = (
    Claim(
        "C23",
        "section 4",
        "“the differences in error rate performance in Tables 1 and 2 can be said to be "
        "statistically significant”, as accuracies deviate by less than 1 % and responses of "
        "layers by less than 1",
        differences,
        judge_differences,
    ),
)
