"""Bounds how much a layer can stretch: upper bounds of ‖J(x)‖₂ over every input x.

One rule per layer type; a layer without a rule is refused, and so is one in training mode whose map
is not fixed. Never imports a term.
"""

import math
from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import torch
from flint import arb
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AvgPoolNd, _MaxPoolNd

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.balls import float_above, precise, root, up
from numeric.certified.convolution_norms import Sizes, circular_norm_upper, zero_padded_norm_upper
from numeric.certified.enclosed_layers import run
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.fixed_layers import check_fixed, check_own_forward
from numeric.certified.matrix_norms import spectral_norm_upper

WRITTEN_OUT = 1 << 18
"""Entries of the largest matrix that is written out for the norm of a convolution or a pool: a
tenth of a second."""


def lipschitz_upper(layer: nn.Module, in_shape: Sizes) -> float:
    """No less than ‖J(x)‖₂ at every x of shape `in_shape` (one sample), in eval mode.

    Exact up to rounding for linear layers, BatchNorm, activations, circular convolutions, those
    whose windows do not overlap, and those (and average pools) that are small enough to be written
    out; else an upper bound: for zero padding that of the surrounding circle, for a sequence the
    product. Raises UnknownNodeError for a layer without a rule, InputError for weights or shapes
    that do not fit.
    """
    if not isinstance(layer, nn.Module):
        raise InputError(f"a {type(layer).__name__} is no layer: give a torch module")
    if not isinstance(in_shape, tuple | list) or not all(
        isinstance(n, int) and n > 0 for n in in_shape
    ):
        raise InputError(
            f"no sample has the shape {in_shape!r}: give positive integers, without the batch"
        )
    return _bounded(layer, tuple(in_shape))[0]


def _bounded(layer: nn.Module, in_shape: Sizes) -> tuple[float, Sizes]:
    """The bound, and the shape of a sample behind the layer."""
    rule = _norm.dispatch(type(layer))
    if rule is _norm.dispatch(object) and not isinstance(layer, nn.Sequential):
        raise UnknownNodeError(
            f"no certified norm of {type(layer).__name__}: register a rule in "
            "numeric/certified/layer_lipschitz.py"
        )
    check_fixed(layer)
    check_own_forward(layer)
    if isinstance(layer, nn.Sequential):
        return _sequence(layer, in_shape)
    _check_stored(layer)
    out_shape = _out_shape(layer, in_shape)
    size = rule(layer, in_shape, out_shape)
    if not math.isfinite(size):
        raise InputError(
            f"{layer} stretches without bound: its slopes are {size}; give it finite parameters"
        )
    return size, out_shape


def _sequence(layers: nn.Sequential, shape: Sizes) -> tuple[float, Sizes]:
    with precise():
        total = arb(1)
        for part in layers:
            size, shape = _bounded(part, shape)
            total *= arb(size)
        return float_above(total), shape


@singledispatch
def _norm(layer: nn.Module, in_shape: Sizes, out_shape: Sizes) -> float:
    """One rule per layer type, given the shapes of a sample before and after it."""
    raise UnknownNodeError(f"no certified norm of {type(layer).__name__}")


@_norm.register
def _(layer: nn.Linear, in_shape: Sizes, out_shape: Sizes) -> float:
    return spectral_norm_upper(layer.weight[None]).item()


@_norm.register
def _(layer: _ConvNd, in_shape: Sizes, out_shape: Sizes) -> float:
    inputs, outputs = in_shape[1:], out_shape[1:]
    if layer.padding_mode == "circular":
        return circular_norm_upper(
            layer.weight, inputs, outputs, layer.stride, layer.dilation, layer.groups
        )
    if _is_small(in_shape, out_shape):
        return _written_out(layer, in_shape)
    before, after = (
        layer._reversed_padding_repeated_twice[-2::-2],
        layer._reversed_padding_repeated_twice[::-2],
    )
    if layer.padding_mode == "zeros":
        return zero_padded_norm_upper(
            layer.weight, inputs, outputs, layer.stride, tuple(before), layer.dilation, layer.groups
        )
    padded, none = tuple(map(sum, zip(inputs, before, after, strict=True))), (0,) * len(inputs)
    inside = zero_padded_norm_upper(
        layer.weight, padded, outputs, layer.stride, none, layer.dilation, layer.groups
    )
    with precise():
        return float_above(arb(inside) * arb(_copies(layer, in_shape)).sqrt())


@_norm.register
def _(layer: _ConvTransposeNd, in_shape: Sizes, out_shape: Sizes) -> float:
    """The adjoint of the convolution with the same weight, from the image that it makes."""
    padding = tuple(map(int, layer.padding))
    return zero_padded_norm_upper(
        layer.weight,
        out_shape[1:],
        in_shape[1:],
        layer.stride,
        padding,
        layer.dilation,
        layer.groups,
    )


@_norm.register
def _(layer: _BatchNorm, in_shape: Sizes, out_shape: Sizes) -> float:
    return run(layer, Enclosed.exactly(torch.zeros(1, *in_shape))).slopes.size().max().item()  # type: ignore[union-attr]


@_norm.register(_AvgPoolNd)
@_norm.register(_AdaptiveAvgPoolNd)
@_norm.register(nn.Upsample)
def _(layer: nn.Module, in_shape: Sizes, out_shape: Sizes) -> float:
    """Schur's test: for A ≥ 0, ‖A‖₂² ≤ largest row sum · largest column sum."""
    if _is_small(in_shape, out_shape):
        return _written_out(layer, in_shape)
    ones = run(layer, Enclosed.exactly(torch.ones(1, *in_shape)))
    columns = ones.pull(Enclosed.exactly(torch.ones(ones.value.shape)))
    with precise():
        return float_above(root(arb(ones.value.high.max().item()) * arb(columns.high.max().item())))


@_norm.register
def _(layer: _MaxPoolNd, in_shape: Sizes, out_shape: Sizes) -> float:
    """An output is one input, and an input in at most ⌈k gcd(s, d) / s⌉ windows along each axis."""
    axes = len(out_shape) - 1
    sizes = (_each(value, axes) for value in (layer.kernel_size, layer.stride, layer.dilation))
    shared = math.prod(-(-k * math.gcd(s, d) // s) for k, s, d in zip(*sizes, strict=True))
    with precise():
        return float_above(arb(shared).sqrt())


@_norm.register(nn.Identity)
@_norm.register(nn.Flatten)
@_norm.register(nn.Unflatten)
@_norm.register(_DropoutNd)
def _(layer: nn.Module, in_shape: Sizes, out_shape: Sizes) -> float:
    return 1.0


def _or_one(slope: float) -> float:
    return 1.0 if abs(slope) <= 1 else abs(slope)  # not max, which takes 1 for NaN


SLOPES: Mapping[type[nn.Module], Callable[[Any], float]] = {
    **dict.fromkeys(
        (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Tanh, nn.Softsign, nn.LogSigmoid), lambda layer: 1.0
    ),
    nn.LeakyReLU: lambda layer: _or_one(layer.negative_slope),
    nn.ELU: lambda layer: _or_one(layer.alpha),
    nn.CELU: lambda layer: 1.0 if layer.alpha > 0 else math.inf,
    nn.SELU: lambda layer: 1.7581,
    nn.Softplus: lambda layer: 1.0 if layer.beta else math.inf,
    nn.Sigmoid: lambda layer: 0.25,
    nn.Hardsigmoid: lambda layer: 0.1667,
    nn.SiLU: lambda layer: 1.0999,
    nn.Mish: lambda layer: 1.0885,
    nn.GELU: lambda layer: 1.1290,
    nn.Hardswish: lambda layer: 1.5,
}
"""Upper bounds of |φ′| of activations, by type; proved by interval search where they are tested."""


def _largest_slope(layer: nn.Module, in_shape: Sizes, out_shape: Sizes) -> float:
    return next(SLOPES[kind](layer) for kind in type(layer).__mro__ if kind in SLOPES)


for _kind in SLOPES:
    _norm.register(_kind, _largest_slope)


def _check_stored(layer: nn.Module) -> None:
    """Refuses tensors that hold no finite numbers, and weights that are not real floating point.

    Biases included: they change no norm, but a layer that holds NaN has none.
    """
    for name, stored in [*layer.named_parameters(), *layer.named_buffers()]:
        label = f"{name!r} of {type(layer).__name__}"
        if stored.is_meta:
            raise InputError(
                f"{label} is on the meta device and holds no numbers: give the model real "
                "weights first"
            )
        if isinstance(stored, nn.Parameter) and not stored.is_floating_point():
            raise InputError(
                f"{label} is {stored.dtype}: convert the model to a real floating-point type"
            )
        if not stored.isfinite().all():
            raise InputError(f"{label} has entries that are not finite: remove NaN and infinity")


def _out_shape(layer: nn.Module, in_shape: Sizes) -> Sizes:
    """What shape the layer gives one sample.

    Raises InputError where it takes none of this shape.
    """
    tensors = [*layer.parameters(), *layer.buffers()]
    weight = next((each for each in tensors if each.is_floating_point()), torch.zeros(()))
    try:
        with torch.no_grad():
            value = layer(weight.new_zeros(1, *in_shape))
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(
            f"{type(layer).__name__} takes no input of shape {in_shape}: "
            f"{str(error).splitlines()[0]}"
        ) from error
    if not isinstance(value, Tensor):
        raise InputError(
            f"{type(layer).__name__} gives a {type(value).__name__}, not one tensor: let it "
            "return its value alone"
        )
    return tuple(value.shape[1:])


def _is_small(in_shape: Sizes, out_shape: Sizes) -> bool:
    return math.prod(in_shape) * math.prod(out_shape) <= WRITTEN_OUT


def _written_out(layer: nn.Module, in_shape: Sizes) -> float:
    """That of the matrix of an affine layer, column by column."""
    size = math.prod(in_shape)
    columns = run(layer, Enclosed.exactly(torch.zeros(1, *in_shape))).push(
        Enclosed.exactly(torch.eye(size).view(size, *in_shape))
    )
    error = up(up(columns.rad.square().sum(), columns.rad.numel()).sqrt(), 2)
    return spectral_norm_upper(columns.mid.view(1, size, -1), error[None]).item()


def _copies(layer: _ConvNd, in_shape: Sizes) -> int:
    """How often padding repeats an entry at most.

    It is the squared norm of the map that pads, whose columns do not overlap.
    """
    image = torch.zeros(1, *in_shape, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        padded = functional.pad(
            image, layer._reversed_padding_repeated_twice, mode=layer.padding_mode
        )
    (counts,) = torch.autograd.grad(padded.sum(), image)
    return int(counts.max())


def _each(value: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)
