"""Samples that no signal reaches are named and marked; a gain of zero is an answer like another."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import gaussian
from torch import Tensor, nn

from derivations.algebra.blocks import block
from derivations.errors import InputError
from numeric.evaluation.block_numbers import BlockNumbers
from numeric.evaluation.evaluate import evaluate
from numeric.evaluation.live_samples import VanishedSignalWarning, live_samples, spread
from numeric.evaluation.realize import realize
from numeric.operators.vector_norms import norm

N = 4
LEAVES = {"F": nn.Sequential(nn.Linear(N, N), nn.Tanh()).double(), "relu": nn.ReLU()}


def autograd_gain(name: str, leaves: dict[str, nn.Module], x: Tensor, g: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(realize(name, leaves)(x), x, g)
    return norm(gradient) / norm(g)


def assert_holds(found: BlockNumbers, gain: Tensor) -> None:
    slack = 1e-12
    assert (found.gain - gain).abs().max() <= slack
    for bound in found.bounds:
        assert not bound.value.isnan().any(), bound.id
        assert (bound.value < math.inf).all() or bound.side == "upper", bound.id
        excess = bound.value - gain if bound.side == "lower" else gain - bound.value
        assert (excess <= slack).all(), bound.id
    assert not any(value.isnan().any() for value in found.terms.values())


@given(st.lists(st.integers(0, 2**N - 1), min_size=1, max_size=4), st.integers(0, 99))
def test_behind_any_dead_units_every_bound_holds(patterns, seed):
    """The signal meets open units, closed ones, or closed ones alone."""
    batch = len(patterns)
    x, g = gaussian(batch, N, seed=seed), gaussian(batch, N, seed=seed + 1)
    opened = torch.tensor([[bool(p >> k & 1) for k in range(N)] for p in patterns])
    x = torch.where(opened, x.abs() + 2, -x.abs() - 2)
    found = evaluate("post_activation", LEAVES, x, g, steps=N)
    assert_holds(found, autograd_gain("post_activation", LEAVES, x, g))
    assert torch.equal(found.gain == 0, ~opened.any(1))
    assert found.live.all()
    assert found.vanished == ()


@pytest.mark.parametrize(
    ("name", "size"),
    [*(("dense", size) for size in (0.0, 1e-320, 1e-308, 1e-300)), ("projection", 0.0)],
)
def test_a_base_that_is_zero_or_lost_in_size_makes_no_bound_wrong(name, size):
    """Relative to it the branch is beyond all numbers, but the gain is that of the branch."""
    leaves, x = {"F": LEAVES["F"]}, gaussian(2, N, seed=1)
    g = gaussian(2, 2 * N, seed=2)
    if name == "dense":
        g[:, N:] *= size
    else:
        leaves = {"F": nn.Linear(N, N).double(), "W_s": nn.Linear(N, N, bias=False).double()}
        g = g[:, :N]
        with torch.no_grad():
            leaves["W_s"].weight.fill_(size)
    found = evaluate(name, leaves, x, g)
    assert_holds(found, autograd_gain(name, leaves, x, g))
    if size == 0:
        theorem = {"dense": "dense", "projection": "shortcut"}[name]
        values = {bound.id: bound.value for bound in found.bounds}
        assert (values[f"{theorem}.triangle.upper"] == math.inf).all()
        assert (found.terms["t"] == math.inf).all()
        assert torch.equal(found.terms["cosine_law"], found.gain)


def test_a_base_whose_share_of_the_signal_is_subnormal_bounds_nothing():
    """There a share is off by its size times 1e-7, and so were the bounds relative to it."""
    layer = nn.Linear(N, N, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(1e-10 * gaussian(N, N, seed=3))
    x, g = gaussian(5, N, seed=1), gaussian(5, 2 * N, seed=2)
    g[:, N:] *= 1e-317
    found = evaluate("dense", {"F": layer}, x, g)
    for bound in found.bounds:
        excess = bound.value - found.gain if bound.side == "lower" else found.gain - bound.value
        assert (excess <= 1e-12 * found.gain).all(), bound.id


@pytest.mark.parametrize("gone", [(0,), (2,), (0, 3), (1, 2, 3)])
def test_samples_without_a_signal_are_named_and_the_others_answered(gone):
    x, g = gaussian(4, N, seed=1), gaussian(4, N, seed=2)
    kept = [sample for sample in range(4) if sample not in gone]
    g[list(gone)] = 0
    named = "samples? " + ", ".join(map(str, gone)) + ": "
    with pytest.warns(VanishedSignalWarning, match=named) as warned:
        found = evaluate("residual", LEAVES, x, g)
    assert warned[0].filename == __file__
    alone = evaluate(block("residual"), LEAVES, x[kept], g[kept])
    assert found.vanished == gone
    assert found.live.tolist() == [sample in kept for sample in range(4)]
    assert torch.equal(found.gain[kept], alone.gain)
    assert found.gain[list(gone)].isnan().all()
    assert torch.equal(found.pullback[kept], alone.pullback)
    assert not found.pullback[list(gone)].any()
    for one, other in zip(found.bounds, alone.bounds, strict=True):
        assert torch.equal(one.value[kept], other.value)
        assert one.value[list(gone)].isnan().all()
    assert found.terms.keys() == alone.terms.keys()
    assert torch.equal(found.terms["t"][kept], alone.terms["t"])


def test_an_input_without_a_signal_is_checked_all_the_same():
    x, g = gaussian(2, N, seed=1), gaussian(2, N, seed=2)
    x[1], g[1] = math.nan, 0
    with pytest.warns(VanishedSignalWarning), pytest.raises(InputError, match="not finite"):
        evaluate("residual", LEAVES, x, g)


def test_the_least_signal_is_one():
    least = torch.zeros(3, 2, 2, dtype=torch.float64)
    least[0, 1, 1], least[2, 0, 0] = 5e-324, math.nan
    with pytest.warns(VanishedSignalWarning, match="sample 1: it has no gain"):
        assert live_samples(least, least).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("x", "g"),
    [
        (torch.ones(2, 3), torch.ones(3, 3)),
        (torch.ones(2, 3), torch.ones(())),
        (torch.ones(2, 3), torch.ones(2, 3, device="meta")),
        (torch.ones(2, 3), torch.ones(2, 0)),
        (torch.ones(2, 3), None),
    ],
)
def test_what_is_no_batch_is_left_to_others(x, g):
    assert live_samples(x, g).all()


def test_values_are_spread_over_the_whole_batch():
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    whole = spread(values, torch.tensor([True, False, True]), -1.0)
    assert whole.tolist() == [[1, 2], [-1, -1], [3, 4]]
    assert whole.dtype == values.dtype
