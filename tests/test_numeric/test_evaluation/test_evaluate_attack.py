"""Attacks the bounds as numbers: a search over backward signals through real modules.

Gains are measured by autograd. For each block and each state of its branch the search starts from
the singular vectors of the measured Jacobian, the eigenvectors of its symmetric part and random
signals, and climbs from the signals that came nearest to a violation.
"""

import math
from dataclasses import dataclass, field

import pytest
import torch
from cases import leaves
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DrawnBlock, drawn_blocks, gaussian
from torch import Tensor, nn

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.terms import Add, Concat, Identity
from numeric.evaluation import quantity_values
from numeric.evaluation.block_numbers import BlockNumbers
from numeric.evaluation.evaluate import evaluate
from numeric.operators.vector_norms import norm

SLACK = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Relative to 1 + γ, as where bounds are bound."""
NUDGES = (0.3, 1e-2, 1e-4, 1e-7)
"""A signal is moved by these parts of its length; no candidate is exact, for an exact one may leave
a base of 0, which is refused."""
WEIGHTS = {
    "as drawn": (0.0, 1.0),
    "cancelling": (-1.0, 1e-3),
    "nearly cancelling": (-0.9, 0.05),
    "large": (0.0, 1e3),
    "small": (0.0, 1e-3),
}


@dataclass
class Worst:
    """The largest margin of each bound, relative to 1 + γ, with the signal that gave it."""

    margins: dict[str, float] = field(default_factory=dict)
    signals: dict[str, Tensor] = field(default_factory=dict)
    evaluations: int = 0


class Leaning(nn.Module):
    """x ↦ a x + b F(x): a branch that can cancel its skip, all but a trace."""

    def __init__(self, branch: nn.Module, lean: float, scale: float) -> None:
        super().__init__()
        self.branch, self.lean, self.scale = branch, lean, scale

    def forward(self, x: Tensor) -> Tensor:
        return self.lean * x + self.scale * self.branch(x)


def block_of(name: str, weights: str, seed: int, dtype: torch.dtype) -> DrawnBlock:
    """A named block on one image, its branches leaning as `weights` says."""
    maps = leaves(seed)
    for key in BLOCKS[name].branch:
        maps[key] = Leaning(maps[key], *WEIGHTS[weights])  # type: ignore[arg-type]
    modules = {
        key: each.to(dtype) if isinstance(each, nn.Module) else each for key, each in maps.items()
    }
    return DrawnBlock(BLOCKS[name].term, modules, gaussian(1, 4, 3, 3, seed=seed, dtype=dtype))


def jacobian(block: DrawnBlock) -> Tensor:
    """∂H/∂x of the only sample, (m, n) by autograd, one row per backward signal."""
    x = block.x.clone().requires_grad_()
    out = block.module(x)
    rows = [
        torch.autograd.grad(
            out, x, unit.view_as(out), retain_graph=True, materialize_grads=True, allow_unused=True
        )[0].flatten()
        for unit in torch.eye(out.numel(), dtype=x.dtype)
    ]
    return torch.stack(rows)


def candidates(measured: Tensor, seed: int) -> Tensor:
    """Backward signals (count, m) at the ends of what the measured Jacobian can do to them, and
    random ones.
    """
    exact = measured.double()
    rows = exact.shape[0]
    left = torch.linalg.svd(exact)[0].T
    found = [left[:3], left[-3:], gaussian(4, rows, seed=seed)]
    if rows == exact.shape[1]:
        vectors = torch.linalg.eigh((exact + exact.T) / 2)[1].T
        found += [vectors[:2], vectors[-2:]]
    signals = torch.cat(found)
    return torch.cat([nudged(signals, size, seed) for size in NUDGES])


def nudged(signals: Tensor, size: float, seed: int) -> Tensor:
    noise = gaussian(*signals.shape, seed=seed + 1)
    return signals + size * signals.norm(dim=1, keepdim=True) * noise / noise.norm(
        dim=1, keepdim=True
    )


def climb(block: DrawnBlock, rounds: int, seed: int = 0) -> Worst:
    """Every round judges all signals, then moves on from the one that came nearest to a violation
    of each bound.
    """
    worst, shape = Worst(), block.module(block.x).shape[1:]
    signals = candidates(jacobian(block), seed)
    for turn in range(rounds):
        g = signals.to(block.x.dtype).view(-1, *shape)
        x = block.x.expand(len(g), *block.x.shape[1:]).contiguous()
        found = evaluate(block.term, block.leaves, x, g, seed=turn)
        judge(found, measured_gain(block, x, g), signals, worst)
        nearest = torch.stack(list(worst.signals.values()))
        signals = torch.cat([nudged(nearest, size * 0.5**turn, seed + turn) for size in NUDGES])
    return worst


def measured_gain(block: DrawnBlock, x: Tensor, g: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        block.module(x), x, g, materialize_grads=True, allow_unused=True
    )
    return norm(gradient) / norm(g)


def judge(found: BlockNumbers, gain: Tensor, signals: Tensor, worst: Worst) -> None:
    worst.evaluations += len(gain)
    for bound in found.bounds:
        gap = bound.value.double() - gain.double()
        margin = (gap if bound.side == "lower" else -gap) / (1 + gain.double())
        assert margin.isfinite().all(), bound
        best = int(margin.argmax())
        if float(margin[best]) > worst.margins.get(bound.id, -math.inf):
            worst.margins[bound.id], worst.signals[bound.id] = float(margin[best]), signals[best]


def stands(block: DrawnBlock, rounds: int, seed: int = 0) -> Worst:
    worst = climb(block, rounds, seed)
    for bound_id, margin in worst.margins.items():
        signal = worst.signals[bound_id].tolist()
        assert margin <= SLACK[block.x.dtype], (
            f"{bound_id} is violated by {margin:.3g} (seed {seed}) for {block}, g = {signal}"
        )
    return worst


@pytest.mark.parametrize("name", BLOCKS)
def test_no_signal_violates_a_bound_of_a_block(name):
    worst = stands(block_of(name, "nearly cancelling", 0, torch.float64), 2)
    assert worst.evaluations >= 50
    assert max(worst.margins.values()) > -1e-3, "the search came nowhere near a bound"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", SLACK)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", BLOCKS)
def test_no_signal_violates_a_bound_of_a_block_in_any_state(name, weights, dtype):
    stands(block_of(name, weights, 1, dtype), 6, seed=1)


@st.composite
def drawn_cases(draw) -> DrawnBlock:
    """One sample of a plain, residual or dense block around a drawn branch of any structure."""
    branch = draw(drawn_blocks(square=True, depth=2))
    around = [
        branch.term,
        Add(branch.term, Identity()),
        Concat(branch.term, Identity()),
        Concat(Identity(), branch.term),
    ]
    return DrawnBlock(draw(st.sampled_from(around)), branch.leaves, branch.x[:1])


@settings(max_examples=10)
@given(drawn_cases(), st.integers(0, 999))
def test_no_signal_violates_a_bound_of_a_drawn_block(block, seed):
    stands(block, 2, seed)


@pytest.mark.slow
@settings(max_examples=100)
@given(drawn_cases(), st.integers(0, 999))
def test_no_signal_violates_a_bound_of_many_drawn_blocks(block, seed):
    stands(block, 4, seed)


def test_a_broken_bound_falls_to_the_search(monkeypatch):
    """Where the least singular value is taken for half as large again, the search finds the signal
    that shows it.
    """
    truth = quantity_values.enclosed_singular_ends

    def larger(operator, effort, decided):
        least, largest = truth(operator, effort, decided)
        return type(least)(least.low * 1.5, least.high * 1.5, least.delta, least.residual), largest

    monkeypatch.setattr(quantity_values, "enclosed_singular_ends", larger)
    worst = climb(block_of("plain", "nearly cancelling", 0, torch.float64), 1)
    assert worst.margins["singular.min.lower"] > 1e-2
