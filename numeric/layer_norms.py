"""Bounds how much a layer can stretch: certified upper bounds of ‖J(x)‖₂ over every input x, for the stored weights.

One rule per layer type; a layer without a rule is refused, and so is one in training mode whose map is not fixed. Never imports a term.
"""

import math
from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import torch
from flint import arb
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AvgPoolNd, _MaxPoolNd

from derivations.errors import InputError, UnknownNodeError
from numeric.balls import float_above, precise, root
from numeric.checks import check_fixed, check_own_forward
from numeric.convolution_norms import Sizes, circular_norm_upper, zero_padded_norm_upper
from numeric.enclosed import Enclosed
from numeric.enclosed_layers import run
from numeric.verified_norm import spectral_norm_upper


def lipschitz_upper(layer: nn.Module, in_shape: Sizes) -> float:
    """No less than ‖J(x)‖₂ at every x of shape `in_shape` (one sample), in eval mode: also a Lipschitz constant in the 2-norm.

    Exact up to rounding for linear layers, BatchNorm, activations and convolutions that are circular or whose strides do not
    overlap; an upper bound for zero padding (that of the surrounding circle), pooling and sequences (the product). Raises
    UnknownNodeError for a layer without a rule, InputError for weights or shapes that do not fit.
    """
    if not isinstance(layer, nn.Module):
        raise InputError(f"a {type(layer).__name__} is no layer: give a torch module")
    check_fixed(layer)
    check_own_forward(layer)
    return _norm(layer, tuple(in_shape))


@singledispatch
def _norm(layer: nn.Module, in_shape: Sizes) -> float:
    raise UnknownNodeError(f"no certified norm of {type(layer).__name__}: register a rule in numeric/layer_norms.py")


@_norm.register
def _(layer: nn.Sequential, in_shape: Sizes) -> float:
    sizes = []
    for part in layer:
        sizes.append(lipschitz_upper(part, in_shape))
        in_shape = _out_shape(part, in_shape)
    with precise():
        return float_above(math.prod(map(arb, sizes), start=arb(1)))


@_norm.register
def _(layer: nn.Linear, in_shape: Sizes) -> float:
    _out_shape(layer, in_shape)
    return spectral_norm_upper(layer.weight[None]).item()


@_norm.register
def _(layer: _ConvNd, in_shape: Sizes) -> float:
    inputs, outputs = in_shape[1:], _out_shape(layer, in_shape)[1:]
    if layer.padding_mode == "circular":
        return circular_norm_upper(layer.weight, inputs, outputs, layer.stride, layer.dilation, layer.groups)
    inside = zero_padded_norm_upper(layer.weight, outputs, layer.stride, layer.dilation, layer.groups)
    if layer.padding_mode == "zeros":
        return inside
    with precise():
        return float_above(arb(inside) * arb(_copies(layer, in_shape)).sqrt())


@_norm.register
def _(layer: _ConvTransposeNd, in_shape: Sizes) -> float:
    """The adjoint of the convolution with the same weight, from the image that it makes."""
    _out_shape(layer, in_shape)
    return zero_padded_norm_upper(layer.weight, in_shape[1:], layer.stride, layer.dilation, layer.groups)


@_norm.register
def _(layer: _BatchNorm, in_shape: Sizes) -> float:
    return run(layer, Enclosed.exactly(torch.zeros(1, *in_shape))).slopes.size().max().item()  # type: ignore[union-attr]


@_norm.register(_AvgPoolNd)
@_norm.register(_AdaptiveAvgPoolNd)
@_norm.register(nn.Upsample)
def _(layer: nn.Module, in_shape: Sizes) -> float:
    """Schur's test: ‖A‖₂² is at most the largest row sum times the largest column sum of a non-negative matrix."""
    ones = run(layer, Enclosed.exactly(torch.ones(1, *in_shape)))
    columns = ones.pull(Enclosed.exactly(torch.ones(ones.value.shape)))
    with precise():
        return float_above(root(arb(ones.value.high.max().item()) * arb(columns.high.max().item())))


@_norm.register
def _(layer: _MaxPoolNd, in_shape: Sizes) -> float:
    """Each output is one input; an input is in at most ⌈k gcd(s, d) / s⌉ windows along each axis."""
    axes = len(_out_shape(layer, in_shape)) - 1
    sizes = (_each(value, axes) for value in (layer.kernel_size, layer.stride, layer.dilation))
    shared = math.prod(-(-k * math.gcd(s, d) // s) for k, s, d in zip(*sizes, strict=True))
    with precise():
        return float_above(arb(shared).sqrt())


@_norm.register(nn.Identity)
@_norm.register(nn.Flatten)
@_norm.register(nn.Unflatten)
@_norm.register(_DropoutNd)
def _(layer: nn.Module, in_shape: Sizes) -> float:
    return 1.0


SLOPES: Mapping[type[nn.Module], Callable[[Any], float]] = {
    **dict.fromkeys((nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Tanh, nn.Softsign, nn.Softplus, nn.LogSigmoid), lambda layer: 1.0),
    nn.LeakyReLU: lambda layer: max(1.0, abs(layer.negative_slope)),
    nn.ELU: lambda layer: max(1.0, abs(layer.alpha)),
    nn.CELU: lambda layer: 1.0 if layer.alpha > 0 else math.inf,
    nn.SELU: lambda layer: 1.7581,
    nn.Sigmoid: lambda layer: 0.25,
    nn.Hardsigmoid: lambda layer: 0.1667,
    nn.SiLU: lambda layer: 1.0999,
    nn.Mish: lambda layer: 1.0885,
    nn.GELU: lambda layer: 1.1290,
    nn.Hardswish: lambda layer: 1.5,
}
"""Upper bounds of |φ′| of activations, by type; proved by interval search where they are tested."""


@_norm.register(nn.ReLU)
@_norm.register(nn.ReLU6)
@_norm.register(nn.Hardtanh)
@_norm.register(nn.Tanh)
@_norm.register(nn.Softsign)
@_norm.register(nn.Softplus)
@_norm.register(nn.LogSigmoid)
@_norm.register(nn.CELU)
@_norm.register(nn.LeakyReLU)
@_norm.register(nn.ELU)
@_norm.register(nn.SELU)
@_norm.register(nn.Sigmoid)
@_norm.register(nn.Hardsigmoid)
@_norm.register(nn.SiLU)
@_norm.register(nn.Mish)
@_norm.register(nn.GELU)
@_norm.register(nn.Hardswish)
def _(layer: nn.Module, in_shape: Sizes) -> float:
    return SLOPES[type(layer)](layer)


def _out_shape(layer: nn.Module, in_shape: Sizes) -> Sizes:
    """What shape the layer gives one sample; raises InputError where it takes none of this shape."""
    weight = next(layer.parameters(), torch.zeros(()))
    try:
        with torch.no_grad():
            return tuple(layer(weight.new_zeros(1, *in_shape)).shape[1:])
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"{type(layer).__name__} takes no input of shape {in_shape}: {str(error).splitlines()[0]}") from error


def _copies(layer: _ConvNd, in_shape: Sizes) -> int:
    """How often padding repeats an entry at most: the squared norm of the map that pads, whose columns do not overlap."""
    image = torch.zeros(1, *in_shape, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        padded = functional.pad(image, layer._reversed_padding_repeated_twice, mode=layer.padding_mode)
    (counts,) = torch.autograd.grad(padded.sum(), image)
    return int(counts.max())


def _each(value: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)
