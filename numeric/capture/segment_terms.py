"""Reads a term of the block algebra off the steps between two values.

Sums, concatenations and gates become nodes of the term; what lies between them becomes leaves, one
for each stretch without a join. What has no such structure is one leaf, not looked into.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from derivations.algebra.symbolic_dims import symbolic_dims
from derivations.algebra.terms import (
    SLOPES,
    Add,
    Chain,
    Concat,
    Gate,
    Identity,
    Layer,
    Leaf,
    Linear,
    Pointwise,
    Term,
    leaves,
    parts_of,
)
from derivations.errors import InputError
from numeric.capture.dominators import immediate_dominators
from numeric.capture.flow import Flow, Step
from numeric.capture.region import LeafMap, MovedAxis, Region, Share
from numeric.recording.graph import Ref
from numeric.recording.operations import KEEPS_RANGE, name_of, operand

MOST_LEAVES = 64
"""A term of more leaves, each counted as often as it stands there and times how deep joins stand in
joins, is not written out: its proofs would take longer than a user waits.
"""


@dataclass
class SegmentTerm:
    """A term, the region behind each of its leaves by name, and whether each gate is bounded.

    `large` says that it is one leaf because, written out, it would be too large.
    """

    term: Term
    regions: dict[str, LeafMap] = field(default_factory=dict)
    bounded_gates: list[bool] = field(default_factory=list)
    large: bool = False


class TermReader:
    """Reads the terms of one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.made_by: Mapping[int, Step] = {step.value: step for step in flow.steps}
        self._place = {step.value: index for index, step in enumerate(flow.steps)}
        self._read: dict[tuple[int, int], SegmentTerm] = {}

    def between(self, source: int, target: int) -> list[Step]:
        """The steps on paths from one value to another, in running order."""
        wanted, found, waiting = {target}, [], [target]
        while waiting:
            value = waiting.pop()
            if value == source:
                continue
            step = self.made_by.get(value)
            if step is None:
                continue
            found.append(step)
            for each in step.operands:
                if each not in wanted:
                    wanted.add(each)
                    waiting.append(each)
        return sorted(found, key=lambda step: self._place[step.value])

    def region(self, source: int, target: int, shape: Sequence[int] | None = None) -> Region:
        values = self.flow.recording.values
        return Region(self.between(source, target), source, target, values, shape)

    def links(self, source: int, target: int) -> list[tuple[int, int]]:
        """The values that every path passes through, in pairs of neighbours."""
        above = immediate_dominators(source, self.between(source, target))
        chain = [target]
        while chain[-1] != source:
            chain.append(above[chain[-1]])
        chain.reverse()
        return list(pairwise(chain))

    def is_join(self, source: int, target: int) -> bool:
        """Whether a link is a node of the algebra, rather than part of a stretch."""
        try:
            return Reading(self, source).joined(source, target) is not None
        except TooLargeError:
            return True

    def read(self, source: int, target: int) -> SegmentTerm:
        """The term of the map from one value to another."""
        if (source, target) not in self._read:
            reading, large = Reading(self, source), False
            try:
                term = reading.chain(source, target)
            except TooLargeError:
                reading, large = Reading(self, source), True
                term = reading.leaf(self.region(source, target))
            found = SegmentTerm(term, reading.named_in(term), reading.bounded, large)
            self._read[source, target] = found
        return self._read[source, target]


class TooLargeError(Exception):
    """A term has more leaves than are written out."""


class Reading:
    """One term in the making: names leaves as it meets them."""

    def __init__(self, reader: TermReader, root: int) -> None:
        self.reader, self._root = reader, root
        self.regions: dict[str, LeafMap] = {}
        self.bounded: list[bool] = []
        self._names: dict[Any, str] = {}
        self._kinds: dict[str, type[Leaf]] = {}
        self._read: dict[tuple[Any, ...], Term] = {}
        self._depth = 0

    def chain(self, source: int, target: int, shape: Sequence[int] | None = None) -> Term:
        """The term of a map, its joins written out; `shape` is what its value is broadcast to."""
        key = (source, target, shape)
        self._depth += 1
        if self._depth > MOST_LEAVES:
            raise TooLargeError
        if key not in self._read:
            self._read[key] = self._bounded_in_size(self._chain(source, target, shape))
        self._depth -= 1
        return self._read[key]

    def _bounded_in_size(self, term: Term) -> Term:
        """The term, if it is small: parts of small terms are few, so counting takes no time."""
        if size_of(term) > MOST_LEAVES:
            raise TooLargeError
        return term

    def _chain(self, source: int, target: int, shape: Sequence[int] | None) -> Term:
        parts: list[Term] = []
        start = source  # of the stretch without a join that is being collected
        for one, other in self.reader.links(source, target) if source != target else ():
            if (join := self.joined(one, other)) is not None:
                if start != one:
                    parts.append(self.leaf(self.reader.region(start, one)))
                parts.append(join)
                start = other
        if shape is not None and tuple(self.reader.flow.shape(target)) == tuple(shape):
            shape = None
        if start != target or shape is not None:
            parts.append(self.leaf(self.reader.region(start, target, shape)))
        return chained(*parts)

    def leaf(self, region: Region) -> Term:
        """The leaf of a stretch; the same stretch has the same name wherever it stands."""
        key, like = (region.source, region.target, region.shape), region.traits
        if like.affine:
            return self._named(key, Linear, "W", region)
        if like.entrywise and self._keeps_shape(region):
            only = name_of(region.steps[0].node) if len(region.steps) == 1 else ""
            letter = only if only in SLOPES and only not in self._kinds else "phi"
            return self._named(key, Pointwise, letter, region)
        return self._named(key, Layer, "F", region)

    def _named(self, key: Any, kind: type[Leaf], letter: str, region: LeafMap) -> Leaf:
        if key not in self._names:
            number = sum(name.split("_")[0] == letter for name in self._kinds) + 1
            name = letter if letter in SLOPES else f"{letter}_{number}"
            self._names[key], self._kinds[name] = name, kind
            self.regions[name] = region
        return self._kinds[self._names[key]](self._names[key])

    def named_in(self, term: Term) -> dict[str, LeafMap]:
        """The regions of its leaves: more may have been read."""
        names = {leaf.name for leaf in leaves(term)}
        return {name: region for name, region in self.regions.items() if name in names}

    def joined(self, source: int, target: int) -> Term | None:
        """The term of a link that is a join; None where the link is no more than a map."""
        step = self.reader.made_by[target]
        if len(step.operands) < 2 and not self._twice(step):
            return None
        if not self._fit(source, target):
            return None
        name = name_of(step.node)
        if name == "cat" and (term := self._concatenation(source, step)) is not None:
            return term
        if self._whole(source, target):
            return None
        if name == "add" and _unscaled(step):
            return self._sum(source, target, step)
        if step.traits.affine and len(step.operands) > 1 and self._fit(*step.operands):
            return self._shares(source, step)
        return self._product(source, target, step) if name == "mul" else None

    def _twice(self, step: Step) -> bool:
        """x + x and cat(x, x): one operand in two places."""
        name = name_of(step.node)
        parts = operand(step.node, 0) if name == "cat" else step.node.args[:2]
        places = [p for p in parts if isinstance(p, Ref) and p.value in step.operands]
        return name in ("add", "cat") and len(places) > 1

    def _fit(self, *values: int) -> bool:
        """Whether all are real and have the batch of the value that the segment starts from."""
        return all(self.reader.flow.fits(value, self._root) for value in values)

    def _sum(self, source: int, target: int, step: Step) -> Term:
        shape = self.reader.flow.shape(target)
        one, other = (part.value for part in step.node.args[:2])
        first, second = self.chain(source, one, shape), self.chain(source, other, shape)
        found = Add(*_addends(first), *_addends(second))
        if not _has_sizes(found):  # two concatenations, cut at different places
            found = Add(*_addends(first), self.leaf(self.reader.region(source, other, shape)))
        return found

    def _shares(self, source: int, step: Step) -> Term:
        """A sum of what each operand adds: a difference, a weighted mean, a patch."""
        values = self.reader.flow.recording.values
        parts = []
        for number in step.operands:
            share = Share(step, number, values)
            added = self._named(("share", step.value, number), Linear, "W", share)
            parts.append(chained(self.chain(source, number), added))
        return Add(*parts)

    def _concatenation(self, source: int, step: Step) -> Term | None:
        parts = operand(step.node, 0)
        rank = len(self.reader.flow.shape(step.value))
        dim = (operand(step.node, 1) or step.node.kwargs.get("dim", 0)) % rank
        inputs = [part.value for part in parts if isinstance(part, Ref)]
        if dim == 0 or len(inputs) != len(parts) or not set(inputs) <= set(step.operands):
            return None
        if not self._fit(*inputs):
            return None
        terms = [self.chain(source, value) for value in inputs]
        if dim == 1:
            return Concat(*terms)
        # A leaf of its own for each value: equal names say equal inputs, too.
        moved = [
            chained(term, self._named(("move", value, dim), Linear, "W", MovedAxis(dim, 1)))
            for term, value in zip(terms, inputs, strict=True)
        ]
        back = self._named(("back", step.value, dim), Linear, "W", MovedAxis(1, dim))
        return chained(Concat(*moved), back)

    def _product(self, source: int, target: int, step: Step) -> Term | None:
        one, other = (part.value for part in step.node.args[:2])
        ends = [self._is_bounded(source, value) for value in (one, other)]
        region = self.reader.region(source, target)
        if not any(ends) and not region.traits.weighted:
            return None  # as a norm written by hand: no gate, and nothing of the user's network
        signal, gate = (one, other) if ends[1] or not ends[0] else (other, one)
        shape = self.reader.flow.shape(target)
        term = Gate(self.chain(source, signal, shape), self.chain(source, gate, shape))
        self.bounded.append(any(ends))
        return term

    def _is_bounded(self, source: int, value: int) -> bool:
        """Whether a value lies between constants: by an operation whose values do, and after it
        none but such as keep that.
        """
        while value != source and value in self.reader.made_by:
            step = self.reader.made_by[value]
            if step.traits.bounded:
                return True
            like = step.traits
            shifted = like.affine and like.entrywise  # scaled or shifted by constants, as 1 - t
            kept = like.isometry or shifted or name_of(step.node) in KEEPS_RANGE
            if not kept or len(step.operands) > 1:
                return False
            value = step.operands[0]
        return False

    def _whole(self, source: int, target: int) -> bool:
        """Whether a link is one entrywise map: an activation that is written by hand."""
        like = self.reader.region(source, target).traits
        return like.entrywise and not like.affine

    def _keeps_shape(self, region: Region) -> bool:
        flow = self.reader.flow
        return flow.shape(region.source) == flow.shape(region.target) and region.shape is None


def leaf_count(term: Term) -> int:
    """The parts of a term that have no parts, each as often as it stands there."""
    return sum(map(leaf_count, parts_of(term))) or 1


def size_of(term: Term) -> int:
    """What `MOST_LEAVES` limits."""
    return leaf_count(term) * max(1, _join_depth(term))


def _join_depth(term: Term) -> int:
    inside = max(map(_join_depth, parts_of(term)), default=0)
    return inside + isinstance(term, Add | Concat | Gate)


def chained(*terms: Term) -> Term:
    """The composition, flat and without identities."""
    flat = [p for term in terms for p in (term.parts if isinstance(term, Chain) else (term,))]
    flat = [part for part in flat if part != Identity()]
    return Identity() if not flat else flat[0] if len(flat) == 1 else Chain(*flat)


@lru_cache(maxsize=1024)
def _has_sizes(term: Term) -> bool:
    """Whether letters can stand for the dimensions of a term."""
    try:
        symbolic_dims(term)
    except InputError:
        return False
    return True


def _addends(term: Term) -> tuple[Term, ...]:
    return term.parts if isinstance(term, Add) else (term,)


def _unscaled(step: Step) -> bool:
    """Whether a sum has no factor, and all it adds is recorded."""
    node = step.node
    scaled = node.kwargs.get("alpha", 1) != 1
    return not scaled and all(isinstance(part, Ref) for part in node.args[:2])
