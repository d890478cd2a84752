"""A captured segment's own pullback and its parts, against autograd on the model."""

from collections.abc import Callable

import pytest
import sympy as sp
import torch
import torch.nn.functional as F
from captured import check, pullback
from torch import Tensor, nn

from derivations.errors import UnknownNodeError
from numeric.capture.capture import Captured, CapturedModel
from numeric.capture.segment_columns import SegmentColumns
from numeric.evaluation.evaluate import numbers_at
from numeric.settings import Effort

N = 4


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*(shape or (3, N)), generator=generator, dtype=torch.float64)


def branch(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(N, N), nn.Tanh()).double()


f, g = branch(0), branch(1)
MODELS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": f,
    "linear": lambda h: h.flip(1) * 2,
    "residual": lambda h: h + f(h),
    "a skip of half": lambda h: 0.5 * h + f(h),
    "gate": lambda h: f(h) * torch.sigmoid(g(h)),
    "gated residual": lambda h: h + f(h) * torch.sigmoid(g(h)),
    "highway": lambda h: torch.sigmoid(g(h)) * f(h) + (1 - torch.sigmoid(g(h))) * h,
    "dense": lambda h: torch.cat([f(h), h], 1),
    "moved dense": lambda h: torch.cat([f(h), h], 2),
    "u": lambda h: torch.cat([h + f(h), g(h + f(h))], 1),
    "activation": lambda h: torch.relu(h + f(h)),
    "pointwise": F.silu,
    "detached": lambda h: f(h) + h.detach(),
}


def last(name: str) -> tuple[CapturedModel, Captured, Tensor]:
    found = check(MODELS[name], x(2, 3, N) if name == "moved dense" else x())
    segment = found.segments[0]
    out = found.value(segment.exit)
    signal = torch.randn(out.shape, generator=torch.Generator().manual_seed(5), dtype=out.dtype)
    return found, segment, signal


@pytest.mark.parametrize("name", MODELS)
def test_the_pullback_is_autograds(name: str) -> None:
    found, segment, signal = last(name)
    columns = SegmentColumns(segment.term, segment.regions, found.value(segment.entry), signal)
    numbers = numbers_at(columns, Effort(), False)
    expected = pullback(found, segment, signal)
    assert torch.allclose(numbers.pullback, expected.flatten(1))
    gain = expected.flatten(1).norm(dim=1) / signal.flatten(1).norm(dim=1)
    assert torch.allclose(numbers.gain, gain)


@pytest.mark.parametrize("name", MODELS)
def test_bounds_hold(name: str) -> None:
    found, segment, signal = last(name)
    columns = SegmentColumns(segment.term, segment.regions, found.value(segment.entry), signal)
    numbers = numbers_at(columns, Effort(), False)
    for bound in numbers.bounds:
        slack = 1e-9 * numbers.gain
        if bound.side == "lower":
            assert (bound.value <= numbers.gain + slack).all(), bound.id
        if bound.side == "upper":
            assert (bound.value >= numbers.gain - slack).all(), bound.id


@pytest.mark.parametrize("name", ["residual", "gate", "dense"])
def test_a_joined_batch_is_one_sample(name: str) -> None:
    found, segment, signal = last(name)
    columns = SegmentColumns(
        segment.term, segment.regions, found.value(segment.entry), signal, joined=True
    )
    numbers = numbers_at(columns, Effort(), False)
    expected = pullback(found, segment, signal)
    assert numbers.gain.shape == (1,)
    assert torch.allclose(numbers.gain, expected.norm() / signal.norm())
    assert torch.allclose(numbers.pullback, expected.reshape(1, -1))


def test_every_leaf_runs_once() -> None:
    found, segment, signal = last("u")
    runs = dict.fromkeys(segment.regions, 0)

    class Counting:
        def __init__(self, name: str) -> None:
            self.name, self.region = name, segment.regions[name]

        def __call__(self, h: Tensor) -> Tensor:
            runs[self.name] += 1
            return self.region(h)

    leaves = {name: Counting(name) for name in segment.regions}
    columns = SegmentColumns(segment.term, leaves, found.value(segment.entry), signal)
    numbers_at(columns, Effort(), False)
    assert set(runs.values()) == {1}


def test_an_unknown_expression_is_refused() -> None:
    found, segment, signal = last("plain")
    columns = SegmentColumns(segment.term, segment.regions, found.value(segment.entry), signal)
    with pytest.raises(UnknownNodeError, match=r"teach numeric/capture/segment_columns\.py"):
        columns.product(sp.MatrixSymbol("Z", 4, 4), signal)
