"""Reads what a convolution does off its attributes, each where torch reads it.

Attributes may have been changed since the layer was built, and torch reads some of them when it is
built and others when it runs. Never imports a network or a term.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd

from derivations.errors import InputError

Sizes = tuple[int, ...]

# As they were on import: what replaces them later shall be noticed, not followed.
_PAD = functional.pad
_CONVOLUTIONS = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}


@dataclass(frozen=True)
class Geometry:
    """How a convolution walks over its padded image, one entry per axis.

    `before` and `after` are the entries that padding adds to the ends of an axis.
    """

    stride: Sizes
    before: Sizes
    after: Sizes
    dilation: Sizes
    groups: int
    padding_mode: str

    def applied(self, x: Tensor, weight: Tensor) -> Tensor:
        """The convolution of x (batch, in, *image), without a bias."""
        convolve = _CONVOLUTIONS[len(self.stride)]
        return convolve(self._padded(x), weight, None, self.stride, 0, self.dilation, self.groups)

    def transposed(self, x: Tensor, weight: Tensor, image: Sizes) -> Tensor:
        """The adjoint, for a convolution whose image has these sizes: x (batch, out, …)."""
        shape = (len(x), weight.shape[1] * self.groups, *image)
        with torch.inference_mode(False), torch.enable_grad():
            seen = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
            value = self.applied(seen, weight)
            for axis, n in enumerate(x.shape[2:], start=2):
                value = value.narrow(axis, 0, n)
            (adjoint,) = torch.autograd.grad(value, seen, x)
        return adjoint

    def copies(self, image: Sizes) -> int:
        """How often padding repeats an entry of the image (channels, ...) at most.

        It is the squared norm of the map that pads, whose columns do not overlap.
        """
        with torch.inference_mode(False), torch.enable_grad():
            seen = torch.zeros(1, *image, dtype=torch.float64, requires_grad=True)
            (counts,) = torch.autograd.grad(self._padded(seen).sum(), seen)
        return int(counts.max())

    def _padded(self, x: Tensor) -> Tensor:
        ends = [pad for both in zip(self.after, self.before, strict=True) for pad in both][::-1]
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return _PAD(x, ends, mode=mode) if any(ends) else x


def geometry(layer: _ConvNd) -> Geometry:
    """What a convolution does with its weight as it is now; a transposed one does the adjoint.

    Raises InputError for attributes that torch does not take.
    """
    axes = axes_of(layer)
    dilation = each_axis(layer.dilation, axes, "dilation")
    if layer.padding_mode != "zeros":
        # This was made from the padding when the layer was built, and alone is read.
        ends = each_axis(layer._reversed_padding_repeated_twice, 2 * axes, "padding")
        before, after = ends[-2::-2], ends[::-2]
    elif layer.padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, layer.weight.shape[2:], strict=True)]
        before = tuple(each // 2 for each in total)
        after = tuple(each - each // 2 for each in total)
    else:
        padding = 0 if layer.padding == "valid" else layer.padding
        before = after = each_axis(padding, axes, "padding")
    stride = each_axis(layer.stride, axes, "stride")
    return Geometry(stride, before, after, dilation, layer.groups, layer.padding_mode)


def axes_of(layer: nn.Module) -> int:
    """The number of axes of the image that a convolution's type says, and its weight must have."""
    axes = next(int(kind.__name__[-2]) for kind in type(layer).__mro__ if _is_convolution(kind))
    assert isinstance(layer.weight, Tensor)
    shape = tuple(layer.weight.shape)
    if len(shape) != axes + 2:
        raise InputError(
            f"the weight of {type(layer).__name__} has shape {shape}: give it (out, in, *kernel)"
        )
    return axes


def each_axis(value: object, axes: int, name: str) -> Sizes:
    """A number, or one for all or for each of the axes, as torch takes it."""
    found = (value,) if isinstance(value, int) else value
    if not isinstance(found, tuple | list) or not all(isinstance(each, int) for each in found):
        raise InputError(f"the layer's {name} is {value!r}: give one integer per axis")
    if len(found) not in (1, axes):
        raise InputError(f"the layer's {name} is {value!r}: give one integer per axis ({axes})")
    return tuple(found) * (axes if len(found) == 1 else 1)


def _is_convolution(kind: type) -> bool:
    return kind.__module__ == "torch.nn.modules.conv" and kind.__name__[-1] == "d"
