"""Captures a model at an input: its segments from cut to cut, each with its term and its leaves."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from derivations.algebra.terms import Term
from derivations.errors import CaptureError, GradboundError, InputError
from numeric.capture.dominators import cuts
from numeric.capture.flow import Flow, Step, flows
from numeric.capture.frontiers import Frontier
from numeric.capture.kinds import Kind, kind_of
from numeric.capture.region import LeafMap
from numeric.capture.segment_ends import stretches
from numeric.capture.segment_names import Names
from numeric.checks import HALF, is_finite
from numeric.recording.failures import named_failures, refuse_model
from numeric.recording.given import (
    check_inputs,
    check_model,
    untouched,
    without_numbers,
)
from numeric.recording.graph import Address, Recording
from numeric.recording.record import record


@dataclass(frozen=True)
class Captured:
    """A segment of a captured model: what happens between two frontiers that every path meets.

    `name` is the path of the module that made its result; `regions` are the maps that the term
    names. `entry` and `exit` are values of the recording: most often one, where paths run side by
    side several, which together are a state. `steps` run between them.
    """

    name: str
    kind: Kind
    tags: tuple[str, ...]
    term: Term
    regions: Mapping[str, LeafMap]
    entry: Frontier
    exit: Frontier
    steps: tuple[Step, ...]

    @property
    def flat(self) -> bool:
        """Whether its maps take and return vectors: at one end of it is a state."""
        return len(self.entry) > 1 or len(self.exit) > 1


@dataclass(frozen=True)
class CapturedModel:
    """A model's segments in the order in which the input meets them, and the flow behind them."""

    segments: tuple[Captured, ...]
    flow: Flow

    @property
    def boundaries(self) -> tuple[Frontier, ...]:
        """The frontiers between segments, the first one's entry and the last one's exit included:
        the first and the last are one value each.
        """
        return (self.segments[0].entry, *(each.exit for each in self.segments))

    @property
    def containers(self) -> frozenset[str]:
        """The paths of modules that hold other modules which ran."""
        modules = {node.module for node in self.flow.recording.nodes}
        above = {each.rpartition(".")[0] for each in modules if "." in each}
        while more := {each.rpartition(".")[0] for each in above if "." in each} - above:
            above |= more
        return frozenset(above)

    @property
    def unread_before(self) -> str:
        """In words, what carries gradients before the first segment; "" where nothing does."""
        made = [step.value for step in self.flow.steps]
        (first,) = self.boundaries[0]
        count = made.index(first) + 1 if first in made else 0
        name = self.segments[0].name
        said = f"the chain of blocks begins with {name}: {count} operations before it are in none"
        return said if count else ""

    @property
    def unread_behind(self) -> str:
        """In words, what carries gradients behind the last segment; "" where nothing does."""
        made = [step.value for step in self.flow.steps]
        (last,) = self.boundaries[-1]
        count = len(made) - made.index(last) - 1 if last in made else 0
        why = "for their paths part, or their first axis is no batch"
        if len(self.flow.sinks) > 1:
            why = f"for they lead to {len(self.flow.sinks)} tensors of the result"
        said = (
            f"the chain of blocks ends with {self.segments[-1].name}: {count} operations behind it "
            f"are in none, {why}"
        )
        return said if count else ""

    def value(self, frontier: Frontier) -> Tensor:
        """The value of a frontier; of several the state, (batch, n)."""
        values = [self.flow.recording.values[number] for number in frontier]
        return values[0] if len(values) == 1 else torch.cat([v.flatten(1) for v in values], 1)

    def ends(self, segment: Captured) -> tuple[Tensor, Tensor]:
        """What the segment's maps take, and what the recording says that they return."""
        found = self.value(segment.entry), self.value(segment.exit)
        return (found[0].flatten(1), found[1].flatten(1)) if segment.flat else found

    @cached_property
    def met(self) -> tuple[Frontier, ...]:
        """Of each boundary the values that the model itself meets with the same gradient: none
        that it used before, and none that it makes anew.
        """
        place = {step.value: index for index, step in enumerate(self.flow.steps)}
        first: dict[int, int] = {}
        for index, step in enumerate(self.flow.steps):
            for value in step.operands:
                first.setdefault(value, index)
        ends = [max(place.get(value, -1) for value in each) for each in self.boundaries]
        return tuple(
            tuple(
                value for value in each if first.get(value, end + 1) > end and self._is_own(value)
            )
            for each, end in zip(self.boundaries, ends, strict=True)
        )

    def _is_own(self, value: int) -> bool:
        return value not in self.flow.virtual and self.address(value) is not None

    def address(self, number: int) -> Address | None:
        """Where another run meets the value; None for one that Python never sees."""
        return self.flow.recording.addresses.get(number)


def capture(
    model: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    outputs: Sequence[int] | None = None,
) -> CapturedModel:
    """The segments of model(*args, **kwargs), which runs as `untouched` in `given` leaves it.

    `outputs` are those of the result's tensors, by their place in flat order, that the paths lead
    to; without them it is all. Raises CaptureError for a model that has none or that no recording
    can follow, and InputError for what is no model or no input, for one on which the model itself
    fails, and where a value between segments is not finite. Of a model on the meta device there is
    structure alone.
    """
    meta = without_numbers(model, args, kwargs)
    check_model(model, meta)
    check_inputs(args, kwargs, meta)
    recording = _recorded(model, args, kwargs)
    if outputs is not None:
        recording = replace(
            recording,
            outputs=tuple(recording.outputs[each] for each in outputs),
            names=tuple(recording.names[each] for each in outputs),
        )
    found, places = _followed(recording)
    segments: list[Captured] = []
    names = Names()
    for each in stretches(found, places):
        regions = each.read.regions
        tags = dict.fromkeys(
            tag for region in regions.values() for tag in region.traits.tag.split()
        )
        kind = kind_of(each.read) if len(each.exit) == 1 else "state"
        name = names.of(each.steps, each.joins)
        segments.append(
            Captured(
                name,
                kind,
                tuple(tags),
                each.read.term,
                regions,
                each.entry,
                each.exit,
                tuple(each.steps),
            )
        )
    captured = CapturedModel(tuple(segments), found)
    if not meta:
        _check_finite(found, [value for ends in captured.boundaries for value in ends])
    # What runs in half precision cannot run again: an autocast around it is not recorded.
    if not any(value.dtype in HALF for value in found.recording.values.values()):
        _forget(captured)
    return captured


def _forget(captured: CapturedModel) -> None:
    """Leaves of the values that nothing reads any more, which are most, their shape and type; of
    the others not the graph of their derivatives, which holds as much again.
    """
    flow, recording = captured.flow, captured.flow.recording
    needed = {flow.source, *recording.inputs, *recording.outputs}
    # What steps take besides, as those before the first segment, which no region holds.
    taken = {value for step in flow.steps for value in step.node.inputs}
    needed |= taken - {step.value for step in flow.steps}
    needed.update(value for ends in captured.boundaries for value in ends)
    for segment in captured.segments:
        needed.update(value for region in segment.regions.values() for value in region.needs)
    values = recording.values
    assert isinstance(values, dict)  # the regions hold this very one
    for number, value in values.items():
        kept = number in needed
        values[number] = value.detach() if kept else torch.empty_like(value, device="meta")


def refuse_endless(segment: Captured, signal: Tensor) -> None:
    """Raises InputError where the backward signal that leaves a segment is not finite."""
    if not is_finite(signal):
        what = ", ".join(dict.fromkeys(f for r in segment.regions.values() for f in r.functions))
        raise InputError(
            f"the backward signal that leaves {segment.name} ({what}) is not finite: at this input "
            "a slope is, as a square root's at 0, so pass another input"
        )


def _recorded(
    model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Recording:
    try:
        return record(model, args, kwargs)
    except GradboundError:
        raise
    except Exception as error:  # whatever a model may raise
        with untouched(model):
            _check_runs(model, args, kwargs)
        why = next(iter(str(error).splitlines()), "")
        if "non-functional tensor" in why:
            why = "it changes a tensor of its own by what depends on the input: assign a new one"
        raise CaptureError(
            f"the model cannot be recorded: {type(error).__name__}, {why}"
        ) from error


def _check_runs(model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raises InputError where the model itself fails."""
    copied = tree_map(
        lambda leaf: leaf.detach().clone() if isinstance(leaf, Tensor) else leaf, args
    )
    with named_failures(model):
        refuse_model(model, model(*copied, **kwargs))


def _followed(recording: Recording) -> tuple[Flow, tuple[int, ...]]:
    """The flow that has the most values between segments, and these."""
    found = [(flow, _places(flow)) for flow in flows(recording)]
    best, places = max(found, key=lambda each: len(each[1]))
    if len(places) < 2:
        shape = tuple(best.shape(best.source))
        if len(best.sinks) > 1:
            raise CaptureError(
                f"from the input {shape} paths part to {len(best.sinks)} tensors of the result, "
                f"and no two values are met by all: {recording.one_result}"
            )
        raise CaptureError(
            f"from the input {shape} to the output no two values are met by every path and have a "
            "batch axis and one more: pass a batch (batch, ...), and have the model compute with it"
        )
    return best, places


def _places(flow: Flow) -> tuple[int, ...]:
    """The cuts that have the same first axis, by what it counts, too: the one that most have."""
    found = {each: _first_axis(flow, each) for each in cuts(flow) if flow.fits(each, each)}
    sizes = Counter(found.values())
    most = max(sizes, key=lambda axis: sizes[axis], default=None)
    return tuple(each for each, axis in found.items() if axis == most)


def _first_axis(flow: Flow, value: int) -> tuple[int, bool]:
    """How long it is, and whether it is known to count something else than samples."""
    return flow.shape(value)[0], value in flow.moved


def _check_finite(flow: Flow, places: Sequence[int]) -> None:
    """Refuses values that are not finite, and names what made the first of them."""
    values = flow.recording.values
    if all(is_finite(values[place]) for place in places):
        return
    for step in flow.steps:
        if not is_finite(values[step.value]):
            raise InputError(
                f"{step.node.module or 'the model'} ({step.node.name}) gives values that are not "
                "finite: pass an input at which all are"
            )
