"""Gives the law of ‖∂L/∂x‖² over a random convolution, from real tensors.

By the formulas of `derivations/laws/law_catalogue.py`. The pullback of one input channel is A w: A
unfolds the stride-dilated h, w holds the channel's weights. Zero padding, stride, dilation and
groups are covered; the input's size gives the output padding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import Conv2d
from torch.nn import functional as F

from derivations.errors import InputError
from numeric.laws.characteristic_inversion import Array
from numeric.laws.chi_square import GeneralizedChiSquare, side_by_side
from numeric.laws.dense_layer import GIVEN_ALL, shared_law
from numeric.laws.draws import OF_MASK, OF_SIGNAL, OF_SLOPES, drawn, of_draws
from numeric.laws.law_formulas import array, check_sizes, deviation, generalized, generalized_law
from numeric.settings import whole

Pair = tuple[int, int]
MOST_ENTRIES = 1 << 28
"""Entries of the largest array that a conditional law may need."""


@dataclass(frozen=True)
class Geometry:
    """How a convolution with zero padding reads its input; each pair is (height, width).

    Raises InputError for impossible sizes.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        for name, least in (("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1)):
            pair = getattr(self, name)
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise InputError(f"the {name} of a convolution is {pair!r}: give (height, width)")
            for size in pair:
                whole(size, f"the {name} of a convolution", least)
        whole(self.groups, "the number of groups")

    @classmethod
    def of(cls, layer: Conv2d) -> "Geometry":
        """That of a layer.

        Raises InputError for another layer, and for a padding that is not by zeros, or not a
        number.
        """
        if not isinstance(layer, Conv2d):
            raise InputError(f"only Conv2d is supported, not {type(layer).__name__}")
        if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            raise InputError(
                f"only zero padding by a number is supported, not {layer.padding_mode} "
                f"{layer.padding!r}"
            )
        pairs = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        kernel, stride, padding, dilation = ((int(pair[0]), int(pair[1])) for pair in pairs)
        return cls(kernel, stride, padding, dilation, layer.groups)

    def output_size(self, size: tuple[int, ...]) -> Pair:
        """The output's size for an input (height, width).

        Raises InputError where the kernel does not fit into it.
        """
        if len(size) != 2:
            raise InputError(f"an image has a height and a width, not the size {size}")
        sizes = (
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                size, self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        height, width = sizes
        if min(height, width) < 1:
            raise InputError(
                f"the kernel {self.kernel} does not fit into an input of {size}: give a larger one"
            )
        return height, width


def unfolded_signal(
    h: Tensor, size: Pair, geometry: Geometry
) -> Tensor:  # (batch, c_out, h, w) -> (batch, groups, H·W, c_out/groups · k)
    """A with ∂⟨h, conv(x)⟩/∂x_c = A w_c for every input channel c of a group.

    w_c = W[:, c], flattened over outputs and kernel. It is the unfolding of the stride-dilated h,
    padded by dilation · (k − 1) − p, at the end also by the output padding. Raises InputError where
    h is not the size of the output for an input of `size`.
    """
    _check_images(h=h)
    if tuple(h.shape[2:]) != geometry.output_size(size) or h.shape[1] % geometry.groups:
        raise InputError(
            f"h {tuple(h.shape)} does not fit an input of {size}: its size must be "
            f"{geometry.output_size(size)}"
        )
    spread = _spread(h, geometry.stride)
    pads: list[int] = []
    for axis in (1, 0):  # F.pad starts at the last axis
        reach = geometry.dilation[axis] * (geometry.kernel[axis] - 1)
        before = reach - geometry.padding[axis]
        pads += [before, size[axis] + reach - before - spread.shape[2 + axis]]
    patches = F.unfold(F.pad(spread, pads), geometry.kernel, dilation=geometry.dilation)
    taps = geometry.kernel[0] * geometry.kernel[1]
    columns = patches.reshape(len(h), h.shape[1], taps, -1).flip(
        2
    )  # a transposed convolution reads its kernel backwards
    return columns.reshape(len(h), geometry.groups, -1, columns.shape[-1]).transpose(2, 3)


def _spread(h: Tensor, stride: Pair) -> Tensor:
    """h with stride − 1 zeros between its entries."""
    height, width = ((n - 1) * s + 1 for n, s in zip(h.shape[2:], stride, strict=True))
    spread = h.new_zeros(*h.shape[:2], height, width)
    spread[:, :, :: stride[0], :: stride[1]] = h
    return spread


def convolution_law(
    weight_std: float,
    h: Tensor,
    v: Tensor,
    geometry: Geometry,
    active: Tensor | None = None,
    *,
    slope: Tensor | None = None,
    signal: Tensor | None = None,
    most_entries: int = MOST_ENTRIES,
) -> GeneralizedChiSquare:
    """‖v + D ∂⟨h, conv(x)⟩/∂x‖² for h, v and D = diag(active) independent of the weights.

    Laws "convolution" and "convolution.masked", for h (batch, c_out, h, w) and v (batch, c_in, H,
    W). `active` is boolean, of the shape of v, and stands behind a ReLU. `slope`, of the shape of
    v, in place of `active`: behind any other pointwise map, D = diag(slope) and A becomes DA.
    Samples are taken one by one: raises InputError for a layer of which one needs more than
    `most_entries` float64 at once.
    """
    if active is not None and slope is not None:
        raise InputError(
            "both active and slope are given: a slope of 0 or 1 says what active says, give "
            "one of them"
        )
    _check_images(h=h, v=v)
    check_sizes(h=array(h, "h"), v=array(v, "v"))
    entries = _unfolded_entries(h, v, geometry)
    _refuse_large(entries, most_entries, "give a smaller layer, or a larger most_entries")
    rest = OF_SIGNAL if slope is None else OF_SLOPES
    slopes = None if slope is None else _slopes(slope, v)
    if active is not None:
        slopes, rest = _checked(active, v), OF_MASK
    each_slope = [None] * len(h) if slopes is None else slopes.split(1)
    laws = [
        _sample_law(weight_std, *one, geometry)
        for one in zip(h.split(1), v.split(1), each_slope, strict=True)
    ]
    return of_draws(side_by_side(laws), drawn(weight_std, rest), h, v, signal)


def _sample_law(
    weight_std: float, h: Tensor, v: Tensor, slope: Tensor | None, geometry: Geometry
) -> GeneralizedChiSquare:
    """That of one sample, without a batch axis; a channel has its own weights."""
    factor, base = (each[0].cpu().numpy() for each in _by_group(h, v, geometry))
    if slope is None:
        letters = {"A": factor, "v": base}
        law = generalized(generalized_law("convolution"), weight_std, letters)
        return law.sum_over(1).sum_over(0)
    slopes = _by_channel(slope, geometry)[0].cpu().numpy()
    channels = [
        _channel_law(weight_std, unfolded[0], *one)
        for unfolded, *group in zip(factor, base, slopes, strict=True)
        for one in zip(*group, strict=True)
    ]
    return side_by_side(channels).sum_over(0)


def _channel_law(
    weight_std: float, factor: Array, base: Array, slope: npt.NDArray[Any]
) -> GeneralizedChiSquare:
    """That of one channel: its pixels of slope 0 need no decomposing, as those behind a mask."""
    some = slope != 0
    if not some.any():
        return GeneralizedChiSquare((base**2).sum(), *np.zeros((3, 1)))
    letters = {
        "A_a": factor[some] * slope[some, None],
        "v_a": base[some],
        "v_i": base[~some],
    }
    return generalized(generalized_law("convolution.masked"), weight_std, letters)


def alignment_deviation(
    weight_std: float, h: Tensor, v: Tensor, geometry: Geometry, *, slope: Tensor | None = None
) -> Array:
    """The standard deviation of ⟨v, D ∂⟨h, conv(x)⟩/∂x⟩, (batch,).

    The inner product follows N(0, ω² Σ_channels ‖AᵀDv_c‖²), all as for `convolution_law`.
    """
    _check_images(h=h, v=v)
    (h, tall), (v, wide) = _scaled(h, "h"), _scaled(v, "v")
    factor, base = _by_group(h, v, geometry)
    if slope is not None:
        base = base * _by_channel(_slopes(slope, v), geometry)
    projected = array(factor, "h").swapaxes(-1, -2) @ array(base, "v")[..., None]
    # Products of sizes first: of two signals each may be beyond what squares can hold.
    return np.asarray(
        deviation(weight_std) * (tall * wide * np.sqrt((projected**2).sum((1, 2, 3, 4))))
    )


def conditional_convolution_law(
    weight_std: float,
    phi: Tensor,
    u: Tensor,
    h: Tensor,
    v: Tensor,
    geometry: Geometry,
    active: Tensor | None = None,
    *,
    coupled: bool = False,
    signal: Tensor | None = None,
) -> GeneralizedChiSquare:
    """‖v + D ∂⟨h, conv(φ(x))⟩/∂φ‖² inside a real network, given u = conv(φ(x)) without bias.

    Law "conditional.shared". phi, v: (batch, c_in, H, W); u, h: (batch, c_out, h, w), h = ∂L/∂u any
    function of u; active: boolean, as v. With `coupled` the signals may depend on the outputs of
    all samples, as with BatchNorm in training mode. The law is a point where the patches of one
    sample (all samples, if coupled) span the whole space: often as soon as h · w ≥ c_in · k. Its
    matrix holds c_out · c_in² · k · H · W numbers per sample: raises InputError for a layer that is
    too large.
    """
    _check_images(phi=phi, u=u, h=h, v=v)
    check_sizes(phi=array(phi, "phi"), u=array(u, "u"), h=array(h, "h"), v=array(v, "v"))
    if phi.shape != v.shape or u.shape != h.shape:
        raise InputError(
            f"phi {tuple(phi.shape)} must have the shape of v, {tuple(v.shape)}, and u "
            f"{tuple(u.shape)} that of h, {tuple(h.shape)}"
        )
    size = (v.shape[2], v.shape[3])
    factor = unfolded_signal(h.detach().double(), size, geometry)
    outputs, channels = h.shape[1] // geometry.groups, v.shape[1] // geometry.groups
    entries = len(h) * channels**2 * geometry.groups * factor.shape[2] * factor.shape[3]
    _refuse_large(entries, MOST_ENTRIES, "give fewer samples or a smaller layer")
    per_output = factor.unflatten(-1, (outputs, -1)).transpose(
        2, 3
    )  # (batch, groups, c_out/groups, H·W, k)
    pull = (
        torch.einsum("ij,bgoyt->bgoiyjt", torch.eye(channels).to(per_output), per_output)
        .flatten(-2)
        .flatten(-3, -2)
    )
    base = _by_channel(v, geometry).flatten(2)
    if active is not None:
        mask = _by_channel(_checked(active, v), geometry).flatten(2)
        pull = torch.where(mask[:, :, None, :, None], pull, 0)
    patches = F.unfold(
        phi.detach().double(), geometry.kernel, geometry.dilation, geometry.padding, geometry.stride
    )
    inputs, seen = (
        part.unflatten(1, (geometry.groups, -1)).transpose(2, 3)
        for part in (patches, u.detach().double().flatten(2))
    )
    if coupled:
        inputs, seen = (part.transpose(0, 1).flatten(1, 2)[None] for part in (inputs, seen))
    law = shared_law(weight_std, inputs, seen, pull, base).sum_over(1)
    return of_draws(law, drawn(weight_std, GIVEN_ALL), h, v, signal)


def _check_images(**images: Tensor) -> None:
    """Refuses what is no finite real image, and batches of different sizes.

    Images are (batch, channels, height, width).
    """
    for name, image in images.items():
        if array(image, name).ndim != 4:
            raise InputError(
                f"{name} has shape {tuple(image.shape)}: give images (batch, channels, "
                "height, width)"
            )
    if len({len(image) for image in images.values()}) != 1:
        raise InputError(f"{' and '.join(images)} must have as many samples")


def _unfolded_entries(h: Tensor, v: Tensor, geometry: Geometry) -> int:
    """Of A, and of the smaller of AAᵀ and AᵀA."""
    pixels = v.shape[2] * v.shape[3]
    weights = h.shape[1] // geometry.groups * geometry.kernel[0] * geometry.kernel[1]
    return geometry.groups * pixels * weights + min(pixels, weights) ** 2


def _refuse_large(entries: int, most_entries: int, way_out: str) -> None:
    if entries > most_entries:
        raise InputError(
            f"the law would need {entries:.1e} numbers at once, more than {most_entries:.1e}: "
            f"{way_out}"
        )


def _by_channel(
    image: Tensor, geometry: Geometry
) -> Tensor:  # (batch, c_in, H, W) -> (batch, groups, c_in/groups, H·W)
    if image.shape[1] % geometry.groups:
        raise InputError(f"{image.shape[1]} channels cannot be split into {geometry.groups} groups")
    flat = image.detach().flatten(2)
    return (flat if flat.dtype == torch.bool else flat.double()).unflatten(1, (geometry.groups, -1))


def _by_group(h: Tensor, v: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """A, which the channels of a group share, and v by channel.

    (batch, groups, 1, H·W, …) and (batch, groups, c_in/groups, H·W).
    """
    return unfolded_signal(h.detach().double(), (v.shape[2], v.shape[3]), geometry)[
        :, :, None
    ], _by_channel(v, geometry)


def _slopes(slope: Tensor, v: Tensor) -> Tensor:
    if slope.shape != v.shape:
        raise InputError(f"slope must be of shape {tuple(v.shape)}, not {tuple(slope.shape)}")
    check_sizes(slope=array(slope, "slope"))
    return slope.detach().double()


def _scaled(image: Tensor, name: str) -> tuple[Tensor, Array]:
    """A batch of images with entries of order one, and what they were divided by, (batch,)."""
    sizes = np.abs(array(image, name)).reshape(len(image), -1).max(1)
    unit = np.where(sizes > 0, sizes, 1)
    divisor = torch.from_numpy(unit).to(image.device)
    return image.detach().double() / divisor.view(-1, 1, 1, 1), unit


def _checked(active: Tensor, v: Tensor) -> Tensor:
    if active.shape != v.shape or active.dtype != torch.bool:
        raise InputError(
            f"active must be a boolean tensor of shape {tuple(v.shape)}, not {active.dtype} "
            f"{tuple(active.shape)}"
        )
    return active
