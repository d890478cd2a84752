"""Terms read off steps: sums, gates, concatenations, shares, and what is left whole."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from numeric.capture.dominators import cuts
from numeric.capture.flow import flows
from numeric.capture.segment_terms import SegmentTerm, TermReader
from numeric.evaluation.realize import realize
from numeric.recording.record import record

N = 4


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*(shape or (3, N)), generator=generator, dtype=torch.float64)


def branch(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(N, N), nn.Tanh()).double()


def read(model: Callable[[Tensor], Tensor], given: Tensor | None = None) -> SegmentTerm:
    """The term of a whole model, which it has been compared with."""
    given = x() if given is None else given
    (flow,) = flows(record(model, (given,), {}))
    found = TermReader(flow).read(flow.source, flow.sinks[0])
    assert torch.allclose(realize(found.term, found.regions)(given), model(given))
    return found


def twice(h: Tensor) -> Tensor:
    return h + h


def onward(h: Tensor) -> Tensor:
    return h + g(h)


f, g = branch(0), branch(1)
I, F1, F2, F3, W1, W2 = (
    Identity(), Layer("F_1"), Layer("F_2"), Layer("F_3"), Linear("W_1"), Linear("W_2"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "term"),
    [
        (lambda h: h + f(h), Add(I, F1)),
        (lambda h: f(h) + h + g(h), Add(F1, I, F2)),
        (lambda h: f(h) + f(h), Add(F1, F2)),
        (lambda h: twice(f(h)), Chain(F1, Add(I, I))),
        (lambda h: torch.relu(h + f(h)), Chain(Add(I, F1), Pointwise("relu"))),
        (torch.sigmoid, Pointwise("sigmoid")),
        (F.silu, Pointwise("phi_1")),
        (lambda h: h * torch.sigmoid(h), Pointwise("phi_1")),
        (lambda h: 2 * h + 1, W1),
        (lambda h: h - f(h), Add(W1, Chain(F1, W2))),
        (lambda h: torch.add(h, f(h), alpha=3), Add(W1, Chain(F1, W2))),
        (lambda h: f(h) * torch.sigmoid(g(h)), Gate(F1, F2)),
        (lambda h: torch.sigmoid(g(h)) * f(h), Gate(F1, F2)),
        (lambda h: h * (1 - torch.sigmoid(g(h))), Gate(I, F1)),
        (lambda h: h * F.relu6(g(h) + 3) / 6, Chain(Gate(I, F1), W1)),
        (lambda h: h * torch.softmax(g(h), 1)[:, :1], Gate(I, F1)),
        (lambda h: f(h) * g(h), Gate(F1, F2)),
        (lambda h: h * h.square().mean(1, keepdim=True).rsqrt(), F1),
        (lambda h: torch.maximum(h, f(h)), F1),
        (lambda h: torch.cat([f(h), h], 1), Concat(F1, I)),
        (lambda h: torch.cat([f(h), h, f(h)], 1), Concat(F1, I, F2)),
        (lambda h: torch.cat([f(h), torch.ones(3, 1).double()], 1), F1),
        (lambda h: h + f(h).mean(1, keepdim=True), Add(I, F1)),
        (lambda h: h + f(h) * torch.sigmoid(g(h)), Add(I, Gate(F1, F2))),
        (lambda h: onward(h + f(h)), Chain(Add(I, F1), Add(I, F2))),
        (lambda h: h + torch.ones(3, N).double(), W1),
    ],
)
def test_a_model_reads_as_its_term(model: Callable[[Tensor], Tensor], term: Term) -> None:
    assert read(model).term == term


def test_gates_say_whether_they_are_bounded() -> None:
    k = nn.Sequential(*f, nn.Softplus())
    assert read(lambda h: k(h) * torch.sigmoid(g(h))).bounded_gates == [True]
    assert read(lambda h: k(h) * g(h).exp()).bounded_gates == [False]
    assert read(lambda h: k(h) * g(h).exp().clamp(0, 1)).bounded_gates == [True]
    assert read(lambda h: h * torch.sigmoid(g(h)).exp()).bounded_gates == [False]


def test_the_same_stretch_has_one_name() -> None:
    def run(h: Tensor) -> Tensor:
        u = f(h)
        return torch.cat([u + h, u * torch.sigmoid(g(h))], 1)

    assert read(run).term == Concat(Add(F1, I), Gate(F1, F2))
    assert list(read(run).regions) == ["F_1", "F_2"]


def test_axes_are_moved_for_concatenations() -> None:
    found = read(lambda h: torch.cat([f(h), h], 2), x(2, 3, N))
    assert found.term == Chain(Concat(Chain(F1, W1), W2), Linear("W_3"))


def test_what_regroups_the_batch_is_not_looked_into() -> None:
    def run(h: Tensor) -> Tensor:
        windows = h.view(6, 2, N)
        return (windows + f(windows)).view(3, 4, N)

    assert read(run, x(3, 4, N)).term == F1


def test_joins_are_told_from_stretches() -> None:
    (flow,) = flows(record(lambda h: g(h + f(h)), (x(),), {}))
    reader, places = TermReader(flow), cuts(flow)
    joins = [reader.is_join(*pair) for pair in pairwise(places)]
    assert joins == [True, False, False]


def test_a_region_is_what_lies_between() -> None:
    (flow,) = flows(record(lambda h: torch.sin(h) + torch.cos(torch.tanh(h)), (x(),), {}))
    reader = TermReader(flow)
    values = [step.value for step in flow.steps]
    names = [step.node.name for step in reader.between(flow.source, values[-1])]
    assert names == ["sin", "tanh", "cos", "add"]
    assert [s.node.name for s in reader.between(flow.source, values[2])] == ["tanh", "cos"]
    assert [s.node.name for s in reader.between(values[1], values[2])] == ["cos"]
