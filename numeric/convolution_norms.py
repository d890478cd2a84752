"""Bounds spectral norms of convolutions as they are: real padding, stride, dilation and groups, rounding included.

A strided convolution is one of stride 1 on the phases of its input, a padded one a part of a circular one, and a circular one
a matrix per frequency (Sedghi, Gupta & Long 2019, ICLR). Never imports a network or a term.
"""

import math
from collections.abc import Sequence
from itertools import product

import torch
from flint import arb, fmpq
from torch import Tensor
from torch.nn import functional

from derivations.errors import InputError
from numeric.balls import UNIT, gamma, precise, up
from numeric.enclosed import Enclosed
from numeric.verified_norm import spectral_norm_upper

Sizes = tuple[int, ...]


def zero_padded_norm_upper(weight: Tensor, outputs: Sizes, stride: Sizes, dilation: Sizes, groups: int) -> float:
    """No less than ‖A‖₂ of a zero-padded convolution with `outputs` positions; weight (out, in / groups, *kernel).

    Outputs o < m read inputs o, …, o + k − 1 of the padded image: on a circle of m + k − 1 positions none is read twice, so the
    operator is a part of the circular one. Also the norm of the transposed convolution onto that image.
    """
    kernel = _phases(_dilated(weight, dilation), stride)
    grid = tuple(m + k - 1 for m, k in zip(outputs, kernel.shape[2:], strict=True))
    return _circular_norm_upper(kernel, grid, groups)


def circular_norm_upper(weight: Tensor, inputs: Sizes, outputs: Sizes, stride: Sizes, dilation: Sizes, groups: int) -> float:
    """No less than ‖A‖₂ of a convolution with circular padding of `inputs` positions; equal up to rounding where the
    outputs go round exactly once. Where a stride does not divide the circle, its outputs are some of those of stride 1."""
    kernel, grid = _dilated(weight, dilation), inputs
    if all(n % s == 0 for n, s in zip(inputs, stride, strict=True)):
        kernel, grid = _phases(kernel, stride), tuple(n // s for n, s in zip(inputs, stride, strict=True))
        stride = (1,) * len(stride)
    rounds = math.prod(-(-((m - 1) * s + 1) // n) for m, s, n in zip(outputs, stride, grid, strict=True))
    once = _circular_norm_upper(kernel, grid, groups)
    return once if rounds == 1 else math.nextafter(once * math.sqrt(rounds) * (1 + 4 * UNIT), math.inf)


def circular_singular_values(weight: Tensor, grid: Sizes) -> Tensor:  # -> (frequencies, min(out, in))
    """The singular values of a circular convolution of stride 1 on a grid, exact up to floating point: one row per frequency.

    weight: (out, in, *kernel) float64, the kernel wrapped where it is larger than the grid. Raises InputError for another shape.
    """
    if not isinstance(weight, Tensor) or weight.dim() != 2 + len(grid) or not weight.numel():
        found = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
        raise InputError(f"a weight {found} does not go with the grid {grid}: give (out, in, *kernel)")
    stored = Enclosed.exactly(weight).mid
    spectrum = torch.fft.fftn(_wrapped(stored, grid), dim=tuple(range(2, weight.dim())))
    return torch.linalg.svdvals(spectrum.flatten(2).permute(2, 0, 1))


def _dilated(weight: Tensor, dilation: Sizes) -> Tensor:
    """The kernel with its zeros written out."""
    sizes = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    wide = weight.new_zeros(*weight.shape[:2], *sizes)
    wide[(slice(None), slice(None), *(slice(None, None, d) for d in dilation))] = weight
    return wide


def _phases(weight: Tensor, stride: Sizes) -> Tensor:
    """The kernel of stride 1 on the input's phases: entry κ = s q + r of the kernel is entry q of channel r's."""
    for axis, s in enumerate(stride):
        padded = functional.pad(weight, [0, 0] * (weight.dim() - 3 - axis) + [0, -weight.shape[2 + axis] % s])
        split = padded.unflatten(2 + axis, (-1, s))
        weight = split.movedim(3 + axis, 2).flatten(1, 2)
    return weight


def _wrapped(weight: Tensor, grid: Sizes) -> Tensor:
    """The kernel on the circle, entries that meet added up."""
    for axis, n in enumerate(grid, start=2):
        rounds = -(-weight.shape[axis] // n)
        padded = functional.pad(weight, [0, 0] * (weight.dim() - 1 - axis) + [0, rounds * n - weight.shape[axis]])
        weight = padded.unflatten(axis, (rounds, n)).sum(axis)
    return weight


def _circular_norm_upper(weight: Tensor, grid: Sizes, groups: int) -> float:
    """The largest norm over the frequencies, of which half suffice: those of −θ are conjugate."""
    stored = Enclosed.exactly(weight).mid
    stored = stored.unflatten(0, (groups, -1)).flatten(3)  # (groups, out, in, taps)
    offsets = list(product(*(range(k) for k in weight.shape[2:])))
    frequencies = [f for f in product(*(range(n) for n in grid)) if f <= tuple(-j % n for j, n in zip(f, grid, strict=True))]
    cosines, sines = _waves(frequencies, offsets, grid)
    sizes = up(stored.abs().sum(3), len(offsets))
    error = up((gamma(len(offsets)) + 2 * UNIT) * sizes * math.sqrt(2), 4).square().sum((1, 2))
    bound = torch.sqrt(up(error, sizes[0].numel())) * (1 + 8 * UNIT)
    return max(
        spectral_norm_upper(_real(stored @ cosine, stored @ sine), bound).max().item() for cosine, sine in zip(cosines, sines, strict=True)
    )


def _real(real: Tensor, imaginary: Tensor) -> Tensor:
    """Real matrices with the singular values of A + iB, each twice."""
    return torch.cat([torch.cat([real, -imaginary], 2), torch.cat([imaginary, real], 2)], 1)


def _waves(frequencies: Sequence[Sizes], offsets: Sequence[Sizes], grid: Sizes) -> tuple[Tensor, Tensor]:
    """cos and sin of 2π Σ j q / n, (frequencies, taps) each, off by at most 2⁻⁵³."""
    turn = math.lcm(*grid)
    steps = [[sum(j * q * (turn // n) for j, q, n in zip(f, o, grid, strict=True)) % turn for o in offsets] for f in frequencies]
    with precise():
        turns = [fmpq(2 * step, turn) for step in range(turn)]
        waves = [[float(wave(each).mid()) for each in turns] for wave in (arb.cos_pi_fmpq, arb.sin_pi_fmpq)]
    cosines, sines = (torch.tensor(wave, dtype=torch.float64)[torch.tensor(steps)] for wave in waves)
    return cosines, sines
