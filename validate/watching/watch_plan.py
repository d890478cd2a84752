"""Plans where to look at a model while it trains: its blocks, and the values to find in each run.

A plan is made from one capture, and holds no tensor of it.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from derivations.errors import CaptureError, GradboundError
from numeric.capture.capture import Captured, CapturedModel, capture
from numeric.capture.flow import Flow, Step
from numeric.recording.given import untouched
from numeric.recording.graph import Ref
from numeric.recording.operations import name_of
from validate.inside.inner_causes import step_name, weight_of
from validate.inside.inner_steps import inner_steps, passing
from validate.measure.signal_hooks import Point, Slice
from validate.measure.signal_norms import RELU, Passing
from validate.watching.alerts import Seen

Asks = Literal["norm", "idle", "mean"]


@dataclass(frozen=True)
class WatchedBlock:
    """A block, and the points that tell of it; None for a value that Python never meets. Of a state
    of several values the signal is that of all together.
    """

    name: str
    kind: str
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None
    idle: tuple[int, ...]
    gates: tuple[int, ...]
    segments: range = range(0)
    weights: tuple[tuple[str, str], ...] = ()
    """Names of parameters that its layers take, each with the step that takes it; `segments` are
    the places of what it is made of among those of the capture.
    """

    def seen(self, numbers: Mapping[int, float], sizes: Mapping[str, float] | None = None) -> Seen:
        """What the numbers of one backward pass, by point, say of this block, and the norms of the
        model's parameters, where they are known.
        """
        zero = [step for name, step in self.weights if sizes and sizes.get(name) == 0]
        idle = [numbers[index] for index in self.idle if index in numbers]
        gates = [numbers[index] for index in self.gates if index in numbers]
        return Seen(
            self.name,
            self.kind,
            _joint(self.before, numbers),
            _joint(self.after, numbers),
            max(idle, default=None),
            min(gates, default=None),
            next(iter(zero), None),
        )


def _joint(points: tuple[int, ...] | None, numbers: Mapping[int, float]) -> float | None:
    if points is None or any(point not in numbers for point in points):
        return None
    return numbers[points[0]] if len(points) == 1 else math.hypot(*(numbers[p] for p in points))


@dataclass(frozen=True)
class WatchPlan:
    """The blocks in the order in which the input meets them, the points, and what to know.

    `unread` says what behind the last block is in none, "" where nothing is; `results` to how many
    tensors of the model's result paths lead.
    """

    blocks: tuple[WatchedBlock, ...]
    points: tuple[Point, ...]
    remarks: tuple[str, ...] = ()
    unread: str = ""
    results: int = 1


def plan_of_run(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    outputs: Sequence[int] | None = None,
) -> WatchPlan:
    """The plan of one run; see `planned_run`."""
    return planned_run(model, args, kwargs, outputs)[1]


def planned_run(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    outputs: Sequence[int] | None = None,
) -> tuple[CapturedModel, WatchPlan]:
    """Captures model(*args, **kwargs), to those of its results that are asked for, and plans; the
    model and the random generators come back as they were. Raises CaptureError where it cannot be
    captured.
    """
    names = {id(each): name for name, each in model.named_parameters()}
    try:
        with untouched(model), warnings.catch_warnings():
            # A compiled part says that the recording's hooks call twice; none of them compiles.
            warnings.filterwarnings("ignore", "Using `torch.compile", UserWarning)
            captured = capture(model, args, kwargs, outputs)
            return captured, plan_of(captured, names)
    except GradboundError:
        raise
    except Exception as error:
        raise CaptureError(
            f"the model cannot be recorded ({type(error).__name__}: {_first_line(error)}): watch "
            "the part of it that can"
        ) from error


def plan_of(captured: CapturedModel, names: Mapping[int, str] | None = None) -> WatchPlan:
    """The plan of a captured model; `names` are those of its parameters, by identity."""
    points = _Points(captured)
    pairs = list(zip(captured.boundaries, captured.met, strict=True))
    # Of a state a part of whose signal no hook meets nothing is known: its blocks are one.
    kept = [k for k, (values, met) in enumerate(pairs) if len(values) == 1 or met == values]
    ends = [points.all_or_none(pairs[k][0]) for k in kept]
    inner = inner_steps(captured)
    blocks = []
    for (low, high), (before, after) in zip(pairwise(kept), pairwise(ends), strict=True):
        found, first = captured.segments[low:high], captured.segments[low]
        name = first.name if len(found) == 1 else f"{first.name}..{found[-1].name}"
        kind = first.kind if len(found) == 1 else "state"
        relus = [step for steps in inner[low:high] for step in steps.relus]
        gates = [step.value for steps in inner[low:high] for step in steps.gates]
        blocks.append(
            WatchedBlock(
                name,
                kind,
                before,
                after,
                points.idle(relus),
                points.all(gates, "mean"),
                range(low, high),
                tuple(_weights(found, names or {})),
            )
        )
    remarks = tuple(_remarks(captured, blocks))
    unread, results = captured.unread_behind, len(captured.flow.sinks)
    return WatchPlan(tuple(blocks), tuple(points.found), remarks, unread, results)


def key_of(model: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """What the run of a model depends on: (structure with ranks, shapes), both without tensors."""
    flat, spec = tree_flatten((tuple(args), dict(kwargs)))
    kinds: list[tuple[Any, Any]] = []
    shapes: list[tuple[int, ...]] = []
    for leaf in flat:
        if isinstance(leaf, Tensor):
            kinds.append((leaf.ndim, leaf.dtype))
            shapes.append(tuple(leaf.shape))
        else:
            plain = isinstance(leaf, bool | int | float | str | None)
            kinds.append((type(leaf), leaf if plain else None))
    modules = tuple((id(each), each.training) for each in model.modules())
    return (str(spec), tuple(kinds), modules), tuple(shapes)


def _weights(found: Sequence[Captured], names: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    for step in (step for segment in found for step in segment.steps):
        if (name := names.get(id(weight_of(step.node)))) is not None:
            yield name, step_name(step)


class _Points:
    """Points in the making, each once."""

    def __init__(self, captured: CapturedModel) -> None:
        self.captured, self.found = captured, list[Point]()
        self._makers = {
            value: node.name
            for node in captured.flow.recording.nodes
            if hasattr(node.function, "overloadpacket") or node.whole
            for value in node.outputs
            if value is not None
        }
        self._known: dict[tuple[int, str, Passing], int] = {}
        self._slices = dict(_slices(captured.flow))

    def add(self, value: int, asks: Asks, passing: Passing = RELU) -> int | None:
        """The index of the point at a value; None where no other run can find it."""
        key = (value, asks, passing)
        if key in self._known:
            return self._known[key]
        address = self.captured.address(value)
        if address is None:
            return None
        slices: list[Slice] = []
        for longer, dim, start in self._slices.get(value, ()) if asks == "norm" else ():
            whole = self.add(longer, "norm")
            if whole is None:
                return None
            slices.append(Slice(whole, dim, start))
        maker = self._makers.get(value, "") if address.side == "out" else ""
        # An attribute is read by a function without a name of its own.
        made_by = None if maker in ("", "__get__") or maker.startswith(".") else maker
        shape = tuple(self.captured.value((value,)).shape)
        self._known[key] = len(self.found)
        self.found.append(Point(address, asks, shape, made_by, tuple(slices), passing))
        return self._known[key]

    def all_or_none(self, values: Sequence[int]) -> tuple[int, ...] | None:
        """The points of the signals at several values; None where one cannot be found."""
        found = self.all(values, "norm")
        return found if len(found) == len(values) else None

    def idle(self, relus: Sequence[Step]) -> tuple[int, ...]:
        """The points at what these ReLUs take."""
        pairs = [(step.operands[0], passing(step)) for step in relus]
        found = [self.add(value, "idle", ends) for value, ends in pairs if ends is not None]
        return tuple(index for index in found if index is not None)

    def all(self, values: Sequence[int], asks: Asks) -> tuple[int, ...]:
        found = [self.add(value, asks) for value in values]
        return tuple(index for index in found if index is not None)


def _slices(flow: Flow) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
    """For each virtual concatenation: those that continue it, along which axis, from where."""
    found: dict[int, list[tuple[int, int, int]]] = {value: [] for value in flow.virtual}
    for step in flow.steps:
        if name_of(step.node) != "cat" or not flow.virtual.intersection(step.operands):
            continue
        given = step.node.args[1] if len(step.node.args) > 1 else step.node.kwargs.get("dim", 0)
        dim, start = given % len(flow.shape(step.value)), 0
        for part in step.node.args[0]:
            assert isinstance(part, Ref)
            if part.value in found:
                found[part.value].append((step.value, dim, start))
            start += flow.shape(part.value)[dim]
    yield from found.items()


def _remarks(captured: CapturedModel, blocks: Sequence[WatchedBlock]) -> Iterator[str]:
    yield from captured.flow.remarks
    yield from filter(None, (captured.unread_before, captured.unread_behind))
    names = [each.name for each in blocks if each.after is None]
    if names:
        yield (
            f"no gain of and after {', '.join(names)}: no other run can find what leaves it; a "
            "re-entrant checkpoint hides that, for one"
        )
    if any(node.name == "CheckpointFunction" for node in captured.flow.recording.nodes):
        yield (
            "a re-entrant checkpoint hides what is inside it: its gain is that of the whole, pass "
            "use_reentrant=False to see its blocks"
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
