"""Measures what backpropagation does in a network, segment by segment, with autograd alone.

Imports torch and nothing else: the predictions that these numbers judge share no code with them.
"""

import copy
from collections.abc import Iterator, Sequence
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
    """What one backward pass showed, everything in float64 and eval mode, the samples independent
    of each other.

    `activations` h₀ … h_n and `signals` ∂L/∂h₀ … ∂L/∂h_n: (batch, *shape) each, h₀ the value of the
    stem. `gains` ‖∂L/∂h_{k−1}‖₂ / ‖∂L/∂h_k‖₂, k = 1 … n, and `total` ‖∂L/∂h₀‖₂ / ‖∂L/∂h_n‖₂:
    (batch,) each, NaN for a sample whose denominator is exactly zero, and where either signal is
    faint, see `is_faint`.
    """

    names: tuple[str, ...]
    activations: tuple[Tensor, ...]
    signals: tuple[Tensor, ...]
    gains: tuple[Tensor, ...]
    total: Tensor


@dataclass(frozen=True)
class BatchMeasurement:
    """What one step of training sees: ratios of norms over the whole batch, its samples coupled by
    BatchNorm. `gains` of the links of the chain, `total` from end to end; NaN as in `Measurement`.
    """

    gains: tuple[float, ...]
    total: float


def measure_batch(network: Stack, x: Tensor, y: Tensor) -> BatchMeasurement:
    """Backpropagates the cross-entropy of the batch (x, y) through a float64 copy of `network` in
    train mode, whose BatchNorm takes the statistics of this batch. The network is left untouched.

    Raises ValueError as `measure` does.
    """
    twin = _copied(network, x, y, training=True)
    _, _, signals = _backpropagated(twin, x, y)
    whole = [signal.reshape(1, -1) for signal in signals]
    return BatchMeasurement(tuple(gain.item() for gain in link_by_link(whole)), _ends(whole).item())


def measure(network: Stack, x: Tensor, y: Tensor) -> Measurement:
    """Backpropagates the summed cross-entropy of (x, y) through a float64 copy of `network` in eval
    mode. The network is left untouched; its statistics should be recalibrated before.

    x: (batch, channels, h, w), y: (batch,) labels. Raises ValueError if the batch is empty or the
    loss is not finite.
    """
    twin = _copied(network, x, y, training=False)
    names, activations, signals = _backpropagated(twin, x, y)
    return Measurement(names, activations, signals, link_by_link(signals), _ends(signals))


def gains(network: Stack, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """The `gains` of `measure` as the network stands: in its own precision and on its own device,
    within one forward and one backward pass.

    No copy is made and no weight's gradient is computed or stored. Raises ValueError for a network
    in training mode, whose samples BatchNorm would couple and whose statistics it would move, and
    as `measure` does.
    """
    return link_by_link(pass_as_it_stands(network, x, y)[1])


def pass_as_it_stands(
    network: Stack, x: Tensor, y: Tensor
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The activations h₀ … h_n and signals that `gains` are of, in the network's own precision."""
    assert isinstance(network, nn.Module)
    if any(module.training for module in network.modules()):
        raise ValueError("the network is in training mode: call network.eval() first")
    _check(x, y)
    with torch.enable_grad():
        activations = [network.stem(x.detach()).detach().requires_grad_()]
        for _, segment in network.chain():
            activations.append(segment(activations[-1]))
        loss = functional.cross_entropy(network.head(activations[-1]), y, reduction="sum")
    if not torch.isfinite(loss):
        raise ValueError("the loss is not finite: no gain can be measured on this network")
    return tuple(h.detach() for h in activations), torch.autograd.grad(loss, activations)


def norm_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """‖numerator‖₂ / ‖denominator‖₂ per sample: (batch,). Both are scaled by their largest entry
    first, so no square under- or overflows.

    NaN where the denominator is exactly zero.
    """
    return _ratio(_scaled_norm(numerator), _scaled_norm(denominator))


def is_faint(signal: Tensor) -> Tensor:
    """Whether a sample's signal is not zero but so small that its ratios lose digits: (batch,).

    So small is a largest modulus below tiny/ε², 4e-277 in float64: entries that matter beside it,
    to ε, and what a block makes of it, down to ε of its size, are normal numbers above that.
    """
    info = torch.finfo(signal.dtype)
    largest = signal.flatten(start_dim=1).abs().amax(dim=1)
    return (largest > 0) & (largest < info.tiny / info.eps**2)


def _copied(network: Stack, x: Tensor, y: Tensor, *, training: bool) -> Stack:
    _check(x, y)
    twin = copy.deepcopy(network)
    assert isinstance(twin, nn.Module)
    twin.double().train(training).requires_grad_(False)
    return twin


def _check(x: Tensor, y: Tensor) -> None:
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(
            f"x holds {len(x)} and y {len(y)} samples: give as many labels as inputs, at least one"
        )


def _backpropagated(
    twin: Stack, x: Tensor, y: Tensor
) -> tuple[tuple[str, ...], tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Names of the links, activations and signals, as in `Measurement`."""
    with torch.enable_grad():
        # A leaf: what is asked for starts behind the stem.
        activations = [twin.stem(x.detach().double()).detach().requires_grad_()]
        names = []
        for name, segment in twin.chain():
            names.append(name)
            activations.append(segment(activations[-1]))
        loss = functional.cross_entropy(twin.head(activations[-1]), y, reduction="sum")
    if not torch.isfinite(loss):
        raise ValueError("the loss is not finite: no gain can be measured on this network")
    signals = torch.autograd.grad(loss, activations)
    return tuple(names), tuple(h.detach() for h in activations), signals


def link_by_link(signals: Sequence[Tensor]) -> tuple[Tensor, ...]:
    found = [(_scaled_norm(signal), is_faint(signal)) for signal in signals]
    return tuple(
        _ratio(before, after).masked_fill(faint | weak, torch.nan)
        for (before, faint), (after, weak) in pairwise(found)
    )


def _ends(signals: Sequence[Tensor]) -> Tensor:
    first, last = signals[0], signals[-1]
    return norm_ratio(first, last).masked_fill(is_faint(first) | is_faint(last), torch.nan)


ScaledNorm = tuple[Tensor, Tensor]


def _ratio(top: ScaledNorm, bottom: ScaledNorm) -> Tensor:
    return torch.where(bottom[0] > 0, (top[0] / bottom[0]) * (top[1] / bottom[1]), torch.nan)


def _scaled_norm(v: Tensor) -> ScaledNorm:
    """(s, ‖v/s‖₂) of each sample, s = 1 where no square that matters under- or overflows, else the
    largest modulus; (0, 1) for zero.
    """
    flat = v.flatten(start_dim=1)
    length = torch.linalg.vector_norm(flat, dim=1)
    # The usual case in one pass: no square of any sample leaves the range of the format.
    if ((length > torch.finfo(v.dtype).tiny ** 0.25) & length.isfinite()).all():
        return torch.ones_like(length), length
    scale = flat.abs().amax(dim=1)
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    norm = (flat / safe[:, None]).square().sum(dim=1).sqrt()
    return scale, torch.where(scale > 0, norm, torch.ones_like(norm))
