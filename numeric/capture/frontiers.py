"""Cuts what lies between two values at frontiers: values that together meet every path.

Between neighbours few values move, and the others pass: a block of a branch is a segment of its
own, whatever runs beside it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from numeric.capture.flow import Flow, Step

Frontier = tuple[int, ...]
"""Values of a recording: every path from the input to the outputs meets one of them last."""
MOST_VALUES = 32
"""A frontier of more values is not looked at: no term of it would be small."""
MANY_USES = 8
"""More later uses of a value count as these: costs must not fall all the way along a long skip."""


class Sweep:
    """The steps from one value to another in running order, and the frontier after each.

    Place 0 is the first value, place k what lives on after k steps.
    """

    def __init__(self, flow: Flow, source: int, target: int) -> None:
        place = {step.value: index for index, step in enumerate(flow.steps)}
        self.flow = flow
        self.source, self.target = source, target
        self.steps = flow.steps[place.get(source, -1) + 1 : place[target] + 1]

    def frontier(self, place: int) -> Frontier:
        """The values made up to a place that are used behind it, in the order of running; none
        where they are too many.
        """
        return self._swept[place][0]

    def cost(self, place: int) -> tuple[int, int]:
        """How many values there are, then how often those are used later that were used before,
        too: of these the model meets another gradient.
        """
        return self._swept[place][1]

    def fits(self, place: int) -> bool:
        """Whether the values of a frontier can be one state: a batch of rows of one type."""
        values, found = self.flow.recording.values, self.frontier(place)
        kinds = {(values[each].dtype, values[each].device) for each in found}
        return len(kinds) == 1 and all(self.flow.fits(each, self.source) for each in found)

    @cached_property
    def _swept(self) -> list[tuple[Frontier, tuple[int, int]]]:
        waiting = Counter(each for step in self.steps for each in step.operands)
        waiting[self.target] += 1
        fresh = {self.source}
        living = {self.source: waiting[self.source]}  # and how often each is used later
        found = []
        for index in range(len(self.steps) + 1):
            if index:
                step = self.steps[index - 1]
                for each in step.operands:
                    living[each] -= 1
                    fresh.discard(each)
                    if not living[each]:
                        del living[each]
                living[step.value] = waiting[step.value]
                fresh.add(step.value)
            late = sum(min(living[each], MANY_USES) for each in living if each not in fresh)
            few = len(living) <= MOST_VALUES
            found.append((tuple(living) if few else (), (len(living), late)))
        return found


class Cutter:
    """Chooses the places at which a sweep is cut.

    `is_one` says whether what lies between two places is one block, `is_join` whether it is a join
    rather than part of a stretch.
    """

    def __init__(
        self,
        sweep: Sweep,
        is_one: Callable[[int, int], bool],
        is_join: Callable[[int, int], bool],
    ) -> None:
        self.sweep, self.is_one, self.is_join = sweep, is_one, is_join

    def cut(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Pairs of neighbouring places from `low` to `high`.

        Of all places between them those of least cost count; what lies between two of those is cut
        further where it is more than a block.
        """
        inner = [k for k in range(low + 1, high) if self.sweep.fits(k)]
        if not inner:
            yield low, high
            return
        least = min(map(self.sweep.cost, inner))
        marks = [low, *(k for k in inner if self.sweep.cost(k) == least), high]
        start, weighted = low, False
        for one, other in pairwise(marks):
            if self.is_join(one, other):
                if start != one and self._belongs(start, one, other):
                    yield start, other
                else:
                    if start != one:
                        yield start, one
                    yield from self._block(one, other)
                start, weighted = other, False
                continue
            heavy = any(step.traits.weighted for step in self._between(one, other))
            if start != one and ((heavy and weighted) or self._turns(start, one, other)):
                yield start, one
                start, weighted = one, False
            weighted |= heavy
        if start != high:
            yield start, high

    def _block(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        if high - low == 1 or self.is_one(low, high):
            yield low, high
        else:
            yield from self.cut(low, high)

    def _between(self, low: int, high: int) -> Sequence[Step]:
        return self.sweep.steps[low:high]

    def _belongs(self, start: int, one: int, other: int) -> bool:
        """Whether a stretch is part of the join behind it: its branch, or what takes it apart."""
        is_branch = other - one == 1
        return (is_branch or self._is_passing(start, one)) and self.is_one(start, other)

    def _is_passing(self, low: int, high: int) -> bool:
        """Whether a stretch only takes its values apart or moves their entries."""
        return all(
            step.traits.affine and not step.traits.weighted and len(step.operands) == 1
            for step in self._between(low, high)
        )

    def _turns(self, start: int, one: int, other: int) -> bool:
        """Whether a stretch that was begun goes on at another value than the one that moved."""
        if self._is_passing(start, one):
            return False
        moved = {step.value for step in self._between(start, one)}
        return not any(moved.intersection(step.operands) for step in self._between(one, other))
