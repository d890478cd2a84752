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
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AvgPoolNd, _MaxPoolNd

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.balls import constant, float_above, precise, root, up
from numeric.certified.convolution_geometry import Geometry, each_axis, geometry
from numeric.certified.convolution_norms import Sizes, circular_norm_upper, zero_padded_norm_upper
from numeric.certified.enclosed_layers import has_rule, run
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.fixed_layers import (
    check_fixed,
    check_own_forward,
    check_reproduced,
    held_tensors,
)
from numeric.certified.matrix_norms import spectral_norm_upper
from numeric.certified.remembered_norms import remembered
from numeric.certified.torch_functions import torchs_own
from numeric.checks import check_dense
from numeric.runs.watched_run import watched

_padded_norm = remembered(zero_padded_norm_upper)
_circular_norm = remembered(circular_norm_upper)
_matrix_norm = remembered(lambda weight: spectral_norm_upper(weight[None]).item())

WRITTEN_OUT = 1 << 18
"""Entries of the largest matrix that is written out for the norm of a convolution or a pool: a
tenth of a second."""


@torch.inference_mode(False)
@torch.no_grad()
def lipschitz_upper(layer: nn.Module, in_shape: Sizes) -> float:
    """No less than ‖J(x)‖₂ at every x of shape `in_shape` (one sample), in eval mode.

    Exact up to rounding for linear layers, BatchNorm, activations, circular convolutions, those
    whose windows do not overlap, and those (and average pools) that are small enough to be written
    out; else an upper bound: for zero padding that of a surrounding circle, for a sequence the
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
            f"{type(layer).__name__} stretches without bound: its slopes are {size}; give it "
            "finite parameters"
        )
    _check_reproduced(layer, in_shape, out_shape)
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
    return _matrix_norm(layer.weight)


@_norm.register
def _(layer: _ConvNd, in_shape: Sizes, out_shape: Sizes) -> float:
    at, inputs, outputs = _geometry(layer, in_shape), in_shape[1:], out_shape[1:]
    if at.padding_mode == "circular":
        return _circular_norm(layer.weight, inputs, outputs, at.stride, at.dilation, at.groups)
    if _is_small(in_shape, out_shape):
        return _written_out(layer, in_shape)
    if at.padding_mode == "zeros":
        return _padded_norm(
            layer.weight, inputs, outputs, at.stride, at.before, at.dilation, at.groups
        )
    padded = tuple(map(sum, zip(inputs, at.before, at.after, strict=True)))
    none = (0,) * len(inputs)
    inside = _padded_norm(layer.weight, padded, outputs, at.stride, none, at.dilation, at.groups)
    with precise():
        return float_above(arb(inside) * arb(at.copies(in_shape)).sqrt())


def _geometry(layer: _ConvNd, in_shape: Sizes) -> Geometry:
    if len(in_shape) != layer.weight.dim() - 1:
        # Torch would take a batch of such for one image, and the batch for its channels.
        raise InputError(f"{type(layer).__name__} takes no input of shape {in_shape}")
    return geometry(layer)


@_norm.register
def _(layer: _ConvTransposeNd, in_shape: Sizes, out_shape: Sizes) -> float:
    """The adjoint of the convolution with the same weight, from the image that it makes."""
    at = _geometry(layer, in_shape)
    return _padded_norm(
        layer.weight, out_shape[1:], in_shape[1:], at.stride, at.before, at.dilation, at.groups
    )


@_norm.register
def _(layer: _BatchNorm, in_shape: Sizes, out_shape: Sizes) -> float:
    zeros, stored = Enclosed.exactly(torch.zeros(1, *in_shape)), layer.running_var
    # In the precision of the statistics that it holds.
    dtype = torch.float64 if stored is None else stored.dtype
    return run(layer, zeros, dtype).slopes.size().max().item()  # type: ignore[union-attr]


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
    kernel = each_axis(layer.kernel_size, axes, "kernel_size")
    stride = kernel if layer.stride in (None, (), []) else each_axis(layer.stride, axes, "stride")
    sizes = (kernel, stride, each_axis(layer.dilation, axes, "dilation"))
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
    return 1.0 if abs(slope) <= 1 else max(map(abs, constant(slope)))  # max takes 1 for NaN


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


def _check_reproduced(layer: nn.Module, in_shape: Sizes, out_shape: Sizes) -> None:
    """Refuses a layer that, run at some input, does something else than its rule says."""
    # Activations act on each entry by itself: a few will do.
    shape = (64,) if any(kind in SLOPES for kind in type(layer).__mro__) else in_shape
    drawn = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # In half precision the layer shall see the very same numbers.
    x = drawn.bfloat16().double()
    if isinstance(layer, _ConvTransposeNd):
        weight, at = Enclosed.exactly(layer.weight).mid, geometry(layer)
        value, sizes = (
            at.transposed(v, w, out_shape[1:]) for v, w in ((x, weight), (x.abs(), weight.abs()))
        )
        if layer.bias is not None:
            bias = Enclosed.exactly(layer.bias).mid.view(-1, *[1] * (weight.dim() - 2))
            value, sizes = value + bias, sizes + bias.abs()
        check_reproduced(layer, x, value, 0.0, sizes)
    elif has_rule(layer) and shape == in_shape:
        run(layer, Enclosed.exactly(x))
    else:
        value = torchs_own(layer)(layer, x.clone())
        check_reproduced(layer, x, value, 0.0, 1 + x.abs().amax() + value.abs())


def _check_stored(layer: nn.Module) -> None:
    """Refuses tensors that hold no finite numbers, and weights that are not real floating point.

    Biases included: they change no norm, but a layer that holds NaN has none.
    """
    for name, stored in [*layer.named_parameters(), *layer.named_buffers()]:
        label = f"{name!r} of {type(layer).__name__}"
        check_dense(stored, label)
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

    Raises InputError where it takes none of this shape, or joins samples.
    """
    found: Sizes = ()
    # A layer may split the batch by a number that two samples happen to have.
    for count in (2, 3):
        shape = tuple(_of_zeros(layer, count, in_shape).shape)
        if shape[:1] != (count,) or (found and shape[1:] != found):
            raise InputError(
                f"{type(layer).__name__} maps a batch of shape {(count, *in_shape)} to {shape}: "
                "it must keep the samples apart"
            )
        found = shape[1:]
    return found


def _of_zeros(layer: nn.Module, count: int, in_shape: Sizes) -> Tensor:
    weight = next(held_tensors(layer), torch.zeros(()))
    try:
        with torch.no_grad(), watched(type(layer).__name__, layer):
            value = layer(weight.new_zeros(count, *in_shape))
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
    return value


def _is_small(in_shape: Sizes, out_shape: Sizes) -> bool:
    return math.prod(in_shape) * math.prod(out_shape) <= WRITTEN_OUT


def _written_out(layer: nn.Module, in_shape: Sizes) -> float:
    """That of the matrix of an affine layer, column by column."""
    size = math.prod(in_shape)
    columns = run(layer, Enclosed.exactly(torch.zeros(1, *in_shape))).push(
        Enclosed.exactly(torch.eye(size).view(size, *in_shape))
    )
    error = up(up(columns.rad.square().sum(), columns.rad.numel()).sqrt(), 2)
    return spectral_norm_upper(columns.mid.reshape(1, size, -1), error[None]).item()
