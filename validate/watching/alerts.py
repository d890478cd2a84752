"""Says when a block's gains during training are worth a word, and why, in words.

A rule speaks when it has held in so many looks in a row, and again only after it did not hold.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from derivations.errors import InputError
from validate.inside.cause_words import GateOpening, IdleUnits, inner_cause, zero_weight

What = Literal["dying", "exploding", "dead_units", "gate_shut", "vanished", "non_finite"]


@dataclass(frozen=True)
class AlertRules:
    """When to speak: a gain below `min_gain` or above `max_gain`, a share of at least `dead_share`
    of the units of a block's ReLU that have no slope, a gate that is open by less than
    `gate_opening` on average, each in `patience` looks in a row; a ReLU without any slope and a
    signal that is zero or not finite at once.

    Raises InputError for a number that can be no such limit.
    """

    min_gain: float = 1e-2
    max_gain: float = 1e2
    patience: int = 3
    dead_share: float = 0.75
    gate_opening: float = 1e-2

    def __post_init__(self) -> None:
        if not 0 <= self.min_gain < self.max_gain:
            raise InputError(f"min_gain {self.min_gain} must be below max_gain {self.max_gain}")
        if self.patience < 1:
            raise InputError(f"patience is {self.patience}: it is a number of looks, at least 1")
        if not 0 < self.dead_share <= 1 or not 0 <= self.gate_opening <= 1:
            raise InputError("dead_share and gate_opening are shares: numbers between 0 and 1")


@dataclass(frozen=True)
class Seen:
    """What one backward pass showed of a block: ‖∂L/∂h‖ `before` and `after` it, the largest share
    of units without a slope in one of its ReLUs, the mean opening of its most closed gate, the
    name of a layer whose weight is zero; None where not measured.
    """

    block: str
    kind: str
    before: float | None
    after: float | None
    dead: float | None = None
    gate: float | None = None
    zero: str | None = None

    @property
    def gain(self) -> float | None:
        """‖∂L/∂h before‖ / ‖∂L/∂h after‖; None where a norm is unknown or not finite, or the signal
        behind the block is exactly zero.
        """
        if self.before is None or not self.after:
            return None
        found = self.before / self.after if math.isfinite(self.after) else math.nan
        return found if math.isfinite(found) else None


@dataclass(frozen=True)
class Alert:
    """What is wrong with a block at a step: `number` is the gain, share, opening or norm."""

    step: int
    block: str
    what: What
    number: float
    cause: str

    def __str__(self) -> str:
        return f"step {self.step}: {self.block}: {self.what} ({self.number:.3g}): {self.cause}"


class AlertJudge:
    """Judges look after look by its rules, and remembers for how long each has held."""

    def __init__(self, rules: AlertRules) -> None:
        self.rules = rules
        self._held: dict[tuple[str, What], int] = {}
        self._told: set[tuple[str, What]] = set()

    def judge(self, step: int, seen: Sequence[Seen]) -> list[Alert]:
        """The alerts of one look at all blocks, in the order in which the input meets them."""
        holding = [*self._by_rules(seen), *_lost(seen)]
        # What was not asked in this look holds for as long as it did.
        unasked = {(each.block, "dead_units") for each in seen if each.dead is None}
        kept = {key: count for key, count in self._held.items() if key in unasked}
        keys = {(block, what) for block, what, _, _ in holding}
        self._held = kept | {key: self._held.get(key, 0) + 1 for key in keys}
        self._told &= self._held.keys()
        found = [
            Alert(step, block, what, number, cause)
            for block, what, number, cause in holding
            if self._held[block, what] >= self._needed(what, number)
            and (block, what) not in self._told
        ]
        self._told |= {(each.block, each.what) for each in found}
        return found

    def _needed(self, what: What, number: float) -> int:
        at_once = what in ("vanished", "non_finite") or (what == "dead_units" and number == 1)
        return 1 if at_once else self.rules.patience

    def _by_rules(self, seen: Sequence[Seen]) -> Iterator[tuple[str, What, float, str]]:
        rules = self.rules
        for each in seen:
            if each.gain is not None and 0 < each.gain < rules.min_gain:
                yield each.block, "dying", each.gain, cause_of(each)
            if each.gain is not None and each.gain > rules.max_gain:
                yield each.block, "exploding", each.gain, growth_of(each)
            if each.dead is not None and each.dead >= rules.dead_share:
                yield each.block, "dead_units", each.dead, str(IdleUnits(each.dead))
            if each.gate is not None and each.gate < rules.gate_opening:
                words = f"{GateOpening(each.gate)}: its branch is cut off"
                yield each.block, "gate_shut", each.gate, words


def cause_of(seen: Seen) -> str:
    """Why a block's gain is small, from what was measured in it."""
    gate = None if seen.gate is None else GateOpening(seen.gate)
    idle = None if seen.dead is None else IdleUnits(seen.dead)
    if (found := inner_cause(gate, idle)) is not None:
        return found
    if seen.kind in ("residual", "gated_residual", "dense"):
        return "what its branch sends back cancels what its skip carries"
    return "it has no skip: what arrives is what its layers let through"


def growth_of(seen: Seen) -> str:
    """Why a block's gain is large."""
    if seen.kind in ("residual", "gated_residual", "dense"):
        return "its branch sends back many times what its skip carries"
    return "its layers enlarge the signal: their weights, or the slopes of a norm, are large"


def _lost(seen: Sequence[Seen]) -> Iterator[tuple[str, What, float, str]]:
    """The block that a signal enters and does not leave, and the one that it leaves as no number:
    going backwards, the first of each.
    """
    for what, holds in (("vanished", _is_zero), ("non_finite", _is_no_number)):
        for each in reversed(seen):
            if each.after is not None and holds(each.after):
                words = "the loss itself sends no signal"
                if what == "non_finite":
                    words = "the loss itself, or its scale, gives a signal that is not finite"
                yield each.block, what, each.after, words  # type: ignore[misc]
                break
            if each.before is not None and holds(each.before):
                yield each.block, what, each.before, _words_of(what, each)  # type: ignore[misc]
                break


def _words_of(what: str, seen: Seen) -> str:
    if what == "non_finite":
        return "a finite signal enters it and leaves it infinite or NaN: a slope that overflows"
    if seen.gate is not None and seen.gate == 0:
        return "no signal leaves it: a gate is shut"
    if seen.dead == 1:
        return "no signal leaves it: every unit of a ReLU is dead"
    if seen.zero is not None:
        return f"no signal leaves it: {zero_weight(seen.zero)}"
    return "no signal leaves it: what its layers send back is exactly zero"


def _is_zero(norm: float) -> bool:
    return norm == 0


def _is_no_number(norm: float) -> bool:
    return not math.isfinite(norm)
