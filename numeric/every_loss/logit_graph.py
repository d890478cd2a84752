"""Runs a classifier once and keeps, in one autograd graph, its boundaries and its logits.

A boundary is a value that everything the input does to the logits passes through.
"""

from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import singledispatch
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from derivations.errors import CaptureError, InputError
from numeric.capture.capture import CapturedModel
from numeric.capture.region import ran
from numeric.checks import call, check_function, check_input, check_output
from numeric.evaluation.network import Network
from numeric.every_loss.sample_rows import check_apart, check_rows
from numeric.recording.given import untouched
from numeric.recording.graph import Ref
from numeric.recording.samples_apart import samples_apart

Function = Callable[[Tensor], Tensor]
Values = tuple[Tensor, ...]


@dataclass(frozen=True)
class LogitGraph:
    """`boundaries` are the tensors at each boundary, in order; `logits` (batch, K). `values` are
    those of a recording that were asked for, as they were made.
    """

    boundaries: tuple[Values, ...]
    logits: Tensor
    values: Mapping[int, Tensor] = field(default_factory=dict)


@torch.inference_mode(False)
@torch.enable_grad()
def logit_graph(
    model: object, x: Tensor | None = None, *, boundaries: Sequence[int] = (), joined: bool = False
) -> LogitGraph:
    """The graph of a Network, a function, a chain of functions, or a captured model (x is None).

    Boundary 0 is what enters the first segment or function, boundary k what leaves the k-th; a
    Network's stem and head lie outside. `boundaries` are those that are kept, all where there are
    none. Unless `joined`, a model is refused whose samples depend on each other, or at whose
    boundaries a row is not one sample's. Raises InputError for what gives no logits.
    """
    graph = _checked(model, x, _graph(model, x, joined), joined)
    count = len(graph.boundaries)
    if unknown := [each for each in boundaries if not 0 <= each < count]:
        raise InputError(f"there is no boundary {unknown[0]}: they are numbered 0 … {count - 1}")
    kept = boundaries or range(count)
    return LogitGraph(tuple(graph.boundaries[each] for each in kept), graph.logits)


@torch.inference_mode(False)
@torch.enable_grad()
def captured_graph(model: CapturedModel, values: Collection[int]) -> LogitGraph:
    """The graph of a captured model with values of its recording, its samples apart.

    Raises InputError for what gives no logits.
    """
    return _checked(model, None, _of_captured(model, False, values), False)


def _checked(model: object, x: Tensor | None, graph: LogitGraph, joined: bool) -> LogitGraph:
    logits = graph.logits
    if logits.dim() != 2 or not logits.shape[1] or not logits.is_floating_point():
        raise InputError(
            f"the output has shape {tuple(logits.shape)}: bounds for every loss need logits "
            "(batch, K)"
        )
    if not logits.isfinite().all():
        raise InputError("the logits are not finite: pass an input at which they are")
    for values in graph.boundaries:
        if not joined and any(len(each) != len(logits) for each in values):
            raise InputError(
                f"{len(logits)} rows of logits for {len(values[0])} samples: give each sample one"
            )
    if not joined:
        _check_apart(model, x, graph)
    return graph


def _check_apart(model: object, x: Tensor | None, graph: LogitGraph) -> None:
    """Refuses samples that depend on each other, and boundaries whose rows are not the samples'."""
    values = [each for together in graph.boundaries for each in together]
    if not isinstance(model, CapturedModel):
        check_apart(_links(model), cast(Tensor, x), [*values, graph.logits])
    elif not samples_apart(model.flow.recording, chain.from_iterable(model.boundaries)):
        check_rows(graph.logits, values)


@contextmanager
def kept_as_it_was(model: object) -> Iterator[None]:
    """What runs inside, backward passes too, leaves the modules of a model as they were: BatchNorm
    in train mode would move its statistics.
    """
    links = model if isinstance(model, list | tuple) else (model,)
    with untouched(nn.ModuleList([each for each in links if isinstance(each, nn.Module)])):
        yield


@singledispatch
def _links(model: object) -> list[Function]:
    """The functions that are run one after another."""
    if not callable(model):
        raise InputError(
            f"{type(model).__name__} is no network, captured model, function, or chain of functions"
        )
    return [model]


@_links.register(list)
@_links.register(tuple)
def _(model: Sequence[Function]) -> list[Function]:
    if not model:
        raise InputError("a chain of no functions has no logits: give at least one")
    return list(model)


@_links.register
def _(model: Network) -> list[Function]:
    return [model.stem, *(segment for _, segment in model.chain()), model.head]


@singledispatch
def _graph(model: object, x: Tensor | None, joined: bool) -> LogitGraph:
    return _chain(_links(model), x, joined)


@_graph.register
def _(model: Network, x: Tensor | None, joined: bool) -> LogitGraph:
    graph = _chain(_links(model), x, joined)
    return LogitGraph(graph.boundaries[1:], graph.logits)


@_graph.register
def _(model: CapturedModel, x: Tensor | None, joined: bool) -> LogitGraph:
    return _of_captured(model, joined, ())


def _of_captured(model: CapturedModel, joined: bool, wanted: Collection[int]) -> LogitGraph:
    flow = model.flow
    if len(flow.sinks) != 1 or len(flow.recording.outputs) != 1:
        raise CaptureError("several outputs: bounds for every loss need one, (batch, K)")
    values = flow.recording.values
    known = ChainMap({}, cast(dict[int, Tensor], values))
    known[flow.source] = values[flow.source].detach().requires_grad_()
    found, waiting = [], list(model.boundaries)
    done: dict[int, list[Any]] = {}
    inside = {each: known[each] for each in wanted if each in values}

    def given(leaf: Any) -> Any:
        return known[leaf.value] if isinstance(leaf, Ref) else leaf

    def passed() -> None:
        """Values that wait for use behind a boundary are others there: their signals are."""
        while waiting and all(value in known.maps[0] for value in waiting[0]):
            known.update({value: known[value].view_as(known[value]) for value in waiting[0]})
            found.append(tuple(known[value] for value in waiting.pop(0)))
            done.clear()  # of several results of one operation some may be asked for behind it

    passed()
    for step in flow.steps:
        if id(step.node) not in done:
            done[id(step.node)] = ran(step.node, given)
        known[step.value] = done[id(step.node)][step.position]
        if step.value in inside:
            inside[step.value] = known[step.value]
        passed()
    logits = known[flow.sinks[0]]
    return LogitGraph(tuple(found), logits, inside)


def _chain(links: Sequence[Any], x: Tensor | None, joined: bool) -> LogitGraph:
    if x is None:
        raise InputError("no input: pass x (batch, ...)")
    check_input(x)
    for link in links:
        if not joined:
            check_function(link, x)
        elif not callable(link):
            raise InputError(f"{type(link).__name__} is no function of one tensor")
    values = [x.detach().clone().requires_grad_()]
    for link in links:
        values.append(call(link, values[-1]))
    check_output(values[-1], x)
    if values[-1].grad_fn is None:
        raise InputError("the logits do not depend on the input in a differentiable way")
    return LogitGraph(tuple((each,) for each in values[:-1]), values[-1])
