"""Sums up what was compared: how many bounds, identities and limits hold, and which do not."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from validate.records.schema import BlockRow, EpochRow, Results, RunConfig, Total, VanishingRow
from validate.statistics.before_training import before_training

Key = TypeVar("Key", bound=Hashable)

TELESCOPING = 1e-9
"""Allowed relative error of a product of gains over a whole network: thousands of segments, each
off by ROUNDING."""

LIMIT = 1e-12
"""Allowed relative error of what a vanished branch leaves: float64 rounding of two norms."""


SINGLE = 64 * 2.0**-23
"""Allowed relative error of a segment's gain in float32, the median over the samples: 64 spacings.

A segment is two convolutions, taken forward and backward, of inner products of some 9 · 64 terms,
which round by √576 = 24 half spacings each: 48. Seen on CPUs: 1 to 4. Of products that are cut to
10 binary digits (TF32) it is 130 to 1,000.
"""


@dataclass(frozen=True)
class Summary:
    """How many samples were held against bounds and identities, and how many failed. `vacuous`:
    of the checks of bounds those against a lower bound of 0, which no gain can violate.
    `float32_error` is the largest of the `float32_checks` epochs that state one, `float32_failures`
    how many have more than SINGLE.
    """

    bound_checks: int
    vacuous: int
    violations: int
    identity_checks: int
    identity_failures: int
    identity_error: float
    total_checks: int
    total_error: float
    total_failures: int
    float32_checks: int = 0
    float32_error: float = 0.0
    float32_failures: int = 0

    @property
    def failures(self) -> int:
        """Zero, if the theory and its implementation are right."""
        of_float64 = self.violations + self.identity_failures + self.total_failures
        return of_float64 + self.float32_failures


def summarize(blocks: Iterable[BlockRow], epochs: Iterable[EpochRow] = ()) -> Summary:
    """Totals over any selection of rows: one run, one family, one epoch, everything."""
    rows, ends = list(blocks), list(epochs)
    bounds = [bound for each in (rows, ends) for row in each for bound in row.bounds]
    totals = [row.total for row in ends if row.total is not None]
    return Summary(
        bound_checks=sum(bound.checks for bound in bounds),
        vacuous=sum(bound.value.count(0) for bound in bounds if bound.side == "lower"),
        violations=sum(bound.violations for bound in bounds),
        identity_checks=sum(len(row.measured) - row.vanished for row in rows),
        identity_failures=sum(row.identity_failures for row in rows),
        identity_error=max(
            (row.identity_error for row in rows if row.identity_error is not None), default=0.0
        ),
        total_checks=sum(
            None not in pair
            for each in totals
            for pair in zip(each.telescoped, each.measured, strict=True)
        ),
        total_error=max(
            (each.relative_error for each in totals if each.relative_error is not None), default=0.0
        ),
        total_failures=len(list(filter(fails_to_telescope, totals))),
        float32_checks=sum(row.float32_error is not None for row in ends),
        float32_error=max((row.float32_error or 0.0 for row in ends), default=0.0),
        float32_failures=len(list(filter(is_coarse, ends))),
    )


def summarize_by(results: Results, key: Callable[[RunConfig, int], Key]) -> dict[Key, Summary]:
    """One summary for each value of key(config, epoch), such as `lambda config, epoch:
    config.family`, in order of appearance.
    """
    blocks: dict[Key, list[BlockRow]] = defaultdict(list)
    epochs: dict[Key, list[EpochRow]] = defaultdict(list)
    for run in results.runs:
        for block in run.blocks:
            blocks[key(run.config, block.epoch)].append(block)
        for epoch in run.epochs:
            epochs[key(run.config, epoch.epoch)].append(epoch)
    return {value: summarize(blocks[value], epochs[value]) for value in epochs}


def fails_to_telescope(total: Total) -> bool:
    """Whether the product of the predicted gains misses the measured end-to-end ratio by more than
    rounding can explain.
    """
    return total.relative_error is not None and total.relative_error > TELESCOPING


def is_coarse(row: EpochRow) -> bool:
    """Whether float32 on its device is further from float64 than whole float32 can be."""
    return row.float32_error is not None and row.float32_error > SINGLE


def misses_limit(row: VanishingRow) -> bool:
    """Whether a branch scaled by 0 leaves another gradient than predicted."""
    return row.epsilon == 0 and not abs(row.measured - row.predicted) <= LIMIT * (1 + row.predicted)


def remarks(results: Results) -> list[str]:
    """One line for each thing that no check fails for, and that a reader of the records should
    know.
    """
    lines = []
    if copies := max((run.config.copied_samples for run in results.runs), default=0):
        lines.append(
            f"{copies} of {results.runs[0].config.test_samples} test images are copies of training "
            "images: errors on them say nothing of images that were not learned"
        )
    epochs = [row for run in results.runs for row in run.epochs]
    kinds = sorted({row.made_on for row in epochs if row.version > 1})
    if len(kinds) > 1:
        lines.append(
            f"made on processors of several kinds ({', '.join(kinds)}): no one of them makes all "
            "of these bytes again"
        )
    if masked := sum(row.vanished + row.faint for row in epochs):
        lines.append(
            f"{masked} gains were not measured, for no signal arrived "
            f"({sum(row.vanished for row in epochs)}) or one too small for digits to be left "
            f"({sum(row.faint for row in epochs)})"
        )
    if any(run.config.version == 1 for run in results.runs):
        lines.append(before_training(results.runs))
    return lines


def failures(results: Results) -> list[str]:
    """One line per bound that is violated, and per gain, product of gains or limit that is not the
    predicted one.
    """
    lines = []
    for row in (row for each in results.runs for row in each.blocks):
        broken = [
            f"bound {bound.id} in {bound.violations}" for bound in row.bounds if bound.violations
        ]
        broken += (
            [f"the predicted gain in {row.identity_failures}"] if row.identity_failures else []
        )
        lines += [
            f"{row.run}, epoch {row.epoch}, {row.name}: {what} of {len(row.measured)} samples"
            for what in broken
        ]
    for epoch in (epoch for each in results.runs for epoch in each.epochs):
        lines += [
            f"{epoch.run}, epoch {epoch.epoch}, from end to end: bound {bound.id} in "
            f"{bound.violations} of {len(bound.value)} samples"
            for bound in epoch.bounds
            if bound.violations
        ]
        if is_coarse(epoch):
            lines.append(
                f"{epoch.run}, epoch {epoch.epoch}: gains in float32 on {epoch.made_on} are off by "
                f"{epoch.float32_error:.1e}, and whole float32 is not by more than {SINGLE:.1e}"
            )
        if epoch.total is not None and fails_to_telescope(epoch.total):
            lines.append(
                f"{epoch.run}, epoch {epoch.epoch}: the product of the predicted gains is off "
                f"by {epoch.total.relative_error:.1e}"
            )
    lines += [
        (
            f"{limit.family} with {limit.inputs} inputs, seed {limit.seed}: a vanished branch "
            f"leaves {limit.measured}, not {limit.predicted}"
        )
        for limit in filter(misses_limit, results.vanishing)
    ]
    return lines
