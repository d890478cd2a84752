"""Measures what backpropagation does in a network, segment by segment, with autograd alone.

Imports torch and nothing else: the predictions that these numbers judge share no code with them.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class Stack(Protocol):
    """A network that names the links of its chain: head(segment_n(… segment_1(stem(x))))."""

    stem: nn.Module
    head: nn.Module

    def chain(self) -> Iterator[tuple[str, nn.Module]]: ...


@dataclass(frozen=True)
class Measurement:
    """What one backward pass showed, everything in float64 and eval mode, the samples independent of each other.

    `activations` h₀ … h_n and `signals` ∂L/∂h₀ … ∂L/∂h_n: (batch, *shape) each, h₀ the value of the stem.
    `gains` ‖∂L/∂h_{k−1}‖₂ / ‖∂L/∂h_k‖₂, k = 1 … n, and `total` ‖∂L/∂h₀‖₂ / ‖∂L/∂h_n‖₂: (batch,) each,
    NaN for a sample whose denominator is exactly zero.
    """

    names: tuple[str, ...]
    activations: tuple[Tensor, ...]
    signals: tuple[Tensor, ...]
    gains: tuple[Tensor, ...]
    total: Tensor


def measure(network: Stack, x: Tensor, y: Tensor) -> Measurement:
    """Backpropagates the summed cross-entropy of (x, y) through a float64 copy of `network`, which itself is left untouched.

    x: (batch, channels, h, w), y: (batch,) labels. Raises ValueError if the batch is empty or the loss is not finite.
    """
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(f"{len(x)} inputs do not go with {len(y)} labels: give as many of each, at least one")
    twin = copy.deepcopy(network)
    assert isinstance(twin, nn.Module)
    twin.double().eval().requires_grad_(False)
    with torch.enable_grad():
        activations = [twin.stem(x.detach().double()).detach().requires_grad_()]
        names = []
        for name, segment in twin.chain():
            names.append(name)
            activations.append(segment(activations[-1]))
        loss = functional.cross_entropy(twin.head(activations[-1]), y, reduction="sum")
    if not torch.isfinite(loss):
        raise ValueError("the loss is not finite: no gain can be measured on this network")
    signals = torch.autograd.grad(loss, activations)
    gains = tuple(norm_ratio(before, after) for before, after in pairwise(signals))
    return Measurement(tuple(names), tuple(h.detach() for h in activations), signals, gains, norm_ratio(signals[0], signals[-1]))


def norm_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """‖numerator‖₂ / ‖denominator‖₂ per sample: (batch,). Both are scaled by their largest entry first, so no square under- or overflows.

    NaN where the denominator is exactly zero.
    """
    top_scale, top_norm = _scaled_norm(numerator)
    bottom_scale, bottom_norm = _scaled_norm(denominator)
    return torch.where(bottom_scale > 0, (top_scale / bottom_scale) * (top_norm / bottom_norm), torch.nan)


def _scaled_norm(v: Tensor) -> tuple[Tensor, Tensor]:
    """(s, ‖v/s‖₂) with s the largest modulus of each sample; (0, 1) for zero."""
    flat = v.flatten(start_dim=1)
    scale = flat.abs().amax(dim=1)
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    norm = (flat / safe[:, None]).square().sum(dim=1).sqrt()
    return scale, torch.where(scale > 0, norm, torch.ones_like(norm))
