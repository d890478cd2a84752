"""Judges C10: does Eq. (4) say what section 3 says, and which features does it give literally?

Section 3 concatenates what the previous layers created: each feature once. That features are
repeated is no contradiction by itself, but one to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from derivations.theorems.equation4 import Line
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Sources,
    decide,
)
from validate.audit.verdicts import Case, all_of

LAYERS = range(2, 13)
"""Numbers of layers for which Eq. (4) is written out."""


@dataclass(frozen=True)
class Copies:
    """Eq. (4): the first two lines that contradict each other, and the copies of features that H
    holds, l = 2, 3, …
    """

    conflict: Counterexample | None
    once: Proof
    copies: tuple[int, ...]
    repeated: Counterexample | None


def copies(sources: Sources) -> Copies:
    lines = sources.paper.equation4
    counts = tuple(_copied(lines, l) for l in LAYERS)
    once = sources.proof("eq4", "scalar", "once")
    repeated = next(
        (
            _repetition(l, found, _states(lines, l))
            for l, found in zip(LAYERS, counts, strict=True)
            if found != l
        ),
        None,
    )
    return Copies(
        next((found for l in LAYERS if (found := _conflict(lines, l))), None),
        once,
        counts,
        repeated,
    )


def _tops(lines: Sequence[Line], l: int) -> list[tuple[int, int, str]]:
    """(j, k, text) of every line for l layers that defines x_j = F_j ‖ x_k ‖ … ‖ x_0."""
    placed = [
        (line.index + l, line.top + l, line.text)
        if line.from_l
        else (line.index, line.top, line.text)
        for line in lines
    ]
    return [each for each in placed if 1 <= each[0] <= l]


def _conflict(lines: Sequence[Line], l: int) -> Counterexample | None:
    for (j, first, text), (other, second, another) in combinations(_tops(lines, l), 2):
        if j == other and first != second:
            return Counterexample(
                f"x_{j} is defined once", {"l": str(l)}, f"“{text}”", f"“{another}”"
            )
    return None


def _literal_tops(lines: Sequence[Line], l: int) -> dict[int, int]:
    """k by j, x_j = F_j ‖ x_k ‖ … ‖ x_0: the first lines as they stand, then the rule of the last
    one.
    """
    first = {line.index: line.top for line in lines if not line.from_l}
    return {j: first.get(j, j + lines[-1].top) for j in range(1, l)}


def _states(lines: Sequence[Line], l: int) -> list[list[int]]:
    """x_0 … x_{l−1} as the features F_j that they hold."""
    states = [[0]]
    for j, top in _literal_tops(lines, l).items():
        states.append([j, *(feature for i in range(top, -1, -1) for feature in states[i])])
    return states


def _copied(lines: Sequence[Line], l: int) -> int:
    """How many features of earlier layers H = F_l ‖ x_{l−1} ‖ … ‖ x_0 holds."""
    return sum(map(len, _states(lines, l)))


def _repetition(l: int, found: int, states: Sequence[Sequence[int]]) -> Counterexample:
    parts = ", ".join(f"F_{j}" for j in range(l - 1, 0, -1))
    return Counterexample(
        "H holds each earlier feature once",
        {"l": str(l)},
        f"{l}, each of {parts}, x_0 once",
        f"beside F_{l}, H holds {found} copies of earlier features: {_named(l, states)}",
    )


def _named(l: int, states: Sequence[Sequence[int]]) -> str:
    """What x_{l−1} ‖ … ‖ x_0 holds, feature by feature."""
    return ", ".join(f"F_{j}" if j else "x_0" for state in states[::-1] for j in state)


def literal_square(lines: Sequence[Line], l: int) -> int:
    """‖(∂H/∂x_0, …, ∂H/∂x_{l−1})‖_F² where every F′ is 0: the identities that H copies, x_i itself
    being as wide as it has grown.
    """
    states = _states(lines, l)
    return sum(len(states[i]) * _occurrences(lines, l, i) for i in range(l))


def _occurrences(lines: Sequence[Line], l: int, i: int) -> int:
    """How often x_i, as a whole, is part of H."""
    times = {i: 1}
    for j, top in _literal_tops(lines, l).items():
        if j > i:
            times[j] = sum(times[k] for k in range(i, top + 1))
    return sum(times.values())


def judge_copies(evidence: Copies) -> Finding:
    judgement = all_of(
        Case("its lines agree with each other", evidence.conflict is None),
        Case(
            "each feature once, as in section 3",
            decide(evidence.once, evidence.repeated),
            UNDECIDED,
        ),
    )
    shown = ", ".join(map(str, evidence.copies[:4]))
    clash = (
        f"two lines for one x_j where l = {evidence.conflict.given['l']}: "
        f"{evidence.conflict.found} and {evidence.conflict.claims}; "
        if evidence.conflict
        else ""
    )
    whole = [f"l = {l}" for l, found in zip(LAYERS, evidence.copies, strict=True) if found == l]
    none = f"; for {', '.join(whole)} none is repeated" if whole else ""
    summary = (
        f"{clash}beside F_l, H = F_l ‖ x_{{l−1}} ‖ ⋯ ‖ x_0 holds {shown}, … copies of earlier "
        "features for l = 2, 3, 4, 5, …, as each x_j of Eq. (4) repeats those before it; in "
        f"section 3 x_j is H_j[x_0, …, x_{{j−1}}] alone{none}"
    )
    return Finding(
        "Eq. (4) as transcribed; the paper does not state that both agree; that each feature is "
        "there once is how section 3 is read; Eq. (5) does not rest on it: it needs H = F_l ‖ "
        "x_{l−1} ‖ ⋯ ‖ x_0 alone, which the line before it defines again",
        judgement,
        summary,
        evidence.repeated or evidence.conflict,
    )


CLAIMS = (
    Claim(
        "C10",
        "Eq. (4), section 3",
        "Eq. (4) says what section 3 says of a dense block: the “concatenation of feature maps "
        "created in previous layers”, each of them once",
        copies,
        judge_copies,
    ),
)
