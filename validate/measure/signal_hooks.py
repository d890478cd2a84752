"""Hangs hooks on the backward signals of a model that someone else runs and backpropagates.

Entered around a forward pass, it counts the torch functions that Python calls, finds the values
that another run has pointed out, and leaves hooks on the nodes of autograd's graph. It keeps
numbers alone: no tensor of the model, no graph.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.autograd.graph import Node, get_gradient_edge
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten

from validate.measure.signal_norms import RELU, Passing, sample_norms, shut_share, signal_norm

Look = Callable[[int, Tensor], None]
"""Called with a point's index and the signal there, as backpropagation reaches it: last first."""


class Place(Protocol):
    """Where a value is met: at the `call`-th torch function, counted from 1, among the flat tensors
    of its arguments (side "in") or of its result ("out"); at call 0 among the model's own.
    """

    @property
    def call(self) -> int: ...
    @property
    def side(self) -> str: ...
    @property
    def position(self) -> int: ...


@dataclass(frozen=True)
class Slice:
    """Where in another point's signal a part of one's own lies: at `start` of the axis `dim`."""

    point: int
    dim: int
    start: int


@dataclass(frozen=True)
class Point:
    """A value to look at.

    `asks` for the norm of its signal, for those of its samples, for the share of its units that an
    activation behind it leaves idle, for it has a slope at values that are `passing` alone, or for
    the mean of the value itself. `shape` and `made_by`, the name of the torch function
    whose result it is, tell whether a run is the one that was pointed out, where they are given.
    Of a concatenation that the model repeats instead of continuing, the signal is its own and
    `slices` of those that repeat it.
    """

    place: Place
    asks: Literal["norm", "norms", "idle", "mean"]
    shape: tuple[int, ...] | None = None
    made_by: str | None = None
    slices: tuple[Slice, ...] = ()
    passing: Passing = RELU


class SignalHooks(TorchFunctionMode):
    """Looks at the points of one forward pass, and at all backward passes through it.

    `began` is called with the number of a backward pass at the first signal of it. `strict` asks
    for the very shapes of the points, otherwise their ranks will do. `problem` says in words why
    the run is not the one that was pointed out, after which nothing more is looked at. `look`, too,
    is shown every signal.
    """

    def __init__(
        self,
        points: Sequence[Point],
        began: Callable[[int], None],
        strict: bool = True,
        idle: bool = True,
        look: Look | None = None,
    ) -> None:
        super().__init__()
        self.points, self.began, self.strict, self.look = tuple(points), began, strict, look
        self.calls = 0
        self.problem: str | None = None
        self._at: dict[tuple[int, str], list[int]] = {}
        self._missing = {
            index for index, point in enumerate(self.points) if idle or point.asks != "idle"
        }
        for index in sorted(self._missing):
            place = self.points[index].place
            self._at.setdefault((place.call, place.side), []).append(index)
        self._whole = {each.point for point in self.points for each in point.slices}
        self._values: dict[int, Tensor] = {}
        self._passes: dict[int, dict[int, Tensor]] = {}
        self._held: dict[int, Tensor] = {}
        self._kept: list[Node] = []

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        call = self.calls = self.calls + 1
        if (call, "in") in self._at:
            self.met(call, "in", (args, kwargs or {}))
        out = function(*args, **(kwargs or {}))
        if (call, "out") in self._at:
            self.met(call, "out", out, getattr(function, "__name__", type(function).__name__))
        return out

    def __exit__(self, *error: object) -> None:
        self._kept.clear()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def met(self, call: int, side: str, tree: Any, name: str | None = None) -> None:
        """Looks at what is pointed out among these tensors; call 0 are the model's inputs."""
        if self.problem is not None or (call, side) not in self._at:
            return
        # Another mode around this one may count calls too.
        with torch._C.DisableTorchFunction():
            tensors = [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]
            for index in self._at[call, side]:
                point = self.points[index]
                if not self._is(point, tensors, name):
                    self.problem = f"another value is made at the torch function {call}"
                    return
                self._missing.discard(index)
                self._look(index, tensors[point.place.position])

    def finish(self) -> None:
        """Ends the forward pass: a point that was not met is a problem."""
        if self._missing and self.problem is None:
            self.problem = f"{len(self._missing)} values are never made"

    def take(self, number: int) -> Mapping[int, Tensor]:
        """The numbers of a backward pass by the indices of their points, each on its device."""
        self._held.clear()
        return {**self._values, **self._passes.pop(number, {})}

    def _is(self, point: Point, tensors: Sequence[Tensor], name: str | None) -> bool:
        if point.place.position >= len(tensors):
            return False
        shape, known = tuple(tensors[point.place.position].shape), point.shape
        alike = known is None or (shape == known if self.strict else len(shape) == len(known))
        return alike and (point.made_by is None or name is None or point.made_by == name)

    def _look(self, index: int, tensor: Tensor) -> None:
        point = self.points[index]
        if point.asks == "mean":
            self._values[index] = tensor.detach().float().mean()
        elif point.asks == "idle":
            self._values[index] = shut_share(tensor, point.passing)
        elif tensor.requires_grad:
            edge = get_gradient_edge(tensor)
            if tensor.is_leaf:  # nothing else holds its node before it is used
                self._kept.append(edge.node)
            self._hang(index, edge.node, edge.output_nr)

    def _hang(self, index: int, node: Node, output: int) -> None:
        # The node holds this hook: it must hold neither the node nor a tensor.
        def hook(signals: Sequence[Tensor | None]) -> None:
            signal = signals[output]
            if signal is not None and self.problem is None:
                with torch.no_grad(), torch._C.DisableTorchFunction():
                    self._arrived(index, signal.detach())
                if self.look is not None:
                    self.look(index, signal.detach())

        node.register_prehook(hook)

    def _arrived(self, index: int, signal: Tensor) -> None:
        number = torch._C._current_graph_task_id()
        if number not in self._passes:
            self._passes[number] = {}
            self.began(number)
        point = self.points[index]
        for each in point.slices:
            if (whole := self._held.get(each.point)) is not None:
                length = signal.shape[each.dim]
                signal = signal + whole.narrow(each.dim, each.start, length)
        if index in self._whole:
            self._held[index] = signal
        measured = sample_norms if point.asks == "norms" else signal_norm
        self._passes[number][index] = measured(signal)
