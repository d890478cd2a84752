"""Ties what is printed to what was proved: every bound, limit, order and result to a step.

A step counts if it passed all its checks; what no such step says word for word is missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy as sp

from derivations.algebra.letters import VanishingBranch
from derivations.algebra.quantities import GAIN, NormRatio
from derivations.algebra.steps import Relation, Step
from derivations.checker.check import CheckedStep
from derivations.rules.bound_types import Bound, Order, Proved, Side

MISSING = "said by a step that passed every check"
"""The name of the check that fails where the chain from proof to print is broken."""
_RELATIONS: dict[Side, Relation] = {"lower": ">=", "upper": "<=", "equal": "="}


@dataclass(frozen=True)
class Broken:
    """What is said and not proved: `said` in the letters of the derivation."""

    what: str
    said: Step


def passed(checked: Iterable[CheckedStep]) -> tuple[Step, ...]:
    """The steps that passed every check."""
    return tuple(each.step for each in checked if each.ok)


def bound_step(bound: Bound, proved: Sequence[Step]) -> Step | None:
    """The step that says the bound; an equality may be said of squares."""
    relation = _RELATIONS[bound.side]
    found = _found(proved, GAIN, relation, bound.expr)
    if found is None and bound.side == "equal" and isinstance(bound.expr, sp.Pow):
        return _found(proved, GAIN**2, relation, bound.expr**2)
    return found


def limit_step(bound: Bound, proved: Sequence[Step]) -> Step | None:
    """The step that says what the bound tends to without the branch."""
    taken = [step for step in proved if isinstance(step.vanishing, VanishingBranch)]
    return _found(taken, bound.expr, "->", bound.limit)


def missing(theorem: Proved, checked: Iterable[CheckedStep]) -> list[Broken]:
    """Every bound, limit and order of a theorem that no passed step of its derivation says."""
    proved = passed(checked)
    meant = {each.symbol: each.definition for each in theorem.derivation.quantities}
    gain = meant.get(GAIN)
    lost: list[Broken] = []
    for bound in theorem.bounds:
        # What a bound is relative to is no part of its formula: it is what its steps call γ.
        if not isinstance(gain, NormRatio) or gain.denominator != bound.base:
            said = Step("base", GAIN, _RELATIONS[bound.side], bound.expr)
            lost.append(Broken(f"base of {bound.id}", said))
        if bound_step(bound, proved) is None:
            said = Step("bound", GAIN, _RELATIONS[bound.side], bound.expr)
            lost.append(Broken(f"bound {bound.id}", said))
        if limit_step(bound, proved) is None:
            branch = VanishingBranch("branch", positive=True)
            said = Step("limit", bound.expr, "->", bound.limit, vanishing=branch)
            lost.append(Broken(f"limit of {bound.id}", said))
    return lost


def missing_order(
    order: Iterable[Order], bounds: Iterable[Bound], checked: Iterable[CheckedStep]
) -> list[Broken]:
    """Every pair of bounds of which no passed step says that one is never looser."""
    exprs, proved = {bound.id: bound for bound in bounds}, passed(checked)
    lost = {}
    pairs = {(pair.tighter, pair.looser): pair.step for pair in order}
    for (tighter, looser), step in pairs.items():
        if tighter not in exprs or looser not in exprs:
            lost[tighter, looser] = Broken(f"order of {tighter} and {looser}", step)
            continue
        one, other = exprs[tighter], exprs[looser]
        relation: Relation = ">=" if one.side == "lower" else "<="
        if one.side != other.side or _found(proved, one.expr, relation, other.expr) is None:
            said = Step("order", one.expr, relation, other.expr)
            lost[tighter, looser] = Broken(f"order of {tighter} and {looser}", said)
    return list(lost.values())


def _found(
    steps: Sequence[Step], before: sp.Expr, relation: Relation, after: sp.Expr
) -> Step | None:
    said = (before, relation, after)
    return next((step for step in steps if (step.before, step.relation, step.after) == said), None)
