"""Builds small models to watch, and takes their gains by hand, with autograd alone."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from validate.watching.watch import Watch


class Branch(nn.Module):
    """x + F(x), in several ways of running F."""

    def __init__(self, width: int, *, inplace: bool = False, reentrant: bool | None = None) -> None:
        super().__init__()
        self.f = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(inplace=inplace), nn.Linear(width, width)
        )
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        if self.reentrant is None:
            return x + self.f(x)
        return x + checkpoint(self.f, x, use_reentrant=self.reentrant)


class Gated(nn.Module):
    """σ(Wx + b) · F(x)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.f, self.gate = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.gate(x)) * self.f(x)


def residual(dtype: torch.dtype = torch.float64, **ways: bool | None) -> nn.Sequential:
    """A layer, three residual blocks and a layer: each child is a block."""
    torch.manual_seed(0)
    blocks = (Branch(16, **ways) for _ in range(3))  # type: ignore[arg-type]
    return nn.Sequential(nn.Linear(8, 16), *blocks, nn.Linear(16, 4)).to(dtype)


def batch(
    dtype: torch.dtype = torch.float64, seed: int = 1, size: int = 6
) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(size, 8, generator=drawn, dtype=torch.float64).to(dtype)
    return x, torch.randint(4, (size,), generator=drawn)


def by_hand(model: Sequence[nn.Module], x: Tensor, y: Tensor) -> list[float]:
    """The gains of a chain of modules but the first, from the gradients of its values."""
    values = [x]
    for module in model:
        values.append(module(values[-1]))
    signals = torch.autograd.grad(cross_entropy(values[-1], y), values[1:])
    return [(one.norm() / other.norm()).item() for one, other in pairwise(signals)]


def gains(watched: Watch, step: int = 0) -> list[float | None]:
    return [row.gain for row in watched.rows if row.step == step]


def norm_of(gradients: Sequence[Tensor | None]) -> float:
    return torch.cat([each.flatten() for each in gradients if each is not None]).norm().item()
