"""Says in words which ReLU or gate inside a block lets nothing through, while training and after.

One test and one wording for a model that is watched and one that is analyzed.
"""

from dataclasses import dataclass

LOSES = 0.5
"""A median gain below this is worth a word."""
EXPANDS = 10.0
"""A median gain above this is worth a word, as 1/10 is without a skip."""
MANY_DEAD = 0.5
"""From this share of idle units on they are named as the cause of a small gain."""
SHUT = 0.1
"""Below this mean opening a gate is named as the cause."""


@dataclass(frozen=True)
class IdleUnits:
    """The `share` of the units of an activation that pass nothing, in all of the batch; of `count`
    units, where that is known.
    """

    share: float
    where: str = "a ReLU"
    count: int = 0
    noun: str = "units"

    def __str__(self) -> str:
        who = f"{self.share:.0%} of the units"
        if self.count:
            who = f"{round(self.share * self.count)} of {self.count} {self.noun}"
        if self.share == 1:
            who = f"all {self.count} {self.noun}" if self.count else "all units"
        return f"{who} of {self.where} pass no signal on any sample of this batch (dead units)"


@dataclass(frozen=True)
class GateOpening:
    """The mean of the values of a gate."""

    mean: float
    where: str = "a gate"

    def __str__(self) -> str:
        return f"{self.where} lets {self.mean:.2g} through on average"


def inner_cause(gate: GateOpening | None, idle: IdleUnits | None) -> str | None:
    """Why little gets through a block, where it is for a gate or for dead units; else None."""
    if gate is not None and gate.mean < SHUT:
        return f"gate: {gate}"
    if idle is not None and idle.share >= MANY_DEAD:
        return f"mask: {idle}"
    return None


def zero_weight(name: str) -> str:
    """Why a linear map lets nothing through."""
    return f"the weight of {name} is 0"
