"""Bounds spectral norms of convolutions: real padding, stride, dilation, groups and rounding.

A strided convolution is one of stride 1 on the phases of its input, a padded one a part of a
circular one, and a circular one a matrix per frequency (Sedghi, Gupta & Long 2019, ICLR). Never
imports a network or a term.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from flint import arb, fmpq
from torch import Tensor
from torch.nn import functional

from derivations.errors import InputError
from numeric.certified.balls import TINY, UNIT, float_above, gamma, precise, up
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.matrix_norms import (
    about_largest_norm,
    check_subnormals,
    largest_norm_upper,
)
from numeric.checks import described, is_dense

Sizes = tuple[int, ...]
_AT_ONCE = 1 << 21
"""Entries of the matrices that are held at once."""


@dataclass(frozen=True)
class _Axis:
    """One axis of a convolution of stride 1 on a circle.

    Says which taps of the kernel read entry o + shift of which phase of the input. `twist`: what
    goes round changes its sign, so that frequencies lie halfway between those of the circle.
    """

    taps: tuple[tuple[int, int, int], ...]  # (index, shift, phase)
    circle: int
    twist: bool = False


def zero_padded_norm_upper(
    weight: Tensor,
    inputs: Sizes,
    outputs: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> float:
    """No less than ‖A‖₂ of a zero-padded convolution; weight (out, in / groups, *kernel).

    `padding` is what precedes the image. Exact where windows do not overlap, and for one position
    per axis. A padded image meets nothing that went round the circle, so any twist of it will do:
    the norm is bounded with that which looks best. Also the norm of the transposed convolution,
    from `outputs` to `inputs`. Raises InputError for a weight that is not real and finite.
    """
    sizes = zip(weight.shape[2:], inputs, outputs, stride, padding, dilation, strict=True)
    axes = [_padded_axis(*each) for each in sizes]
    return _norm_upper(weight, axes, groups, twisted=True)


def circular_norm_upper(
    weight: Tensor, inputs: Sizes, outputs: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> float:
    """No less than ‖A‖₂ of a convolution with circular padding of `inputs` positions.

    Equal up to rounding where the outputs go round exactly once. Where a stride does not divide the
    circle, its outputs are some of those of stride 1.
    """
    strides = [s if n % s == 0 else 1 for n, s in zip(inputs, stride, strict=True)]
    steps = [s // used for s, used in zip(stride, strides, strict=True)]
    axes = [
        _Axis(tuple((k, k * d // s, k * d % s) for k in range(size)), n // s)
        for size, n, s, d in zip(weight.shape[2:], inputs, strides, dilation, strict=True)
    ]
    rounds = math.prod(
        -(-((m - 1) * step + 1) // axis.circle)
        for m, step, axis in zip(outputs, steps, axes, strict=True)
    )
    with precise():
        return float_above(arb(_norm_upper(weight, axes, groups)) * arb(rounds).sqrt())


def circular_singular_values(
    weight: Tensor, grid: Sizes
) -> Tensor:  # -> (frequencies, min(out, in))
    """The singular values of a circular convolution of stride 1: one row per frequency of the grid.

    Exact up to floating point. weight: (out, in, *kernel) float64, the kernel wrapped where it is
    larger than the grid. Raises InputError for another shape, and where a value is beyond the range
    of float64.
    """
    if (
        not isinstance(weight, Tensor)
        or not is_dense(weight)
        or weight.dim() != 2 + len(grid)
        or not weight.numel()
        or min(grid, default=0) < 1
    ):
        raise InputError(
            f"a weight {described(weight)} does not go with the grid {grid}: "
            "give (out, in, *kernel)"
        )
    stored = Enclosed.exactly(weight).mid
    # To order one and back, in two steps each: a power of two of the whole range is no float.
    half = int(torch.frexp(stored.abs().max()).exponent.clamp(-1022, 1024)) / 2
    parts = math.ldexp(1.0, math.floor(half)), math.ldexp(1.0, math.ceil(half))
    scaled = stored / parts[0] / parts[1]
    spectrum = torch.fft.fftn(_wrapped(scaled, grid), dim=tuple(range(2, weight.dim())))
    values = torch.linalg.svdvals(spectrum.flatten(2).permute(2, 0, 1)) * parts[0] * parts[1]
    if not values.isfinite().all():
        raise InputError("a singular value is beyond the range of float64: rescale the weight")
    return values


def _wrapped(weight: Tensor, grid: Sizes) -> Tensor:
    """The kernel on the circle, entries that meet added up."""
    for axis, n in enumerate(grid, start=2):
        rounds = -(-weight.shape[axis] // n)
        padded = functional.pad(
            weight, [0, 0] * (weight.dim() - 1 - axis) + [0, rounds * n - weight.shape[axis]]
        )
        weight = padded.unflatten(axis, (rounds, n)).sum(axis)
    return weight


def _padded_axis(
    size: int, inputs: int, outputs: int, stride: int, padding: int, dilation: int
) -> _Axis:
    """The axis of a zero-padded convolution; taps that only read zeros drop out.

    Output o reads entry s o + d k − p = s (o + q) + r of the image, which is entry o + q of phase
    r. Entry m of a phase and output o meet for tap q if m − o = q. On a circle they also meet if m
    − o = q modulo its size, so it must be larger than every |m − o − q|: m < n, o < outputs. A
    single output may step as far as it likes: then each tap has a phase of its own.
    """
    taps, stride = [], stride if outputs > 1 else inputs
    for k in range(size):
        shift, phase = divmod(dilation * k - padding, stride)
        entries = _entries(inputs, stride, phase)
        if entries and -outputs < shift < entries:
            taps.append((k, shift, phase))
    longest = max((_entries(inputs, stride, phase) for _, _, phase in taps), default=0)
    shifts = [shift for _, shift, _ in taps]
    return _Axis(tuple(taps), max(longest - min(shifts), outputs + max(shifts)) if taps else 0)


def _entries(inputs: int, stride: int, phase: int) -> int:
    """The number of entries in a phase: of phase, phase + stride, … below `inputs`."""
    return max(0, -((phase - inputs) // stride))


def _norm_upper(
    weight: Tensor, axes: Sequence[_Axis], groups: int, *, twisted: bool = False
) -> float:
    """The largest norm over the frequencies, of which half suffice: those of −θ are conjugate."""
    check_subnormals()
    stored = Enclosed.exactly(weight).mid.unflatten(0, (groups, -1))
    if not all(axis.taps for axis in axes) or not stored.any():
        return 0.0
    # To order one, exactly, so that no product that matters under- or overflows.
    exponent = int(torch.frexp(stored.abs().max()).exponent.clamp(-1000, 1000))
    phases = list(_phases(stored * math.ldexp(1.0, -exponent), axes))
    if twisted:
        axes = min(_twists(axes), key=lambda each: _looks_like(phases, each))
    error = _error(phases)
    largest = 0.0
    for real, imaginary in _matrices(phases, axes):
        errors = error[:, None].expand(real.shape[:2])  # groups, frequencies; then out, in · phases
        found = largest_norm_upper(real.flatten(0, 1), imaginary.flatten(0, 1), errors.flatten())
        largest = max(largest, found)
    with precise():
        return float_above(arb(largest) * arb(2) ** exponent)


def _twists(axes: Sequence[_Axis]) -> list[list[_Axis]]:
    """The circles and their twists; of one tap there is nothing to twist."""
    signs = ((False, True) if len(axis.taps) > 1 else (False,) for axis in axes)
    return [
        [replace(axis, twist=twist) for axis, twist in zip(axes, some, strict=True)]
        for some in product(*signs)
    ]


def _looks_like(phases: Sequence[tuple[Tensor, Tensor]], axes: Sequence[_Axis]) -> float:
    """About the largest norm over the frequencies, proving nothing."""
    return max(
        about_largest_norm(real.flatten(0, 1), imaginary.flatten(0, 1))
        for real, imaginary in _matrices(phases, axes)
    )


def _matrices(
    phases: Sequence[tuple[Tensor, Tensor]], axes: Sequence[_Axis]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Real and imaginary parts (groups, frequencies, out, in · phases), as many as fit at once."""
    width = sum(kernel.shape[2] for kernel, _ in phases)
    entries = phases[0][0].shape[0] * phases[0][0].shape[1] * width
    for some in _half(axes).split(max(1, _AT_ONCE // entries)):
        waves = [(kernel, _waves(some, shifts, axes)) for kernel, shifts in phases]
        real, imaginary = (
            torch.cat([(kernel @ wave[part].mT).movedim(3, 1) for kernel, wave in waves], 3)
            for part in (0, 1)
        )
        yield real, imaginary


def _phases(stored: Tensor, axes: Sequence[_Axis]) -> Iterator[tuple[Tensor, Tensor]]:
    """For each phase that is read, the kernel's entries and their shifts.

    (groups, out, in, taps) and (taps, axes).
    """
    together: dict[Sizes, list[tuple[Sizes, Sizes]]] = {}
    for taps in product(*(axis.taps for axis in axes)):
        index, shift, phase = zip(*taps, strict=True)
        together.setdefault(phase, []).append((index, shift))
    for some in together.values():
        indices, shifts = (torch.tensor(each) for each in zip(*some, strict=True))
        yield stored[(slice(None), slice(None), slice(None), *indices.T)], shifts


def _error(phases: Sequence[tuple[Tensor, Tensor]]) -> Tensor:  # -> (groups,)
    """No less than ‖·‖_F of what the matrix of any frequency is off by.

    Each part of an entry is a sum of real products. Each wave is off by at most UNIT, and each
    entry of the kernel by TINY where scaling it underflows.
    """
    squares = torch.zeros(len(phases[0][0]), dtype=torch.float64)
    for kernel, _ in phases:
        taps = kernel.shape[3]
        entries = up(kernel.abs().sum(3), taps) * (1.5 * gamma(taps + 1)) + 8 * taps * TINY
        squares = squares + up(entries.square().flatten(1).sum(1), kernel[0].numel())
    return up(squares, len(phases) + 2).sqrt() * (1 + 4 * UNIT)


def _half(axes: Sequence[_Axis]) -> Tensor:  # -> (frequencies, axes)
    """One frequency of each pair θ, −θ, in half steps of the circle: odd where it is twisted."""
    twists = torch.tensor([int(axis.twist) for axis in axes])
    circles = [axis.circle for axis in axes]
    frequencies = torch.cartesian_prod(*map(torch.arange, circles)).reshape(-1, len(circles))
    places = torch.tensor([math.prod(circles[i + 1 :]) for i in range(len(circles))])
    opposite = ((-frequencies - twists) % torch.tensor(circles)) @ places
    return 2 * frequencies[frequencies @ places <= opposite] + twists


def _waves(
    frequencies: Tensor, shifts: Tensor, axes: Sequence[_Axis]
) -> tuple[Tensor, Tensor]:  # -> (frequencies, taps) twice
    """cos and sin of 2π Σ j q / 2n of half steps j, off by at most 2⁻⁵³."""
    turn = 2 * math.lcm(*(axis.circle for axis in axes))
    places = torch.tensor([turn // (2 * axis.circle) for axis in axes])
    steps, where = ((frequencies @ (shifts * places).T) % turn).unique(return_inverse=True)
    with precise():
        turns = [fmpq(2 * step, turn) for step in steps.tolist()]
        waves = [
            [float(wave(each).mid()) for each in turns]
            for wave in (arb.cos_pi_fmpq, arb.sin_pi_fmpq)
        ]
    cosines, sines = (torch.tensor(wave, dtype=torch.float64)[where] for wave in waves)
    return cosines, sines
