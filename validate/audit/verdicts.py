"""Turns what holds and what does not into a verdict. No other module writes one.

A claim consists of cases: parts that must all hold (`all_of`), or readings in each of which it can
be judged (`in_each`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["confirmed", "conditional", "refuted", "undecided", "untestable"]

MARKS: Mapping[Verdict, str] = {
    "confirmed": "✓",
    "conditional": "~",
    "refuted": "✗",
    "undecided": "=",
    "untestable": "?",
}

RULES: Mapping[Verdict, str] = {
    "confirmed": "holds in every reading that is judged, or in all its parts",
    "conditional": "holds in some readings; fails, or is not settled, in others",
    "refuted": "holds in no reading, or a part without which it does not hold fails",
    "undecided": "the evidence supports neither side; the condition says which evidence is missing",
    "untestable": "there is nothing to judge by",
}
"""What a reader is told of each verdict: of a claim it is said that it …"""


@dataclass(frozen=True)
class Case:
    """A part or a reading of a claim. `holds` is None where it is not decided; `missing` then says
    what would decide it, and `data` whether there is anything to judge by.
    """

    name: str
    holds: bool | None
    missing: str = ""
    data: bool = True


@dataclass(frozen=True)
class Judgement:
    """A verdict. `condition` says when a conditional claim holds, and what an undecided or an
    untestable one lacks; else it is empty.
    """

    verdict: Verdict
    condition: str = ""


def all_of(*cases: Case, way_out: str = "") -> Judgement:
    """The verdict on a claim that says that every case holds: one that fails refutes it. `way_out`
    tells how to get what is missing.
    """
    if any(case.holds is False for case in cases):
        return Judgement("refuted")
    if cases and all(case.holds for case in cases):
        return Judgement("confirmed")
    return _open(cases, way_out)


def in_each(*cases: Case, way_out: str = "") -> Judgement:
    """The verdict on a claim that can be read in several ways: it may hold in some of them only.

    It is refuted where it holds in none; one that fails in some and is open in others is not.
    """
    holds, fails, undecided = (
        [case for case in cases if case.holds is value] for value in (True, False, None)
    )
    if not cases or (undecided and not holds):
        return _open(cases, way_out)
    if not holds:
        return Judgement("refuted")
    if not fails and not undecided:
        return Judgement("confirmed")
    parts = ["; ".join(case.name for case in holds)]
    parts += ["not " + "; not ".join(case.name for case in fails)] if fails else []
    parts += (
        ["undecided " + "; undecided ".join(case.name for case in undecided)] if undecided else []
    )
    return Judgement("conditional", "; ".join(parts))


def _open(cases: Sequence[Case], way_out: str) -> Judgement:
    """Undecided by what there is, or untestable where there is nothing to judge by."""
    undecided = [case for case in cases if case.holds is None]
    lacks = _lacks(undecided, way_out)
    if not any(case.data for case in cases):
        return Judgement("untestable", lacks)
    fails = [f"not {case.name}" for case in cases if case.holds is False]
    return Judgement("undecided", "; ".join([*fails, lacks]))


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
