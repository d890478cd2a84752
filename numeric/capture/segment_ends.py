"""Chooses where the segments of a flow begin and end, and reads the term of each.

Values that every path meets are cut at first; between two of them, where a join is too large to be
written out or holds blocks inside a branch, frontiers of several values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from derivations.algebra.terms import Add, Chain, Concat, Identity, Leaf, Term, parts_of
from numeric.capture.flow import Flow, Step
from numeric.capture.frontiers import Cutter, Frontier, Sweep
from numeric.capture.segment_terms import SegmentTerm, TermReader
from numeric.capture.state_terms import StateTerm, arranged, state_term
from numeric.recording.operations import name_of


@dataclass(frozen=True)
class Stretch:
    """What lies between two frontiers: its term, its steps, and whether values join in it."""

    entry: Frontier
    exit: Frontier
    read: SegmentTerm
    steps: Sequence[Step]
    joins: bool


def stretches(flow: Flow, places: Sequence[int]) -> Iterator[Stretch]:
    """The segments from the first of these values to the last, which every path meets.

    Joins are segments of their own; stretches without one are cut before each further layer.
    """
    reader = TermReader(flow)
    start, weighted = places[0], False
    for one, other in pairwise(places):
        if reader.is_join(one, other):
            if start != one:
                yield _plain(reader, start, one, joins=False)
            yield from _join(reader, one, other)
            start, weighted = other, False
            continue
        heavy = reader.region(one, other).traits.weighted
        if heavy and weighted:
            yield _plain(reader, start, one, joins=False)
            start = one
        weighted |= heavy
    if start != places[-1]:
        yield _plain(reader, start, places[-1], joins=False)


def _plain(reader: TermReader, start: int, end: int, joins: bool) -> Stretch:
    steps = reader.between(start, end)
    return Stretch((start,), (end,), reader.read(start, end), steps, joins)


def _join(reader: TermReader, start: int, end: int) -> Iterator[Stretch]:
    """A join as one segment, or as those that it consists of."""
    found = _plain(reader, start, end, joins=True)
    if _is_one(found.read, [found.read.term]):
        yield found
        return
    sweep = Sweep(reader.flow, start, end)
    states = _States(reader.flow, sweep)
    cutter = Cutter(sweep, states.is_one, states.is_join)
    places = list(cutter.cut(0, len(sweep.steps)))
    if len(places) == 1:
        yield found
        return
    entry: Frontier = (start,)
    for low, high in places:
        exit_ = arranged(entry, sweep.frontier(high))
        steps = sweep.steps[low:high]
        read = state_term(reader.flow, entry, exit_, steps)
        yield Stretch(entry, exit_, read, steps, states.is_join(low, high))
        entry = exit_


class _States:
    """What lies between two places of a sweep, as a term: each is read once."""

    def __init__(self, flow: Flow, sweep: Sweep) -> None:
        self.flow, self.sweep = flow, sweep
        self.read = lru_cache(maxsize=None)(self._read)

    def is_one(self, low: int, high: int) -> bool:
        read = self.read(low, high)
        return _is_one(read, read.moved)

    def is_join(self, low: int, high: int) -> bool:
        step = self.sweep.steps[low]
        # Values that a concatenation puts beside each other were that before.
        if high - low == 1 and (len(step.operands) == 1 or name_of(step.node) == "cat"):
            return False
        read = self.read(low, high)
        return read.large or any(map(_joins, read.moved))

    def _read(self, low: int, high: int) -> StateTerm:
        ends = self.sweep.frontier(low), self.sweep.frontier(high)
        return state_term(self.flow, *ends, self.sweep.steps[low:high])


def _is_one(read: SegmentTerm, moved: Sequence[Term]) -> bool:
    """Whether a term is written out, no value in it goes through two blocks, and no branch through
    one of its own.
    """
    if read.large or any(map(_holds_blocks, moved)):
        return False
    chains = [term.parts for term in moved if isinstance(term, Chain)]
    return all(sum(isinstance(part, Add | Concat) for part in parts) < 2 for parts in chains)


def _joins(term: Term) -> bool:
    parts = term.parts if isinstance(term, Chain) else (term,)
    return not all(isinstance(part, Leaf | Identity) for part in parts)


def _holds_blocks(term: Term) -> bool:
    """Whether a branch of a concatenation goes through a block, or one of a sum through two."""
    inside = any(map(_holds_blocks, parts_of(term)))
    if inside or not isinstance(term, Add | Concat):
        return inside
    dense = isinstance(term, Concat)
    return any(_blocks(part, dense) > (not dense) for part in term.parts)


def _blocks(branch: Term, dense: bool) -> int:
    """How many joins of a branch have a skip: sums; in a `dense` step concatenations, too, and none
    of them is what the branch begins with.
    """
    found = sum(_blocks(part, dense) for part in parts_of(branch))
    if isinstance(branch, Chain):
        kinds = (Add, Concat) if dense else (Add,)
        inside = branch.parts[1:] if dense else branch.parts
        found += sum(isinstance(p, kinds) and Identity() in p.parts for p in inside)
    return found
