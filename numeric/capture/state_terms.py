"""Reads the term of what happens between two frontiers: a map from one state to the next.

A state is the values of a frontier, each flat, one behind the other. What passes is a slice of it;
what moves is a term of slices.
"""

from collections import ChainMap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, cast

from torch import Tensor

from derivations.algebra.terms import Add, Chain, Concat, Identity, Leaf, Linear, Term
from numeric.capture.flow import Flow, Step
from numeric.capture.frontiers import Frontier
from numeric.capture.region import Flat, LeafMap, Placed, Slice
from numeric.capture.segment_terms import (
    MOST_LEAVES,
    Reading,
    SegmentTerm,
    TermReader,
    TooLargeError,
    chained,
    size_of,
)
from numeric.recording.graph import Node, Ref
from numeric.recording.operations import Traits

STATE = -1
"""The number of the value that stands for all of a frontier."""


@dataclass
class StateTerm(SegmentTerm):
    """A term of a state; `moved` are the terms of the values that are new in it."""

    moved: list[Term] = field(default_factory=list)


def state_term(flow: Flow, before: Frontier, after: Frontier, steps: Sequence[Step]) -> StateTerm:
    """The term between two frontiers that are `steps` apart.

    Where one value is added to and all others pass, the whole is a sum with the identity.
    """
    state = _State(flow, before)
    reader = TermReader(state.sliced(steps))
    try:
        return _added(reader, state, after) or _joined(reader, state, after)
    except TooLargeError:
        return _joined(reader, state, after, whole=True)


def arranged(before: Frontier, after: Frontier) -> Frontier:
    """The values of the second frontier: those of the first keep their order, and a new one takes
    the place of one that is gone.
    """
    new = [value for value in after if value not in before]
    found: list[int] = []
    for value in before:
        if value in after:
            found.append(value)
        elif new:
            found.append(new.pop(0))
    return (*found, *new)


class _State:
    """Where each value of a frontier lies in the state; of one value the state is that value."""

    def __init__(self, flow: Flow, values: Frontier) -> None:
        self.flow, self.values = flow, values
        self.root = values[0] if len(values) == 1 else STATE
        self.shapes = [flow.shape(value)[1:] for value in values]
        self.starts = [0, *accumulate(shape.numel() for shape in self.shapes)]
        self._makers = {step.value: step.node.module or step.node.name for step in flow.steps}

    def sliced(self, steps: Sequence[Step]) -> Flow:
        """These steps behind those that take the state apart."""
        if self.root != STATE:
            return replace(self.flow, source=self.root, steps=tuple(steps))
        recorded = self.flow.recording
        first = recorded.values[self.values[0]]
        like = first.new_empty((len(first), self.starts[-1]), device="meta")
        # Not a copy: what the recording forgets, no region holds any more.
        values = ChainMap({STATE: like}, cast(dict[int, Tensor], recorded.values))
        taken = tuple(self._take(place) for place in range(len(self.values)))
        recording = replace(recorded, values=values)
        return replace(self.flow, recording=recording, source=STATE, steps=(*taken, *steps))

    def runs(self, after: Frontier) -> Iterator[tuple[int, int] | int]:
        """In order the values that move, and of those that pass the first and the last place."""
        waiting: tuple[int, int] | None = None
        for value in after:
            place = self.values.index(value) if value in self.values else None
            if waiting is not None and place != waiting[1] + 1:
                yield waiting
                waiting = None
            if place is None:
                yield value
            else:
                waiting = (place if waiting is None else waiting[0], place)
        if waiting is not None:
            yield waiting

    def said(self, first: int, last: int) -> str:
        """In words, the values from one place to another."""
        names = [self._makers.get(value, "input") for value in self.values[first : last + 1]]
        which = f"{first + 1}" if first == last else f"{first + 1}-{last + 1}"
        named = ", ".join(names) if len(names) < 4 else f"{names[0]}..{names[-1]}"
        return f"{which} of {len(self.values)}: {named}"

    def _take(self, place: int) -> Step:
        value = self.values[place]
        start, stop = self.starts[place : place + 2]
        args = (Ref(STATE), start, stop, tuple(self.shapes[place]))
        node = Node(_taken, args, {}, (value,), "part", "", True, True)
        return Step(value, node, 0, (STATE,), Traits(affine=True))


def _taken(x: Tensor, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
    return x[:, start:stop].reshape(-1, *shape)


class _StateReading(Reading):
    """One term in the making, of vectors that are flat."""

    def __init__(self, reader: TermReader, state: _State) -> None:
        super().__init__(reader, state.root)
        self.state = state

    def values(self, first: int, last: int) -> Term:
        """The values of the state from one place to another, as they are."""
        if len(self.state.values) == 1:
            return Identity()
        start, stop = self.state.starts[first], self.state.starts[last + 1]
        found = Slice(start, stop, self.state.said(first, last))
        return self._named(("slice", first, last), Linear, "S", found)

    def placed(self, place: int) -> Term:
        """The map of one value to a state that is zero elsewhere."""
        starts = self.state.starts
        found = Placed(starts[place], starts[-1], f"into {self.state.said(place, place)}")
        return self._named(("placed", place), Linear, "E", found)

    def joined(self, source: int, target: int) -> Term | None:
        if source == STATE and target in self.state.values:
            place = self.state.values.index(target)
            return self.values(place, place)
        return super().joined(source, target)

    def _named(self, key: Any, kind: type[Leaf], letter: str, region: LeafMap) -> Leaf:
        if not isinstance(region, Slice | Placed):
            region = Flat(region, self._given(key))
        return super()._named(key, kind, letter, region)

    def _given(self, key: Any) -> tuple[int, ...]:
        """The shape of what a leaf takes, but for the batch."""
        shape = self.reader.flow.shape
        match key:
            case ("share", _, value):
                return tuple(shape(value)[1:])
            case ("move", value, _):
                return tuple(shape(value)[1:])
            case ("back", value, dim):
                sizes = list(shape(value)[1:])
                sizes.insert(0, sizes.pop(dim - 1))
                return tuple(sizes)
        return tuple(shape(key[0])[1:])


def _joined(
    reader: TermReader, state: _State, after: Frontier, *, whole: bool = False
) -> StateTerm:
    """The values one behind the other; with `whole` each that moves is one leaf."""
    reading, parts, moved = _StateReading(reader, state), list[Term](), list[Term]()
    for run in state.runs(after):
        if isinstance(run, tuple):
            parts.append(reading.values(*run))
            continue
        term = (
            reading.leaf(reader.region(state.root, run))
            if whole
            else reading.chain(state.root, run)
        )
        parts.append(term)
        moved.append(term)
    term = parts[0] if len(parts) == 1 else Concat(*parts)
    if not whole and size_of(term) > MOST_LEAVES:
        raise TooLargeError
    return StateTerm(term, reading.named_in(term), reading.bounded, whole, moved)


def _added(reader: TermReader, state: _State, after: Frontier) -> StateTerm | None:
    """x + what is added to one value; None where something else happens."""
    changed = [
        k for k, pair in enumerate(zip(state.values, after, strict=False)) if pair[0] != pair[1]
    ]
    if len(changed) != 1 or not len(state.values) == len(after) > 1:
        return None
    (place,) = changed
    if reader.flow.shape(after[place])[1:] != state.shapes[place]:
        return None
    reading = _StateReading(reader, state)
    term, kept = reading.chain(state.root, after[place]), reading.values(place, place)
    before: tuple[Term, ...]
    match term:
        case Chain(parts=(first, Add(parts=added))) if first == kept and Identity() in added:
            before, where = (kept,), added.index(Identity())
        case Add(parts=added) if kept in added:
            before, where = (), added.index(kept)
        case _:
            return None
    placed = reading.placed(place)
    others = (*added[:where], *added[where + 1 :])
    joint = Add(Identity(), *(chained(*before, each, placed) for each in others))
    return StateTerm(joint, reading.named_in(joint), reading.bounded, False, [term])
