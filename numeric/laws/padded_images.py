"""Carries second moments through 3×3 convolutions with zero padding, position by position.

A profile is an array (height, width): the mean square, over channels and draws of the weights, of
what stands at a position. Weights are independent, of mean 0, scaled to 1/9 per tap here; images
are independent of each other. Exact as the width and the batch grow, where no two images have a
correlation.
"""

import numpy as np
from numpy.typing import NDArray

Profile = NDArray[np.float64]
TAPS = 3


def received(second: Profile, mean: Profile, stride: int = 1) -> Profile:
    """Mean square at each output position, the mean over batch and positions taken off.

    `second` and `mean` are those of a channel at a position; `mean` is the same in every channel.
    Padding is no image: it stands at 0, so what lies at the border keeps −(its share of the mean).
    """
    total = 0.0
    for rows, columns in _taps(second.shape, stride):
        centre = _padded(mean)[rows, columns].mean()
        found = _padded(second)[rows, columns] - 2 * centre * _padded(mean)[rows, columns]
        total = total + found + centre**2
    return np.asarray(total) / TAPS**2


def sent_back(signal: Profile, shape: tuple[int, int], stride: int = 1) -> Profile:
    """Mean square of Wᵀg at each input position; what falls on the padding is lost."""
    wide = np.zeros((shape[0] + 2, shape[1] + 2))
    for rows, columns in _taps(shape, stride):
        wide[rows, columns] += signal / TAPS**2
    return wide[1:-1, 1:-1]


def spread_over(signal: Profile, shape: tuple[int, int], stride: int) -> Profile:
    """Mean square of Wᵀg of a 1×1 convolution that reads every `stride`-th position."""
    wide = np.zeros(shape)
    wide[::stride, ::stride] = signal
    return wide


def point_received(second: Profile, mean: Profile, stride: int = 1) -> Profile:
    """`received` of a 1×1 convolution that reads every `stride`-th position."""
    second, mean = second[::stride, ::stride], mean[::stride, ::stride]
    return second - 2 * mean.mean() * mean + mean.mean() ** 2


def pooled(second: Profile, mean: Profile) -> Profile:
    """Mean square of a 2×2 average of a channel, its mean taken off, of independent positions."""
    alone, together = _quads(second - mean**2).sum((1, 3)) / 16, _quads(mean).mean((1, 3))
    return alone + (together - together.mean()) ** 2


def unpooled(signal: Profile, shape: tuple[int, int]) -> Profile:
    """What a 2×2 average sends back: a quarter of the signal to each of four positions."""
    wide = np.zeros(shape)
    fine = signal.repeat(2, axis=0).repeat(2, axis=1) / 16
    wide[: fine.shape[0], : fine.shape[1]] = fine
    return wide


def _quads(profile: Profile) -> Profile:
    rows, columns = (size // 2 for size in profile.shape)
    return profile[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)


def _padded(profile: Profile) -> Profile:
    return np.pad(profile, 1)


def _taps(shape: tuple[int, ...], stride: int) -> list[tuple[slice, slice]]:
    return [
        (slice(i, i + shape[0], stride), slice(j, j + shape[1], stride))
        for i in range(TAPS)
        for j in range(TAPS)
    ]
