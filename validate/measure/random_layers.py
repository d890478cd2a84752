"""Measures, with autograd alone, singular values and norms of stacks of random layers.

Imports torch and nothing else: the laws that these numbers judge share no code with them.
Everything in float64.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Estimate:
    """A mean, or a function of means, with its standard error over independent draws."""

    value: float
    error: float


def path_share(blocks: int, low: int, high: int) -> Estimate:
    """The share of the paths through `blocks` residual blocks that use low … high of the branches,
    from (1 + z)^blocks: no error.
    """
    counts = [1]
    for _ in range(blocks):
        counts = [below + here for below, here in pairwise([0, *counts, 0])]
    return Estimate(sum(counts[low : high + 1]) / sum(counts), 0.0)


def spectral_variance(depth: int, width: int, relu: bool, draws: int, seed: int) -> Estimate:
    """E (1/n)Σs⁴ / (E (1/n)Σs²)² − 1 over the singular values s of the Jacobian of a network of
    critical layers at a random input.
    """
    torch.manual_seed(seed)
    spectra = [torch.linalg.svdvals(_jacobian(depth, width, relu)) for _ in range(draws)]
    return _spread(
        torch.stack([torch.stack([(s**4).mean(), (s**2).mean()]) for s in spectra]), less=1.0
    )


def norm_spread(depth: int, width: int, draws: int, seed: int) -> Estimate:
    """E‖h_L‖⁴/E[‖h_L‖²]² of the last activations of ReLU networks at one fixed input."""
    torch.manual_seed(seed)
    x = torch.ones(width, dtype=torch.float64)
    norms = torch.stack(
        [_network(depth, width, relu=True)(x).square().mean() for _ in range(draws)]
    )
    return _spread(torch.stack([norms**2, norms], dim=1))


def largest_singular_value(depth: int, width: int, draws: int, seed: int) -> Estimate:
    """The mean of σ_max² of the Jacobian of a linear network of critical layers."""
    torch.manual_seed(seed)
    values = torch.stack(
        [
            torch.linalg.matrix_norm(_jacobian(depth, width, relu=False), 2) ** 2
            for _ in range(draws)
        ]
    )
    return Estimate(float(values.mean()), float(values.std()) / draws**0.5)


def normalized_convolution(channels: int, seed: int) -> nn.Conv2d:
    """A circular 3 × 3 convolution of Gaussian weights after
    torch.nn.utils.parametrizations.spectral_norm.
    """
    torch.manual_seed(seed)
    layer = nn.Conv2d(
        channels, channels, 3, padding=1, padding_mode="circular", bias=False, dtype=torch.float64
    )
    nn.init.normal_(layer.weight)
    nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=200)
    return layer.eval().requires_grad_(False)


def convolution_norm(layer: nn.Conv2d, size: int) -> Estimate:
    """σ_max of the Jacobian of a convolution of size × size images, the dense SVD of what autograd
    gives row by row: no error.
    """
    x = torch.zeros(1, layer.in_channels, size, size, dtype=torch.float64, requires_grad=True)
    output = layer(x).flatten()
    rows = torch.eye(output.numel(), dtype=torch.float64)
    (jacobian,) = torch.autograd.grad(output, x, rows, is_grads_batched=True)
    return Estimate(float(torch.linalg.matrix_norm(jacobian.flatten(1), 2)), 0.0)


def _network(depth: int, width: int, relu: bool) -> nn.Sequential:
    """Layers W, Var W = 1/n, or ReLU(W ·), Var W = 2/n."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        # Its own initialization would draw from the seed and be overwritten.
        layer = nn.utils.skip_init(nn.Linear, width, width, bias=False, dtype=torch.float64)
        nn.init.normal_(layer.weight, std=((2 if relu else 1) / width) ** 0.5)
        layers += [layer, nn.ReLU()] if relu else [layer]
    return nn.Sequential(*layers).requires_grad_(False)


def _jacobian(depth: int, width: int, relu: bool) -> Tensor:
    """(width, width), row by row by autograd: one sample per row, all at the same point."""
    x = torch.randn(width, dtype=torch.float64).expand(width, width).clone().requires_grad_()
    output = _network(depth, width, relu)(x)
    (jacobian,) = torch.autograd.grad(output, x, torch.eye(width, dtype=torch.float64))
    return jacobian


def _spread(pairs: Tensor, less: float = 0.0) -> Estimate:
    """mean(second moment)/mean(first)² − less from rows (second, first), its standard error by
    linearisation.
    """
    second, first = pairs.mean(dim=0)
    value = second / first**2
    residual = pairs[:, 0] / first**2 - 2 * value * pairs[:, 1] / first
    return Estimate(float(value) - less, float(residual.std()) / len(pairs) ** 0.5)
