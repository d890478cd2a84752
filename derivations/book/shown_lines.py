"""Chooses which lines of a derivation are printed: of a run of like lines the first and the last.

What is left out is named by its range and counted; the JSON holds every line. A line that failed
a check is never left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from derivations.book.document import StepRecord
from derivations.book.line_breaks import SEPARATORS, group_end, is_sign, tokens

LONGEST_SUM = 12
"""Terms beyond which a sum is printed by its first two and its last."""
REPEATED = 5
"""So many repetitions of one form, or more, are a run."""
_PERIODS = (1, 2)


@dataclass(frozen=True)
class Line:
    """A line that is printed, and its number in the derivation."""

    number: int
    step: StepRecord
    said: str = ""


@dataclass(frozen=True)
class Gap:
    """Lines that are not printed: the numbers of the first and the last, and what they are."""

    first: int
    last: int
    steps: tuple[StepRecord, ...]

    @property
    def step(self) -> None:
        """No line: what stands in its place is `said`."""

    @property
    def number(self) -> str:
        """The numbers of its lines."""
        return f"{self.first}–{self.last}"

    @property
    def said(self) -> str:
        """Which lines they are, and how many, in plain text."""
        return (
            f"{len(self.steps)} lines of the same form, from “{self.steps[0].rule}” to "
            f"“{self.steps[-1].rule}”: all passed (every line is in the JSON)"
        )


def shown(steps: Sequence[StepRecord]) -> list[Line | Gap]:
    """The steps in order, each as a line, or within a gap."""
    rows: list[Line | Gap] = []
    position = 0
    while position < len(steps):
        period, stop = _run(steps, position)
        hidden = steps[position + period : stop - period]
        if period and all(step.passed for step in hidden):
            rows += _lines(steps, position, position + period)
            rows.append(Gap(position + period + 1, stop - period, tuple(hidden)))
            rows += _lines(steps, stop - period, stop)
            position = stop
        else:
            rows += _lines(steps, position, position + 1)
            position += 1
    return rows


def _lines(steps: Sequence[StepRecord], start: int, stop: int) -> list[Line]:
    return [Line(index + 1, steps[index]) for index in range(start, stop)]


def _run(steps: Sequence[StepRecord], start: int) -> tuple[int, int]:
    """After how many lines the forms repeat from here on, and where that ends; 0 if nowhere."""
    for period in _PERIODS:
        stop = start + period
        while stop < len(steps) and _form(steps[stop]) == _form(steps[stop - period]):
            stop += 1
        stop -= (stop - start) % period
        counts = all("#" in _form(step) for step in steps[start : start + period])
        if counts and stop - start >= REPEATED * period:
            return period, stop
    return 0, start


def _form(step: StepRecord) -> str:
    """The rule without its numbers: lines of one form differ in a number that counts them."""
    return re.sub(r"\d+", "#", step.rule)


def brief(latex: str) -> str:
    """The formula with every long sum in it cut to its first terms, how many follow, and its
    last.
    """
    parts = tokens(latex)
    made, position = "", 0
    terms: list[str] = [""]
    while position < len(parts):
        group = parts[position : group_end(parts, position)]
        position += len(group)
        token = "".join(group)
        if len(group) > 1:
            token = group[0] + brief("".join(group[1:-1])) + group[-1]
        if len(group) == 1 and token in SEPARATORS:
            made, terms = made + _cut(terms) + token, [""]
        elif len(group) == 1 and is_sign(token, terms[-1]):
            terms.append(token)
        else:
            terms[-1] += token
    return made + _cut(terms)


def _cut(terms: list[str]) -> str:
    if len(terms) <= LONGEST_SUM:
        return "".join(terms)
    left_out = rf"+ \cdots \text{{ {len(terms) - 3} more }} \cdots "
    return "".join([*terms[:2], left_out, terms[-1]])
