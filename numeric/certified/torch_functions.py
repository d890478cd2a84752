"""Does what torch's layers without weights do, from the attributes that they read when they run.

The functions are those of torch on import: what replaces them later shall be noticed, not followed.
Never imports a term.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd

from derivations.errors import UnknownNodeError

Own = Callable[[Any, Tensor], Tensor]
"""What a layer gives for an input."""


def torchs_own(layer: nn.Module) -> Own:
    """What a layer's type stands for; raises UnknownNodeError for one that is not here."""
    for kind in type(layer).__mro__:
        if kind in _OWN:
            return _OWN[kind]
    raise UnknownNodeError(
        f"no map of {type(layer).__name__} is known: teach numeric/certified/torch_functions.py"
    )


def _average_1d(average: Callable[..., Tensor]) -> Own:
    return lambda at, x: average(
        x, at.kernel_size, at.stride, at.padding, at.ceil_mode, at.count_include_pad
    )


def _average(average: Callable[..., Tensor]) -> Own:
    return lambda at, x: average(
        x,
        at.kernel_size,
        at.stride,
        at.padding,
        at.ceil_mode,
        at.count_include_pad,
        at.divisor_override,
    )


def _adaptive(average: Callable[..., Tensor]) -> Own:
    return lambda at, x: average(x, at.output_size)


def _largest(largest: Callable[..., Tensor]) -> Own:
    return lambda at, x: largest(
        x, at.kernel_size, at.stride, at.padding, at.dilation, ceil_mode=at.ceil_mode
    )


def _named(function: Callable[..., Tensor], *names: str) -> Own:
    return lambda at, x: function(x, *(getattr(at, name) for name in names))


def _approximate(gelu: Callable[..., Tensor]) -> Own:
    return lambda at, x: gelu(x, approximate=at.approximate)


def _upsampled(interpolate: Callable[..., Tensor]) -> Own:
    return lambda at, x: interpolate(
        x,
        at.size,
        at.scale_factor,
        at.mode,
        at.align_corners,
        recompute_scale_factor=at.recompute_scale_factor,
    )


_OWN: Mapping[type[nn.Module], Own] = {
    nn.AvgPool1d: _average_1d(functional.avg_pool1d),
    nn.AvgPool2d: _average(functional.avg_pool2d),
    nn.AvgPool3d: _average(functional.avg_pool3d),
    nn.AdaptiveAvgPool1d: _adaptive(functional.adaptive_avg_pool1d),
    nn.AdaptiveAvgPool2d: _adaptive(functional.adaptive_avg_pool2d),
    nn.AdaptiveAvgPool3d: _adaptive(functional.adaptive_avg_pool3d),
    nn.MaxPool1d: _largest(torch.max_pool1d),
    nn.MaxPool2d: _largest(torch.max_pool2d),
    nn.MaxPool3d: _largest(torch.max_pool3d),
    nn.Upsample: _upsampled(functional.interpolate),
    nn.Identity: lambda at, x: x,
    _DropoutNd: lambda at, x: x,
    nn.Flatten: lambda at, x: x.flatten(at.start_dim, at.end_dim),
    nn.Unflatten: lambda at, x: x.unflatten(at.dim, at.unflattened_size),
    nn.ReLU: _named(torch.relu),
    nn.ReLU6: _named(functional.relu6),
    nn.Hardtanh: _named(functional.hardtanh, "min_val", "max_val"),
    nn.Tanh: _named(torch.tanh),
    nn.Softsign: _named(functional.softsign),
    nn.LogSigmoid: _named(functional.logsigmoid),
    nn.LeakyReLU: _named(functional.leaky_relu, "negative_slope"),
    nn.ELU: _named(functional.elu, "alpha"),
    nn.CELU: _named(functional.celu, "alpha"),
    nn.SELU: _named(functional.selu),
    nn.Softplus: _named(functional.softplus, "beta", "threshold"),
    nn.Sigmoid: _named(torch.sigmoid),
    nn.Hardsigmoid: _named(functional.hardsigmoid),
    nn.SiLU: _named(functional.silu),
    nn.Mish: _named(functional.mish),
    nn.GELU: _approximate(functional.gelu),
    nn.Hardswish: _named(functional.hardswish),
}

_FUNCTIONS: Mapping[object, nn.Module] = {
    **dict.fromkeys((torch.relu, functional.relu), nn.ReLU()),
    **dict.fromkeys((torch.sigmoid, functional.sigmoid), nn.Sigmoid()),
    **dict.fromkeys((torch.tanh, functional.tanh), nn.Tanh()),
}


def as_layer(function: object) -> object:
    """The layer that does what a torch function does; anything else as it is."""
    return _FUNCTIONS.get(function, function)
