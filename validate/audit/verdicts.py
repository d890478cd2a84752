"""Turns what holds and what does not into a verdict. No other module writes one.

A claim consists of cases: parts that must all hold (`all_of`), or readings in each of which it can
be judged (`in_each`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["confirmed", "conditional", "refuted", "untestable"]

MARKS: Mapping[Verdict, str] = {
    "confirmed": "✓",
    "conditional": "~",
    "refuted": "✗",
    "untestable": "?",
}


@dataclass(frozen=True)
class Case:
    """A part or a reading of a claim. `holds` is None where the evidence does not decide it;
    `missing` then says what would.
    """

    name: str
    holds: bool | None
    missing: str = ""


@dataclass(frozen=True)
class Judgement:
    """A verdict. `condition` says when a conditional claim holds, and what an untestable one lacks;
    else it is empty.
    """

    verdict: Verdict
    condition: str = ""


def all_of(*cases: Case, way_out: str = "") -> Judgement:
    """The verdict on a claim that says that every case holds: one that fails refutes it. `way_out`
    tells how to get what is missing.
    """
    if any(case.holds is False for case in cases):
        return Judgement("refuted")
    undecided = [case for case in cases if case.holds is None]
    return (
        Judgement("untestable", _lacks(undecided, way_out))
        if undecided or not cases
        else Judgement("confirmed")
    )


def in_each(*cases: Case, way_out: str = "") -> Judgement:
    """The verdict on a claim that can be read in several ways: it may hold in some of them only."""
    holds, fails, undecided = (
        [case for case in cases if case.holds is value] for value in (True, False, None)
    )
    if not holds and not fails:
        return Judgement("untestable", _lacks(undecided, way_out))
    if holds and not fails and not undecided:
        return Judgement("confirmed")
    if not holds:
        return Judgement("refuted")
    parts = ["; ".join(case.name for case in holds)]
    parts += ["not " + "; not ".join(case.name for case in fails)] if fails else []
    parts += (
        ["undecided " + "; undecided ".join(case.name for case in undecided)] if undecided else []
    )
    return Judgement("conditional", "; ".join(parts))


def _lacks(undecided: list[Case], way_out: str) -> str:
    """What is missing, said once where it is the same for several cases."""
    reasons = {case.missing for case in undecided}
    if len(undecided) > 1 and len(reasons) == 1 and "" not in reasons:
        parts = list(reasons)
    else:
        parts = [
            f"{case.name}: {case.missing}" if case.missing else case.name for case in undecided
        ] or ["nothing to judge by"]
    return "; ".join([*parts, *([way_out] if way_out else [])])
