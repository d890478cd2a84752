"""Measures, with autograd alone, the gains of one layer whose weights are drawn again and again.

Imports torch and nothing else: the laws that these numbers judge share no code with them. The loss
is ⟨h, W φ(x)⟩ + ⟨v, x⟩, so that h reaches W and v reaches x beside it; everything in float64.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 1000


def dense_squares(
    weight_std: float, x: Tensor, h: Tensor, v: Tensor, draws: int, seed: int, *, relu: bool = False
) -> Tensor:  # (draws,)
    """‖∂L/∂x‖² for draws of a matrix W (m, n) of N(0, weight_std²) entries. x, v: (n,), h: (m,)."""

    def loss(inputs: Tensor, generator: torch.Generator) -> Tensor:
        shape = (len(inputs), len(h), len(x))
        weights = torch.randn(shape, generator=generator, dtype=torch.float64) * weight_std
        seen = functional.relu(inputs) if relu else inputs
        return (torch.einsum("dmn,dn->dm", weights, seen) * h).sum() + (inputs * v).sum()

    return _squares(loss, x, draws, seed)


def convolution_squares(
    weight_std: float, x: Tensor, h: Tensor, v: Tensor, kernel: int, draws: int, seed: int
) -> Tensor:  # (draws,)
    """The same of a zero-padded convolution, one per draw. x, v: (c_in, H, W), h: (c_out, H, W)."""

    def loss(inputs: Tensor, generator: torch.Generator) -> Tensor:
        count, channels = len(inputs), len(x)
        shape = (count * len(h), channels, kernel, kernel)
        weights = torch.randn(shape, generator=generator, dtype=torch.float64) * weight_std
        maps = functional.conv2d(
            inputs.reshape(1, count * channels, *x.shape[1:]),
            weights,
            padding=kernel // 2,
            groups=count,
        )
        return (maps.reshape(count, *h.shape) * h).sum() + (inputs * v).sum()

    return _squares(loss, x, draws, seed)


def _squares(
    loss: Callable[[Tensor, torch.Generator], Tensor], x: Tensor, draws: int, seed: int
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for start in range(0, draws, CHUNK):
        count = min(CHUNK, draws - start)
        inputs = x.to(torch.float64).expand(count, *x.shape).clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(inputs, generator), inputs)
        found.append(gradient.flatten(1).square().sum(1))
    return torch.cat(found)
