"""Compares gains of real blocks that share a branch, in the mean over random weights, by autograd.

Everything is stated beforehand: number of draws, seeds, sizes, distribution of weights, inputs and
signals.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from numeric import Segment
from validate.measure.network_gains import norm_ratio
from validate.networks.build import initialize
from validate.networks.segments import DenseLayer, Residual, SEResidual, weighted_branch

DRAWS = 100
MAPS = 8
SIZE = 4
REDUCTION = 4
DEVIATIONS = 3.0
"""How many standard errors a mean difference must be from 0 to count."""

SETUP = (
    "the branch is conv–BN–ReLU–conv–BN, kernels 3 × 3, stride 1, zero padding 1, no bias, weights "
    f"normal of variance 2 / (9 · {MAPS}); batch normalization, as initialized and in eval mode, "
    f"is the identity up to its ε; the gate is {MAPS} → {MAPS // REDUCTION} → {MAPS} (reduction "
    f"{REDUCTION}), weights normal of variance 1 / inputs, biases 0; each draw, of seeds 0, …, "
    f"{DRAWS - 1}, has weights, x and ∂L/∂H of its own"
)
"""What a reader needs to draw the gated ensemble again."""

SMALL = 0.001
"""What a branch is multiplied by to have all but vanished."""


@dataclass(frozen=True)
class Mean:
    """Means of γ² of two blocks over an ensemble, and of their difference; `wins` counts the draws
    in which the first has the larger gain.
    """

    ensemble: str
    draws: int
    first: float
    second: float
    difference: float
    standard_error: float
    wins: int

    @property
    def added(self) -> float:
        """What the branch adds to γ² of the first block, relative to what it adds to the second's:
        1 would be left without a branch.
        """
        return (self.first - 1) / (self.second - 1)

    @property
    def more_often(self) -> bool | None:
        """Whether the first block has the larger gain in more than half of all draws.

        None where the count is within DEVIATIONS standard deviations of half of these draws.
        """
        if abs(self.wins - self.draws / 2) <= DEVIATIONS * self.draws**0.5 / 2:
            return None
        return self.wins > self.draws / 2

    @property
    def greater(self) -> bool | None:
        """Whether the first block has the larger mean.

        None where the difference is within DEVIATIONS standard errors of 0.
        """
        if abs(self.difference) <= DEVIATIONS * self.standard_error:
            return None
        return self.difference > 0

    def __str__(self) -> str:
        return (
            f"mean γ² {self.first:.3f} against {self.second:.3f} (standard error of the "
            f"difference {self.standard_error:.3f})"
        )


@dataclass(frozen=True)
class Gates:
    """Means of s and of s² over the gates of an ensemble."""

    mean: float
    square: float


def gated_against_residual(size: float = 1.0) -> Mean:
    """An SE-residual block against the residual block with the same two-layer branch, whose output
    is multiplied by `size`. Nothing is trained.
    """

    def pair() -> tuple[Segment, Segment]:
        gated = _gated(size)
        return gated, Residual(gated.branch, nn.Identity())

    times = "" if size == 1 else f" times {size:g}"
    return _mean(f"He-initialized two-layer branches{times} and gates", pair)


def gates() -> Gates:
    """Of the blocks that `gated_against_residual` draws, at the inputs that it draws."""
    found = []
    for seed in range(DRAWS):
        generator = torch.Generator("cpu").manual_seed(seed)
        block, x = _initialized(generator), _normal(MAPS, generator)
        pooled = block.branch(x).mean((2, 3))
        s = torch.sigmoid(block.excite(torch.relu(block.squeeze(pooled)))).detach()
        found.append([float(s.mean()), float((s**2).mean())])
    mean, square = torch.tensor(found, dtype=torch.float64).mean(0).tolist()
    return Gates(mean, square)


def _gated(size: float = 1.0) -> SEResidual:
    branch = nn.Sequential(*weighted_branch(MAPS, MAPS, 1), Scaled(size))
    return SEResidual(branch, nn.Identity(), MAPS, SIZE, REDUCTION)


def dense_against_residual() -> Mean:
    """A dense step of one input against the residual block with the same branch, each per norm of
    its whole backward signal.
    """

    def pair() -> tuple[Segment, Segment]:
        dense = DenseLayer(MAPS, MAPS)
        return dense, Residual(dense.branch, nn.Identity())

    return _mean("He-initialized branches BN–ReLU–conv", pair)


class Scaled(nn.Module):
    """x ↦ size · x."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return self.size * x


def _mean(weights: str, pair: Callable[[], tuple[Segment, Segment]]) -> Mean:
    squares = torch.tensor(
        [[gain**2 for gain in gains] for gains in _gains(pair)], dtype=torch.float64
    )
    first, second = squares.mean(0).tolist()
    difference = squares[:, 0] - squares[:, 1]
    text = f"{DRAWS} {weights}, {MAPS} maps of {SIZE} × {SIZE}, x and ∂L/∂H standard normal"
    error = float(difference.std() / DRAWS**0.5)
    wins = int((difference > 0).sum())
    return Mean(text, DRAWS, first, second, float(difference.mean()), error, wins)


def _gains(pair: Callable[[], tuple[Segment, Segment]]) -> Iterator[tuple[float, float]]:
    for seed in range(DRAWS):
        generator = torch.Generator("cpu").manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            first, second = pair()
        # The second block shares the branch, and has nothing else to draw.
        initialize(first, generator)
        for block in (first, second):
            # As initialized, BatchNorm is the identity in eval mode, up to its epsilon.
            block.double().eval()
        x, g = _normal(MAPS, generator), _normal(2 * MAPS, generator)
        yield _gain(first, x, g), _gain(second, x, g)


def _initialized(generator: torch.Generator) -> SEResidual:
    with torch.random.fork_rng(devices=[]):
        block = _gated()
    initialize(block, generator)
    return block.double().eval()


def _normal(maps: int, generator: torch.Generator) -> Tensor:
    return torch.randn((1, maps, SIZE, SIZE), generator=generator, dtype=torch.float64)


def _gain(block: Segment, x: Tensor, g: Tensor) -> float:
    """‖∂L/∂x‖ / ‖∂L/∂H‖, ∂L/∂H being as much of g as the block's output takes, from the end: a
    dense step puts its new maps first.
    """
    at = x.clone().requires_grad_()
    out = block(at)
    signal = g[:, -out.shape[1] :]
    (gradient,) = torch.autograd.grad(out, at, signal)
    return norm_ratio(gradient, signal).item()
