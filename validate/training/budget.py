"""Says how much of a sweep's time is left, and which of its runs fit into that.

Whole seeds are dropped first, from the last; of a single seed then the networks, the longest
first, so that every family keeps some depth as long as it can.
"""

import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from derivations.errors import InputError
from validate.records.schema import RunConfig

KEPT_BACK, LEAST_KEPT = 0.1, 20.0
"""The share of a budget, and the least seconds if they are not more than half of it, that are kept
for ending: to make the folder complete and read it back."""


class OutOfTimeError(Exception):
    """The time is up: whoever hears of it stops where it is."""


@dataclass(frozen=True)
class Budget:
    """So many `seconds` from when it was made. Raises InputError if there are none."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    begin: float = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise InputError(f"a budget of {self.seconds} seconds is none: give more than 0")
        object.__setattr__(self, "begin", self.clock())

    @property
    def left(self) -> float:
        """Seconds until no more may be trained."""
        kept = max(KEPT_BACK * self.seconds, min(LEAST_KEPT, self.seconds / 2))
        return self.begin + self.seconds - kept - self.clock()

    def check(self) -> None:
        """Raises OutOfTimeError when nothing is left."""
        if self.left <= 0:
            raise OutOfTimeError


def fitting(
    configs: Sequence[RunConfig],
    seconds: Mapping[str, float],
    processes: int,
    left: float,
) -> list[RunConfig]:
    """Those of the runs, seed by seed, that so many processes end in the time that is left, each
    network taking the `seconds` stated for it.
    """
    kept = list(configs)
    while kept and duration([seconds[config.network] for config in kept], processes) > left:
        seeds = sorted({config.seed for config in kept})
        if len(seeds) > 1:
            kept = [config for config in kept if config.seed != seeds[-1]]
        else:
            kept.remove(max(kept, key=lambda config: (seconds[config.network], config.run)))
    return kept


def duration(tasks: Sequence[float], processes: int) -> float:
    """How long tasks take that are handed in their order to whichever process is free."""
    free = [0.0] * processes
    for task in tasks:
        heapq.heapreplace(free, free[0] + task)
    return max(free)


def by_seed(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Seed by seed, so that what is whole when the time is up is whole seeds; the deepest first."""
    return sorted(configs, key=lambda config: (config.seed, -config.depth))
