"""Tells which share of a sweep is this process's, where torchrun has started several.

Shares are disjoint, together everything, and fixed by rank and number of processes: nothing is
handed out while they run.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from derivations.errors import InputError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Rank:
    """One of `size` processes that fill a results folder together; `local` counts them on this
    machine.
    """

    number: int = 0
    size: int = 1
    local: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.number < self.size and 0 <= self.local < self.size):
            raise InputError(
                f"RANK {self.number}, LOCAL_RANK {self.local} do not go with WORLD_SIZE "
                f"{self.size}: start with torchrun"
            )

    @property
    def alone(self) -> bool:
        return self.size == 1

    def share(self, items: Sequence[Item]) -> list[Item]:
        """This process's share, every `size`-th item."""
        return list(items[self.number :: self.size])


def from_environment(environment: Mapping[str, str] = os.environ) -> Rank:
    """The rank that torchrun states in RANK, WORLD_SIZE and LOCAL_RANK.

    Alone where it states none. Raises InputError for nonsense.
    """
    stated = {
        name: environment[name]
        for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        if name in environment
    }
    if not stated:
        return Rank()
    for name in ("RANK", "WORLD_SIZE"):
        if name not in stated:
            raise InputError(
                f"{', '.join(stated)} is set but {name} is not: start with torchrun, or unset it"
            )
    for name, value in stated.items():
        # int() would take " 1", "1_0" and digits of other scripts.
        if not (value.isascii() and value.isdecimal() and len(value) < 10):
            raise InputError(
                f"{name} is {value!r}, no whole number: start with torchrun, or unset it"
            )
    return Rank(int(stated["RANK"]), int(stated["WORLD_SIZE"]), int(stated.get("LOCAL_RANK", "0")))
