"""Captures a model at an input: its segments from cut to cut, each with its term and its leaves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Any

from torch import Tensor

from derivations.algebra.terms import Term
from numeric.capture.dominators import cuts
from numeric.capture.flow import Flow, flow
from numeric.capture.graph import Address
from numeric.capture.kinds import Kind, kind_of
from numeric.capture.operations import name_of
from numeric.capture.record import record
from numeric.capture.region import LeafMap
from numeric.capture.segment_terms import TermReader


@dataclass(frozen=True)
class Captured:
    """A segment of a captured model: what happens between two values that every path meets.

    `name` is the path of the module that made its result; `regions` are the maps that the term
    names. `entry` and `exit` are values of the recording.
    """

    name: str
    kind: Kind
    tags: tuple[str, ...]
    term: Term
    regions: Mapping[str, LeafMap]
    entry: int
    exit: int


@dataclass(frozen=True)
class CapturedModel:
    """A model's segments in the order in which the input meets them, and the flow behind them."""

    segments: tuple[Captured, ...]
    flow: Flow

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The values between segments, the first one's entry and the last one's exit included."""
        if not self.segments:
            return ()
        return (self.segments[0].entry, *(each.exit for each in self.segments))

    def value(self, number: int) -> Tensor:
        return self.flow.recording.values[number]

    def address(self, number: int) -> Address | None:
        """Where another run meets the value; None for one that Python never sees."""
        return self.flow.recording.addresses.get(number)


def capture(
    model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> CapturedModel:
    """The segments of model(*args, **kwargs). Raises CaptureError for a model that has none."""
    found = flow(record(model, args, kwargs))
    reader = TermReader(found)
    places = cuts(found)
    segments: list[Captured] = []
    names: dict[str, int] = {}
    for entry, exit_ in _segments(reader, places):
        read = reader.read(entry, exit_)
        path = _path(reader, entry, exit_)
        if path in names and not reader.is_join(entry, exit_):
            path = f"{path}:{reader.made_by[exit_].node.name}"
        names[path] = names.get(path, 0) + 1
        name = path if names[path] == 1 else f"{path}+{names[path] - 1}"
        tags = dict.fromkeys(
            tag for region in read.regions.values() for tag in region.traits.tag.split()
        )
        segments.append(
            Captured(name, kind_of(read), tuple(tags), read.term, read.regions, entry, exit_)
        )
    return CapturedModel(tuple(segments), found)


def _path(reader: TermReader, entry: int, end: int) -> str:
    """The path of the module that joins; of a stretch that of its layer, of a concatenation that
    of the module whose result is new: the next module may be the one that concatenates.
    """
    node = reader.made_by[end].node
    steps = reader.between(entry, end)
    if name_of(node) == "cat":
        inside = [step.node.module for step in steps if step.node is not node]
        common = _common_path(inside)
        if common and common != node.module.split(".")[: len(common)]:
            return ".".join(common)
    elif not reader.is_join(entry, end):
        weighted = [step.node.module for step in steps if step.traits.weighted]
        return (weighted or [node.module])[0] or node.name
    return node.module or node.name


def _common_path(modules: Sequence[str]) -> list[str]:
    """The names that all paths begin with."""
    paths = [module.split(".") for module in modules]
    return [
        names[0] for names in takewhile(lambda each: len(set(each)) == 1, zip(*paths, strict=False))
    ]


def _segments(reader: TermReader, places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Joins are segments of their own; stretches without one are cut before each further layer."""
    start, weighted = places[0] if places else -1, False
    for one, other in pairwise(places):
        if reader.is_join(one, other):
            if start != one:
                yield start, one
            yield one, other
            start, weighted = other, False
            continue
        heavy = reader.region(one, other).traits.weighted
        if heavy and weighted:
            yield start, one
            start = one
        weighted |= heavy
        if start == one and heavy:
            weighted = True
    if places and start != places[-1]:
        yield start, places[-1]
